"""What applications import: a key that is replaced while they run, without a restart.

    from anthropic import Anthropic
    from rotator.client import KeySource, anthropic_middleware

    source = KeySource("aws-sm://eu-west-1/prod/anthropic#ANTHROPIC_API_KEY")
    client = Anthropic(api_key="held by rotator.client", middleware=[anthropic_middleware(source)])

`api_key` must be given, because the SDK wants one; the middleware replaces it on every attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.client.source import Held, KeySource

if TYPE_CHECKING:
    from anthropic import Middleware

__all__ = ["Held", "KeySource", "anthropic_middleware"]


def anthropic_middleware(source: KeySource) -> Middleware:
    """Middleware for `Anthropic` and `AsyncAnthropic` (SDK >= 2.12) that sends the source's key.

    On a 401 the secret is read again, and if it holds another key by now, the attempt is made once more with that one.
    """
    from rotator.client.swap import SwapKey  # the SDK takes a second to import: only who asks for it pays

    return SwapKey(source)
