"""Bad weather between two processes: a loopback proxy for any request-and-reply protocol over TCP.

It knows no protocol but one rule: the client speaks, then the server answers. A fault is drawn, seeded, each time the
client begins to speak again, so connections that are kept open meet as many faults as fresh ones.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from rotator.sandbox.loopback import require_loopback

_HOST: Final = "127.0.0.1"
_IDLE: Final = 60.0  # seconds that a silent connection is kept
_LAST_REPLY: Final = 10.0  # seconds that the reply to a client that is gone is waited for
_CHUNK: Final = 64 * 1024  # bytes
_KEPT: Final = 256 * 1024  # bytes of one request that an `Exchange` holds
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER, on, no time: closing sends RST instead of FIN


class Fault(Enum):
    RESET = "reset"  # the connection breaks before the server has seen a byte
    LOST = "lost"  # the server has answered, the connection breaks in the answer's place
    TRUNCATED = "truncated"  # half of the answer's first part, then the end
    HALF_OPEN = "half-open"  # nothing is passed on and nothing ever answered, until `hold` is over
    DELAY = "delay"  # passed on late


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """`chances`: how likely each fault is, per request; together at most 1. `delay`, `hold`: in seconds."""

    chances: Mapping[Fault, float] = field(default_factory=dict)
    delay: float = 0.5
    hold: float = 3.0


FAIR: Final = Weather()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was passed on, and how its answer begins: empty where none came. May hold keys: no repr."""

    request: bytes = field(repr=False)
    reply: bytes = field(repr=False)
    fault: Fault | None


def unseen(exchange: Exchange) -> None:
    """Nobody looks."""


class FaultProxy:
    """A context manager. `weather` and `refuse` may be changed at any moment; every address is loopback."""

    def __init__(self, upstream: str, *, seed: int, seen: Callable[[Exchange], None] = unseen) -> None:
        """`upstream`: an http URL of this machine's. Starts nothing yet. Raises `UsageError` for any other."""
        parts = urlsplit(require_loopback(upstream))
        self.upstream = (_HOST, parts.port or 80)
        self.weather = FAIR
        self.met: Counter[Fault] = Counter()
        self.ending = threading.Event()
        self.seen = seen
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    def __enter__(self) -> Self:
        # This socket never listens: it keeps the port ours while connections are refused.
        self._reserve = _bound(0)
        self._port = int(self._reserve.getsockname()[1])
        self.refuse(False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ending.set()
        self.refuse(True)
        self._reserve.close()

    def refuse(self, yes: bool) -> None:
        """Whether new connections are refused, as where nobody listens. Those that are open go on."""
        with self._lock:
            if yes and self._listener is not None:
                with contextlib.suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in `accept`
                self._listener.close()
                self._listener = None
            elif not yes and self._listener is None:
                self._listener = _bound(self._port)
                self._listener.listen(64)
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def draw(self) -> Fault | None:
        with self._lock:
            drawn = self._random.random()
            for fault, chance in self.weather.chances.items():
                drawn -= chance
                if drawn < 0:
                    self.met[fault] += 1
                    return fault
        return None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_Conversation(self, client).run, daemon=True).start()


class _Conversation:
    """One client's connection, and the server's, once the client has said something that is passed on."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self._proxy, self._client = proxy, client
        self._server: socket.socket | None = None
        self._request = bytearray()  # the request that has no answer yet
        self._fault: Fault | None = None

    def run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._client, selectors.EVENT_READ)
                while not self._proxy.ending.is_set() and self._turn(selector):
                    pass
        except OSError:
            pass  # one side is gone: so is the conversation
        finally:
            self._client.close()
            if self._server is not None:
                self._server.close()

    def _turn(self, selector: selectors.BaseSelector) -> bool:
        """Whether the conversation goes on."""
        ready = [key.fileobj for key, _ in selector.select(_IDLE)]
        if self._server in ready:
            return self._answer()
        if self._client not in ready:
            return False
        try:
            said = self._client.recv(_CHUNK)
        except ConnectionError:
            said = b""
        if not said:
            self._hear_out()
            return False
        if not self._request and not self._begin():
            return False
        if self._server is None:
            self._server = socket.create_connection(self._proxy.upstream)
            selector.register(self._server, selectors.EVENT_READ)
        self._request += said[: _KEPT - len(self._request)]
        self._server.sendall(said)
        return True

    def _begin(self) -> bool:
        """Draw this request's fault; whether it is passed on at all."""
        weather, self._fault = self._proxy.weather, self._proxy.draw()
        if self._fault is Fault.RESET:
            self._break()
        elif self._fault is Fault.HALF_OPEN:
            self._proxy.ending.wait(weather.hold)
        elif self._fault is Fault.DELAY:
            self._proxy.ending.wait(weather.delay)
        return self._fault not in (Fault.RESET, Fault.HALF_OPEN)

    def _answer(self) -> bool:
        assert self._server is not None  # noqa: S101 - it has just said something
        said = self._server.recv(_CHUNK)
        fault = self._fault if self._request else None
        self._end(said)
        if not said:
            return False
        if fault is Fault.LOST:
            self._break()
            return False
        self._client.sendall(said[: len(said) // 2] if fault is Fault.TRUNCATED else said)
        return fault is not Fault.TRUNCATED

    def _hear_out(self) -> None:
        """The client is gone (killed, perhaps); the server may still carry out what it was asked."""
        if self._request and self._server is not None:
            self._server.settimeout(_LAST_REPLY)
            self._end(self._server.recv(_CHUNK))

    def _end(self, reply: bytes) -> None:
        if self._request:
            self._proxy.seen(Exchange(bytes(self._request), reply, self._fault))
        self._request.clear()
        self._fault = None

    def _break(self) -> None:
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((_HOST, port))
    return made
