"""Bounds on whole answers that come through urllib3, as boto3's and hvac's do: their bytes, and their time in all."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING, Any, Final

from rotator.client.deadline import Deadline

if TYPE_CHECKING:
    import boto3.session
    from botocore.config import Config

WHOLE_SECONDS: Final = 30.0
"""For one request, from connecting to the last byte: what the slowest answer of AWS or Vault may take."""
MAX_BODY: Final = 2 * 1024 * 1024
"""Bytes of an answer. A secret has at most 64 KiB in AWS and 1 MiB in Vault, of which each version is a description of
some 150 bytes; the worst JSON takes thirty times its size to parse."""
_PIECE: Final = 16 * 1024
"""Bytes that are read at a time. A packed piece unfolds to a thousand times its size at most."""


class TooLong(OSError):
    """The answer has more bytes than are read of one."""


_asking = local()
"""`deadline`: of the request that this thread is making."""


def bounded(pools: Mapping[str, type], seconds: float, most: int = MAX_BODY) -> dict[str, type]:
    """Scheme → a class of connection pools like the given one, whose answers are read to their end within the bounds.

    What goes beyond them, or ends before its length, is an error as for any lost connection (urllib3's
    `ReadTimeoutError` and `ProtocolError`, `TooLong`): each library retries and explains it by its own rules. What is
    packed is unpacked up to the bound. No redirect is followed here; requests follows by itself.
    """
    return {scheme: _like(getattr(pool, "plain", pool), (seconds, most)) for scheme, pool in pools.items()}


def bind(maker: Any, seconds: float, most: int = MAX_BODY) -> None:
    """From now on the pools that this `PoolManager` of urllib3 makes are bounded. Repeating it changes nothing."""
    classes = maker.pool_classes_by_scheme
    if any(getattr(pool, "bounds", None) != (seconds, most) for pool in classes.values()):
        maker.pool_classes_by_scheme = bounded(classes, seconds, most)


@contextmanager
def while_bound(maker: Any, seconds: float, most: int = MAX_BODY) -> Iterator[None]:
    """As `bind`, for a while."""
    plain = {scheme: getattr(pool, "plain", pool) for scheme, pool in maker.pool_classes_by_scheme.items()}
    bind(maker, seconds, most)
    try:
        yield
    finally:
        maker.pool_classes_by_scheme = plain


def bounded_session(seconds: float, most: int = MAX_BODY) -> boto3.session.Session:
    """A session of boto3's, every client of which is bounded: those that fetch credentials as well.

    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html#creating-client-class
    """
    import boto3.session

    class Client:
        _endpoint: Any

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            # The one dictionary that botocore's session gives to all its pool managers, the proxies' too.
            classes = self._endpoint.http_session._pool_classes_by_scheme
            classes.update(bounded(classes, seconds, most))

    def mixed_in(base_classes: list[type], **_: Any) -> None:
        base_classes.insert(0, Client)

    session = boto3.session.Session()
    session.events.register("creating-client-class", mixed_in)
    return session


def patience(connect: float, read: float, attempts: int) -> Config:
    """How a client of AWS waits: seconds to connect, seconds for each wait for bytes, requests in all."""
    from botocore.config import Config

    return Config(
        connect_timeout=connect, read_timeout=read, retries={"mode": "standard", "total_max_attempts": attempts}
    )


def too_long(failure: BaseException) -> bool:
    """Whether that is what an error of boto3's or of requests' was made of."""
    return any(isinstance(one, TooLong) for one in (*failure.args, getattr(failure, "kwargs", {}).get("error")))


def unreadable() -> tuple[type[Exception], ...]:
    """What botocore, or whoever reads an answer's fields, raises where the answer is none of AWS's."""
    from botocore.parsers import ResponseParserError

    return (ResponseParserError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError, RuntimeError)


def words(*found: Any) -> tuple[str, ...]:
    """The fields of an answer that must be text. botocore passes on whatever is there; raises `TypeError`."""
    for one in found:
        if not isinstance(one, str):
            raise TypeError(f"a {type(one).__name__} in the place of a text")
    return found


def _like(pool: Any, bounds: tuple[float, int]) -> type:
    connection = type(f"Bounded{pool.ConnectionCls.__name__}", (_Connection, pool.ConnectionCls), {})
    return type(
        f"Bounded{pool.__name__}", (_Pool, pool), {"ConnectionCls": connection, "plain": pool, "bounds": bounds}
    )


class _Connection:
    """Its socket, whenever it is made, replaced by TLS's, or used again, is the one to hang up on."""

    _held: Any = None

    @property
    def sock(self) -> Any:
        return self._held

    @sock.setter
    def sock(self, connected: Any) -> None:
        self._held = connected
        _noted(connected)

    def request(self, *given: Any, **named: Any) -> Any:
        _noted(self._held)
        return super().request(*given, **named)  # type: ignore[misc]  # of the class that this is mixed into


class _Pool:
    bounds: tuple[float, int]
    """Seconds for a request, bytes of an answer."""

    def urlopen(self, method: str, url: str, *given: Any, **named: Any) -> Any:
        how = named | {"redirect": False, "preload_content": False, "decode_content": False}
        with self._timed(url):
            answer = super().urlopen(method, url, *given, **how | {"enforce_content_length": True})  # type: ignore[misc]  # as above
            try:
                body = _read(answer, self.bounds[1])
            finally:
                if not answer.closed:
                    answer.close()
        return _whole(answer, body)

    @contextmanager
    def _timed(self, url: str) -> Iterator[None]:
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        seconds, _ = self.bounds
        _asking.deadline = deadline = Deadline(seconds)
        try:
            with deadline.running():
                yield
        except (HTTPError, OSError):
            if not deadline.passed:
                raise
        finally:
            _asking.deadline = None
        if deadline.passed:  # a body without a length ends where the connection does: it looks whole
            raise ReadTimeoutError(self, url, f"no whole answer within {seconds:g} seconds")  # type: ignore[arg-type]  # as above


def _noted(connected: Any) -> None:
    deadline = getattr(_asking, "deadline", None)
    if connected is not None and deadline is not None:
        deadline.note(connected)


def _read(answer: Any, most: int) -> bytes:
    from urllib3.exceptions import DecodeError, ProtocolError

    body = bytearray()
    try:
        # `read`, not `stream`: http.client bounds each line of a chunked body, urllib3's own reader does not.
        while piece := answer.read(_PIECE, decode_content=True):
            body += piece
            if len(body) > most:
                raise TooLong(f"the answer is longer than {most} bytes")
    except DecodeError as broken:  # which requests would let through
        raise ProtocolError(f"the answer cannot be unpacked ({type(broken).__name__})") from None
    return bytes(body)


def _whole(answer: Any, body: bytes) -> Any:
    """The same answer with its body at hand, plain."""
    from urllib3 import HTTPHeaderDict, HTTPResponse

    framing = {"content-encoding", "transfer-encoding", "content-length"}
    headers = HTTPHeaderDict([(name, said) for name, said in answer.headers.items() if name.lower() not in framing])
    return HTTPResponse(
        body=io.BytesIO(body),
        headers=headers,
        status=answer.status,
        version=answer.version,
        reason=answer.reason,
        preload_content=False,
        decode_content=False,
    )
