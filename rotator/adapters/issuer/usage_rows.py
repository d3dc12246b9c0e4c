"""A page of either usage report → rows. Facts: Shapes.

What is not as Anthropic gives it is refused whole: a row that cannot be read could be the one that shows traffic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rotator.adapters.issuer.reply import quotable
from rotator.model.errors import Unreachable
from rotator.model.keys import KeyText

_TOKENS = ("uncached_input_tokens", "output_tokens", "cache_read_input_tokens")


@dataclass(frozen=True, slots=True)
class Row:
    key_id: str | None
    at: datetime
    volume: int
    model: str | None
    workspace: str | None


def analytics_rows(key: KeyText, body: Mapping[str, Any]) -> Iterator[Row]:
    """Requests. `key`: the Admin key, which no text from outside may slip into the journal."""
    try:
        for entry in _list(body.get("data")):
            group = entry.get("group") or {}
            used = entry["usage"]
            requests = _count(used.get("requests"))
            # A row without requests, but with tokens, is use all the same.
            volume = requests or min(1, _count(used.get("total_tokens")))
            if volume:
                yield _row(key, group, entry["starting_at"], volume)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _odd() from None


def legacy_rows(key: KeyText, body: Mapping[str, Any]) -> Iterator[Row]:
    """Tokens. A quiet minute has an empty list, or is not there at all."""
    try:
        for bucket in _list(body.get("data")):
            for entry in _list(bucket.get("results") or []):
                volume = sum(_count(entry.get(name)) for name in _TOKENS)
                made = entry.get("cache_creation") or {}
                volume += sum(_count(tokens) for tokens in made.values())
                if volume:
                    yield _row(key, entry, bucket["starting_at"], volume)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _odd() from None


def when(text: object) -> datetime | None:
    """None where the report does not say."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if at is None else at if at.tzinfo else at.replace(tzinfo=UTC)


def _row(key: KeyText, group: Mapping[str, Any], starting_at: object, volume: int) -> Row:
    at = when(starting_at)
    if at is None:
        raise ValueError
    key_id = group.get("api_key_id")
    return Row(
        key_id=key_id if isinstance(key_id, str) else None,
        at=at.astimezone(UTC),
        volume=volume,
        model=quotable(key, group.get("model")),
        workspace=quotable(key, group.get("workspace_id")),
    )


def _list(said: object) -> list[Any]:
    if not isinstance(said, list):
        raise TypeError
    return said


def _count(said: object) -> int:
    if said is None:
        return 0
    if not isinstance(said, int) or isinstance(said, bool) or said < 0:
        raise ValueError
    return said


def _odd() -> Unreachable:
    return Unreachable(
        "Anthropic's usage report is not in the shape that it should have.", "Look at ANTHROPIC_BASE_URL."
    )
