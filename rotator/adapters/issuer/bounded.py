"""Bounds on the body of an HTTP answer: bytes, and time in all (the HTTP library's time-outs are per read)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.ports import Clock

if TYPE_CHECKING:
    from httpx2 import Response

MAX_BODY = 2 * 1024 * 1024
"""Bytes. A page of 1000 key records has about half a megabyte; the worst JSON takes thirty times its size to parse."""
MAX_BODY_TIME = timedelta(seconds=30)


def bounded(clock: Clock) -> Callable[[Response], None]:
    """A response hook. Where a bound is reached, reading raises `httpx2.ReadError` or `ReadTimeout`."""
    from httpx2 import ReadError, ReadTimeout, SyncByteStream

    class BoundedStream(SyncByteStream):
        def __init__(self, stream: SyncByteStream) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            read, end = 0, clock.now() + MAX_BODY_TIME
            for chunk in self._stream:
                read += len(chunk)
                if read > MAX_BODY:
                    raise ReadError(f"the answer is longer than {MAX_BODY} bytes")
                if clock.now() > end:
                    raise ReadTimeout(f"the answer took longer than {MAX_BODY_TIME}")
                yield chunk

        def close(self) -> None:
            self._stream.close()

    def hook(response: Response) -> None:
        if isinstance(response.stream, SyncByteStream):
            response.stream = BoundedStream(response.stream)
        # Packed, though we asked for it plain: two megabytes could unfold to two thousand. So it is not unpacked.
        response.headers.pop("Content-Encoding", None)
        response.encoding = "utf-8"  # JSON has no other (RFC 8259); a codec of the server's choice may be no text's

    return hook
