"""The sandbox Vault's wire: requests, answers, and the shapes of bodies, times and durations that Vault uses."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.model.canonical import Json, JsonObject

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"-?\d+|-?(\d+[dhms])+")
_PART = re.compile(r"(\d+)([dhms]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    """GET, LIST, POST, PATCH, DELETE or HEAD. PUT has become POST, and GET with `list=true` LIST, as in Vault."""
    path: str
    """Decoded, and without `/v1/`."""
    as_sent: str = ""
    """Path and query, encoded: for a redirect."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Lower-case names. Holds the token: never shown."""
    body: JsonObject = field(default_factory=dict, repr=False)

    @property
    def operation(self) -> str:
        """What it is counted as, and what faults are asked by: `POST secret/data/prod/anthropic`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` None: nothing is sent, as with 204."""

    status: int
    body: JsonObject | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An answer that is an error: `{"errors": [...]}`. The texts never hold what was sent."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(status, *errors)
        self.answer = Answer(status=status, body={"errors": list(errors)})


def reply(
    data: JsonObject | None,
    *,
    status: int = 200,
    auth: JsonObject | None = None,
    warnings: Sequence[str] = (),
    lease_seconds: int = 0,
) -> Answer:
    """Vault's envelope around `data`."""
    body: JsonObject = {
        "request_id": str(uuid.uuid4()),
        "lease_id": "",
        "renewable": False,
        "lease_duration": lease_seconds,
        "data": data,
        "wrap_info": None,
        "warnings": list(warnings) or None,
        "auth": auth,
    }
    return Answer(status=status, body=body)


def done(warnings: Sequence[str] = ()) -> Answer:
    """204; with something to say, 200 and the envelope."""
    return reply(None, warnings=warnings) if warnings else Answer(status=204)


def absent() -> Refused:
    """The bare 404: nothing was ever there, or no trace of it is left."""
    return Refused(404)


def denied(*more: str) -> Refused:
    """403 in the words of Vault, which lists what went wrong as its Go libraries do."""
    causes = ("permission denied", *more)
    count = f"{len(causes)} error{'s' if len(causes) > 1 else ''} occurred:"
    return Refused(403, "\n\t* ".join((count, *causes)) + "\n\n")


def unsupported() -> Refused:
    return Refused(405, "1 error occurred:\n\t* unsupported operation\n\n")


def json_body(content: bytes) -> JsonObject:
    """No content is an empty object. Raises `Refused` (400)."""
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        raise Refused(400, "failed to parse JSON input: invalid character") from None
    if not isinstance(body, dict):
        raise Refused(400, "failed to parse JSON input: an object is required")
    return body


def text(body: JsonObject, name: str) -> str:
    """A field's text; empty where it is missing or something else."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def names(body: JsonObject, name: str) -> tuple[str, ...]:
    """A field that is a list, or a text with commas, as Vault takes both."""
    value = body.get(name)
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(part) for part in value) if isinstance(value, Sequence) else ()


def whole(value: Json, name: str) -> int:
    """A number, or a text that is one. Raises `Refused` (400)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    raise Refused(400, f'Field validation failed: error converting input for field "{name}": expected an integer')


def yes(value: Json, name: str) -> bool:
    if isinstance(value, bool):
        return value
    raise Refused(400, f'Field validation failed: error converting input for field "{name}": expected a boolean')


def duration(value: Json, name: str) -> timedelta:
    """Seconds as a number, or Vault's way of writing: `90`, `1h30m`, `7d`. Raises `Refused` (400)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise Refused(400, f'Field validation failed: error converting input for field "{name}": expected a duration')
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(value))
    return timedelta(seconds=-seconds if value.startswith("-") else seconds)


def go_duration(value: timedelta) -> str:
    """As Go writes it: `0s`, `5m0s`, `1h0m0s`."""
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def moment(at: datetime | None) -> str:
    """RFC 3339 in UTC; empty for none."""
    return "" if at is None else at.isoformat(timespec="microseconds").replace("+00:00", "Z")
