"""The sandbox Anthropic's wire: requests, answers, and the shapes of bodies (facts: Shapes)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs

from rotator.model.canonical import Json, JsonObject
from rotator.model.keys import KeyRecord
from rotator.sandbox.anthropic_books import Caller, Denied

MAX_PAGE = 1000
"""Items in one page of a list (facts: Admin API)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`headers` have lower-case names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def error_body(type: str, message: str, request_id: str, error_code: str | None = None) -> bytes:
    error: dict[str, Json] = {"type": type, "message": message}
    if error_code is not None:
        error["details"] = {"error_code": error_code}
    return encode({"type": "error", "error": error, "request_id": request_id})


def encode(value: JsonObject) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def identity_headers(caller: Caller | None) -> dict[str, str]:
    """Whose request it was. An unknown key belongs to nobody, so nothing can be said of it."""
    if caller is None:
        return {}
    headers = {"anthropic-organization-id": caller.organization}
    return headers | ({"anthropic-workspace-id": caller.workspace} if caller.workspace else {})


def record_to_json(record: KeyRecord) -> JsonObject:
    scope: JsonObject = {"type": "organization"}
    if record.workspace is not None:
        scope = {"type": "workspace", "workspace_id": record.workspace}
    return {
        "id": record.id,
        "type": "api_key",
        "name": record.name,
        "status": record.status.value,
        "created_at": _time(record.created_at),
        "created_by": {"id": "user_1", "type": "user"},
        "expires_at": _time(record.expires_at),
        "partial_key_hint": record.hint,
        "principal": {"type": "user_actor", "user_id": "user_1"} if record.personal else None,
        "scope": scope,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def invalid(message: str) -> Denied:
    return Denied(400, "invalid_request_error", message)


def json_body(request: Request) -> Mapping[str, Json]:
    try:
        body = json.loads(request.body)
    except ValueError:
        raise invalid("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise invalid("Input should be an object")
    return body


def page(items: list[JsonObject], query: str) -> JsonObject:
    """One page of `items`, cut by `after_id` or `before_id` and `limit` as Anthropic's lists are."""
    asked = parse_qs(query)
    limit = asked.get("limit", ["20"])[0]
    if not limit.isdecimal() or not 1 <= int(limit) <= MAX_PAGE:
        raise invalid(f"limit: Input should be between 1 and {MAX_PAGE}")
    size, ids = int(limit), [item["id"] for item in items]
    after, before = asked.get("after_id", [None])[0], asked.get("before_id", [None])[0]
    if after and before:
        raise invalid("Only one of after_id and before_id can be given")
    for cursor in (after, before):
        if cursor and cursor not in ids:
            raise invalid(f"Invalid cursor {cursor}")
    if before:
        rest = items[: ids.index(before)]
        items, more = rest[-size:], len(rest) > size
    else:
        rest = items[ids.index(after) + 1 :] if after else items
        items, more = rest[:size], len(rest) > size
    first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return {"data": items, "has_more": more, "first_id": first, "last_id": last}
