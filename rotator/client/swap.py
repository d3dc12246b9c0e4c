"""The SDK's side of the key source. Importing this module imports the SDK: `anthropic_middleware` does, when asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from anthropic import APIRequest, APIResponse, AsyncAPIResponse, Middleware

from rotator.client.source import KeySource
from rotator.model.keys import KeyText

_UNAUTHORIZED = 401


class SwapKey(Middleware):
    """Runs once an attempt, inside the SDK's own retries, so it works at `max_retries=0` too.

    It overrides `Authorization` instead of setting `client.api_key`: copies made by `with_options()` would not see it.
    """

    def __init__(self, source: KeySource) -> None:
        self._source = source

    def handle(self, request: APIRequest, call_next: Callable[[APIRequest], APIResponse[Any]]) -> APIResponse[Any]:
        key = self._source.key()
        response = call_next(_with_key(request, key))
        if response.status_code != _UNAUTHORIZED:
            return response
        other = self._source.after_refusal(key)
        if other is None:
            return response
        response.close()  # nobody will read it; left open it would keep its connection out of the pool
        return call_next(_with_key(request, other))

    async def handle_async(
        self, request: APIRequest, call_next: Callable[[APIRequest], Awaitable[AsyncAPIResponse[Any]]]
    ) -> AsyncAPIResponse[Any]:
        # A read of the store blocks its thread: never the event loop's.
        key = await anyio.to_thread.run_sync(self._source.key) if self._source.due else self._source.key()
        response = await call_next(_with_key(request, key))
        if response.status_code != _UNAUTHORIZED:
            return response
        other = await anyio.to_thread.run_sync(self._source.after_refusal, key)
        if other is None:
            return response
        await response.close()
        return await call_next(_with_key(request, other))


class _Unshown(str):
    """A header's text. The SDK logs a request's options, headers included, at DEBUG (law 6)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'Bearer (a key)'"


def _with_key(request: APIRequest, key: KeyText) -> APIRequest:
    return request.copy(headers={**request.headers, "Authorization": _Unshown(f"Bearer {key.reveal()}")})
