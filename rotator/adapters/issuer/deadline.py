"""A bound on the whole time of one request.

The HTTP library's own time-outs are for each wait for bytes: a server that sends a header's characters one by one, or
`103 Early Hints` for ever, would hold a request for days.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from httpx2 import Client, Request, Response


class Deadline:
    """For the requests of one client, one after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._socket: socket.socket | None = None
        self._passed = False

    @contextmanager
    def on(self, request: Request) -> Iterator[None]:
        """Hang up when the time is over: whoever waits for bytes then gets none. Raises `httpx2.ReadTimeout`."""
        from httpx2 import HTTPError, ReadTimeout

        self._passed = False
        request.extensions["trace"] = self._note
        timer = Timer(self._seconds, self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except HTTPError:
            if self._passed:
                raise ReadTimeout(f"no whole answer within {self._seconds:g} seconds", request=request) from None
            raise
        finally:
            timer.cancel()

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        # https://www.encode.io/httpcore/extensions/#trace. A kept connection stays the one that was noted last.
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")

    def _hang_up(self) -> None:
        self._passed = True
        if self._socket is not None:
            with suppress(OSError):  # it has gone meanwhile
                self._socket.shutdown(socket.SHUT_RDWR)


def on_time(seconds: float, **options: Any) -> Client:
    """The SDK's own HTTP client with these options, every request of which ends within `seconds`."""
    from anthropic import DefaultHttpxClient

    deadline = Deadline(seconds)

    class OnTime(DefaultHttpxClient):
        def send(self, request: Request, **how: Any) -> Response:
            with deadline.on(request):
                return super().send(request, **how)

    return OnTime(**options)
