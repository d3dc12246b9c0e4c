"""What the sandbox's own small HTTP servers have in common: loopback only, JSON, keep-alive, no log."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from rotator.model.canonical import Json
from rotator.sandbox.loopback import require_loopback

HOST = "127.0.0.1"
_BODY = 1024 * 1024  # bytes: the longest body that is read


class LoopbackServer(ThreadingHTTPServer):
    """Binds 127.0.0.1; port 0 picks a free one."""

    daemon_threads = True
    block_on_close = False  # idle keep-alive connections would be waited for
    request_queue_size = 64

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__((HOST, port), handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the resolver for the host's full name, which can take seconds; nothing here reads it.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is not an error of the server's."""


class CuttableServer(LoopbackServer):
    """Knows its open connections, so that those that are kept alive end with it."""

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(port, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """Kept-alive ones would otherwise be answered on after the server has stopped."""
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class JsonHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet
    timeout = 120  # seconds that an idle connection is kept

    def answer(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def read_body(self) -> bytes:
        return self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _BODY))

    def log_message(self, format: str, *args: object) -> None:
        """Requests are counted, not logged."""


def connect(url: str, timeout: float) -> HTTPConnection:
    parts = urlsplit(require_loopback(url))
    return HTTPConnection(parts.hostname or HOST, parts.port or 80, timeout=timeout)


def call(
    method: str,
    url: str,
    *,
    token: str = "",
    headers: Mapping[str, str] | None = None,
    body: Json = None,
    timeout: float = 10,
) -> tuple[int, dict[str, Json]]:
    """One request to a sandbox server: status and JSON answer. Raises `OSError` where there is no answer."""
    connection = connect(url, timeout)
    sent = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    parts = urlsplit(url)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, f"{parts.path or '/'}?{parts.query}".rstrip("?"), content, sent)
        response = connection.getresponse()
        answer = json.loads(response.read(_BODY) or b"{}")
        return response.status, answer if isinstance(answer, dict) else {}
    except (HTTPException, ValueError) as error:
        raise OSError(f"no usable answer from {parts.netloc}: {type(error).__name__}") from None
    finally:
        connection.close()
