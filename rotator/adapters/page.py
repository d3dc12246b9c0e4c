"""Fetches pages from consumers: all at once, each within a total time and size, no redirects, no proxies.

asyncio inside one synchronous call: only it can bound the *whole* time of a request, a server that sends one byte a
second included, and a signal ends it at once. A proxy or a redirect would let somebody else than the instance answer,
so neither is followed; `.netrc` is not read. Nothing is unpacked: a small compressed body could unfold to any size.
`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

TIMEOUT_S = 10.0
"""Seconds for a whole request, from connecting to the last byte."""
LARGEST = 1 << 20
"""Bytes of a body."""
LARGEST_ALL = 32 << 20
"""Bytes of all bodies of one call: a big fleet that goes mad must not take this process's memory."""
AT_ONCE = 16
"""Requests in flight."""
_HEADERS = {"Accept": "application/json, */*;q=0.1", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer. The body may hold anything: it stays out of the repr."""

    status: int
    body: bytes = field(repr=False)
    whole: bool
    """False: it was longer than is read."""


@dataclass(frozen=True, slots=True)
class NoPage:
    """There was no answer; `why` is a few plain words."""

    why: str


def fetch(
    urls: Sequence[str], headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> list[Page | NoPage]:
    """GET every URL once; the results are in the order of `urls`. Never raises for what the network does.

    The event loop has a thread of its own: what a signal's handler raises inside a loop is taken by a transport for a
    broken connection, and lost, or comes out of a task group as a part of something else. Here it meets a plain wait.
    """
    import asyncio
    from concurrent.futures import Future, ThreadPoolExecutor

    begun: Future[Callable[[], object]] = Future()

    async def cancellable() -> list[Page | NoPage]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        begun.set_result(lambda: loop.call_soon_threadsafe(task.cancel) if task else None)
        return await _fetch(urls, headers or {}, timeout_s)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="rotator-pages") as beside:
        answer = beside.submit(lambda: asyncio.run(cancellable()))
        try:
            return answer.result()
        except BaseException:  # Ctrl-C and its like: the loop beside us must not fetch on
            with suppress(RuntimeError, TimeoutError):  # the loop has ended meanwhile, or never began
                begun.result(timeout=0 if answer.done() else timeout_s)()
            raise


async def _fetch(urls: Sequence[str], headers: Mapping[str, str], timeout_s: float) -> list[Page | NoPage]:
    import asyncio

    import httpx2

    verify = httpx2.create_ssl_context() if any(url.startswith("https:") for url in urls) else False
    turns = asyncio.Semaphore(AT_ONCE)
    most = min(LARGEST, LARGEST_ALL // max(len(urls), 1))
    async with httpx2.AsyncClient(
        verify=verify,  # False only where no URL has a certificate to verify: loading the roots costs time
        follow_redirects=False,
        trust_env=False,
        timeout=timeout_s,
        headers={**_HEADERS, **headers},
    ) as client:

        async def one(url: str) -> Page | NoPage:
            async with turns:
                return await _get(client, url, timeout_s, most)

        return await asyncio.gather(*(one(url) for url in urls))


async def _get(client: httpx2.AsyncClient, url: str, timeout_s: float, most: int) -> Page | NoPage:
    import asyncio

    import httpx2

    try:
        async with asyncio.timeout(timeout_s), client.stream("GET", url) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > most:
                    return Page(status=response.status_code, body=bytes(body[:most]), whole=False)
            return Page(status=response.status_code, body=bytes(body), whole=True)
    except (TimeoutError, httpx2.TimeoutException):
        return NoPage(f"no answer within {timeout_s:g} seconds")
    except httpx2.ConnectError:
        return NoPage("no connection")
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
        return NoPage(f"the connection failed ({type(error).__name__})")  # the name only: its text could quote a header
