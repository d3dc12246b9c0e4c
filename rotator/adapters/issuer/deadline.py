"""The SDK's HTTP client with a bound on the whole time of each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.client.deadline import Deadline

if TYPE_CHECKING:
    from httpx2 import Client, Request, Response


def on_time(seconds: float, **options: Any) -> Client:
    """The SDK's own HTTP client with these options, every request of which ends within `seconds`."""
    from anthropic import DefaultHttpxClient

    deadline = Deadline(seconds)

    class OnTime(DefaultHttpxClient):
        def send(self, request: Request, **how: Any) -> Response:
            with deadline.on(request):
                return super().send(request, **how)

    return OnTime(**options)
