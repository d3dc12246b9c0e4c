"""A real server on loopback that answers with whatever bytes a test likes, and a trap that no key may ever reach."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_PATIENCE: Final = 10.0
"""Seconds that the server waits for a client's bytes, or for room to send its own."""

Script: TypeAlias = Callable[[bytes, int], Iterable[bytes]]
"""The request's head, and its number from 0 → pieces to send, one by one. At their end the connection is closed."""


@dataclass(slots=True)
class Hostile:
    url: str
    script: Script
    heads: list[bytes] = field(default_factory=list)
    """Of every request: its first line and its headers."""

    def restart(self, script: Script) -> None:
        self.script = script
        self.heads.clear()


def key_in(head: bytes) -> bytes:
    """The key that a request carries; empty where it carries none."""
    found = re.search(rb"sk-ant-[A-Za-z0-9_-]+", head)
    return found[0] if found else b""


def refuse_all(head: bytes, number: int) -> Iterable[bytes]:
    return [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]


@contextmanager
def hostile(script: Script = refuse_all, host: str = "127.0.0.1") -> Iterator[Hostile]:
    with socket.create_server((host, 0)) as listener:
        server = Hostile(f"http://{host}:{listener.getsockname()[1]}", script)
        thread = threading.Thread(target=_accept, args=(listener, server), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(_PATIENCE)


def _accept(listener: socket.socket, server: Hostile) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, server), daemon=True).start()


def _serve(client: socket.socket, server: Hostile) -> None:
    with client, suppress(OSError):  # a client that has heard enough hangs up
        client.settimeout(_PATIENCE)
        head = _head(client)
        if not head:
            return
        number = len(server.heads)
        server.heads.append(head)
        for piece in server.script(head, number):
            client.sendall(piece)
        # No reset while the client still reads: it shall see what was sent, and then the end.
        client.shutdown(socket.SHUT_WR)
        client.settimeout(0.05)
        while client.recv(1 << 16):
            pass


def _head(client: socket.socket) -> bytes:
    read = bytearray()
    while b"\r\n\r\n" not in read:
        piece = client.recv(1 << 16)
        if not piece:
            return b""
        read += piece
    head, _, body = bytes(read).partition(b"\r\n\r\n")
    found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    left = int(found[1]) - len(body) if found else 0
    while left > 0:
        left -= len(client.recv(1 << 16)) or left
    return head
