"""A bound on the whole time of one request, from connecting to the last byte.

The HTTP libraries' own time-outs are for each wait for bytes: a server that sends a header's characters one by one, or
`103 Early Hints` for ever, would hold a request for days.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from httpx2 import Request


class Deadline:
    """For requests one after the other. `passed`: the last one was hung up on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._socket: socket.socket | None = None

    def note(self, connected: socket.socket) -> None:
        """The socket that the request goes through. A kept connection stays the one that was noted last."""
        self._socket = connected
        if self.passed:  # while it was being connected
            self._hang_up()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hang up when the time is over: whoever waits for bytes then gets none."""
        self.passed = False
        timer = Timer(self.seconds, self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def on(self, request: Request) -> Iterator[None]:
        """For a request of httpx. Raises `httpx2.ReadTimeout` where the time is over."""
        from httpx2 import HTTPError, ReadTimeout

        request.extensions["trace"] = self._traced
        with self.running():
            try:
                yield
            except HTTPError:
                if not self.passed:
                    raise
        if self.passed:  # a body without a length ends where the connection does: it looks whole
            raise ReadTimeout(f"no whole answer within {self.seconds:g} seconds", request=request)

    def _traced(self, event: str, info: Mapping[str, Any]) -> None:
        # https://www.encode.io/httpcore/extensions/#trace
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self.note(info["return_value"].get_extra_info("socket"))

    def _hang_up(self) -> None:
        self.passed = True
        if self._socket is not None:
            with suppress(OSError):  # it has gone meanwhile
                # Not TLS's own shutdown, which changes the object under the thread that reads from it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
