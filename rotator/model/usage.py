"""What the issuer counted of keys, minute by minute, and how far its report can be believed (law 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeAlias

MINUTE = timedelta(minutes=1)


class Source(Enum):
    """Which of Anthropic's two reports was read. Facts: Per-key usage."""

    ANALYTICS = "analytics"  # counts requests, says how fresh it is
    LEGACY = "legacy"  # counts tokens, is "typically" complete within five minutes

    @property
    def unit(self) -> str:
        return "request" if self is Source.ANALYTICS else "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One bucket in which a key was used. `volume`: requests, or where the source counts none of those, tokens."""

    at: datetime  # its start; it ends a minute later
    volume: int
    models: frozenset[str] = frozenset()
    workspaces: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One reading of a report. `minutes`: by key id, oldest first, only those in which something was counted.

    A key that is not in `minutes` was not asked about: an empty tuple is silence, a missing one is ignorance.
    `complete_until`: what the report says of itself; None: nothing.
    """

    source: Source
    since: datetime
    read_at: datetime
    complete_until: datetime | None
    minutes: Mapping[str, tuple[Minute, ...]]
    request_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """Nobody may read usage by key here, and waiting changes nothing: no Admin key, or one without the right."""

    why: str


Reading: TypeAlias = Usage | Unread
