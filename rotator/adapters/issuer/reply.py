"""Reading what came back through the SDK: answers and errors into `Reply`s that hold no key and no request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rotator.adapters.issuer.classify import Reply
from rotator.model.keys import KeyText

if TYPE_CHECKING:
    from httpx2 import Headers

_KEY_LIKE = re.compile(r"sk-ant-[A-Za-z0-9_-]{20,}")
_LONGEST_QUOTED = 200
"""Characters of anything that a server says of itself: it is journaled and printed, whoever answered."""


def json_object(content: bytes) -> Mapping[str, Any] | None:
    """None where the content is something else."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def identity(key: KeyText, headers: Headers, status: int) -> Reply:
    """Whose answer it was, by its headers, to a request that carried `key`."""
    return Reply(
        status=status,
        request_id=quotable(key, headers.get("request-id")),
        organization=quotable(key, headers.get("anthropic-organization-id")),
        workspace=quotable(key, headers.get("anthropic-workspace-id")),
    )


def refused(key: KeyText, error: Any) -> Reply:
    """An `anthropic.APIStatusError`, for a request that carried `key`."""
    whose = identity(key, error.response.headers, error.status_code)
    return Reply(
        status=error.status_code,
        type=quotable(key, error.type),
        code=quotable(key, error.error_code),
        message=quotable(key, error.api_message),
        retry_after=_retry_after(error.response.headers),
        request_id=whose.request_id,
        organization=whose.organization,
        workspace=whose.workspace,
    )


def quotable(key: KeyText, said: object) -> str | None:
    """What the server said, fit to be journaled and printed; None where it is no text.

    Some gateways quote the key that they refuse: it is taken out, and so is any other, before the text is cut.
    """
    if not isinstance(said, str):
        return None
    clean = _KEY_LIKE.sub("(a key)", said.replace(key.reveal(), "(the key)"))
    return "".join(char if char.isprintable() else " " for char in clean[:_LONGEST_QUOTED])


def broken(error: Exception) -> Reply:
    """An `anthropic.APIConnectionError`.

    Of most causes only the class is told, for their texts may hold what was sent. A ConnectError sent nothing.
    """
    from httpx2 import ConnectError, LocalProtocolError

    cause = error.__cause__
    name = type(cause).__name__ if cause is not None else "unknown"
    return Reply(
        failure=f"connection failed: {cause if isinstance(cause, ConnectError) else name}",
        malformed=isinstance(cause, LocalProtocolError),
    )


def _retry_after(headers: Headers) -> timedelta | None:
    """Seconds only. The header may also hold a date, which is of no use to a clock that is not the server's."""
    value = headers.get("retry-after", "")
    return timedelta(seconds=int(value)) if value.isdecimal() and len(value) < 10 else None
