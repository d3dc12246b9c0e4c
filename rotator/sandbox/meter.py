"""What the sandbox's Anthropic counts of its keys, and how late, how honestly and how completely it tells.

Everything that Anthropic leaves undocumented about its reports can be set here, for all of it must be lived with.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

MINUTE = timedelta(minutes=1)
MAX_CELLS = 100_000
"""Cells that are kept (law 8): the oldest go first."""

Span: TypeAlias = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class Reporting:
    """`lag`: how long after a call it is counted. `late_every`: each so many-th call arrives `late_by` later still,
    after the watermark has gone past it; 0: none. `gaps`: spans whose calls are never counted. `dead_since`: from then
    on nothing is counted, and nothing says so.

    `watermark`: what the analytics report says of itself: `honest`, `null`, or `stuck` at `stuck_at`. `open`: which
    reports an Admin key may read: none, until told so. By the minute a rotation takes minutes, not seconds.
    """

    open: Literal["both", "legacy", "none"] = "none"
    lag: timedelta = timedelta(seconds=30)
    late_every: int = 0
    late_by: timedelta = timedelta()
    gaps: list[Span] = field(default_factory=list)
    dead_since: datetime | None = None
    watermark: Literal["honest", "null", "stuck"] = "honest"
    stuck_at: datetime | None = None

    def refreshed_at(self, now: datetime) -> datetime | None:
        match self.watermark:
            case "honest":
                return now - self.lag
            case "null":
                return None
            case "stuck":
                return min(self.stuck_at or now, now - self.lag)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Calls of one key, minute, model and workspace that are counted at the same second."""

    minute: datetime
    key_id: str
    model: str
    workspace: str
    counted_at: datetime


class Meter:
    """Thread-safe."""

    def __init__(self) -> None:
        self.reporting = Reporting()
        self._cells: Counter[Cell] = Counter()
        self._calls = 0
        self._lock = threading.Lock()

    def count(self, key_id: str, at: datetime, model: str, workspace: str | None) -> None:
        """One message that was answered."""
        how = self.reporting
        with self._lock:
            self._calls += 1
            if (how.dead_since is not None and at >= how.dead_since) or any(
                start <= at < end for start, end in how.gaps
            ):
                return
            late = how.late_by if how.late_every and self._calls % how.late_every == 0 else timedelta()
            counted_at = (at + how.lag + late).replace(microsecond=0)
            minute = at.replace(second=0, microsecond=0)
            self._cells[Cell(minute, key_id, model, workspace or "", counted_at)] += 1
            if len(self._cells) > MAX_CELLS:
                for old in sorted(self._cells)[: MAX_CELLS // 10]:
                    del self._cells[old]

    def table(
        self, key_ids: Collection[str], since: datetime, until: datetime, now: datetime
    ) -> list[tuple[Cell, int]]:
        """Requests by minute, key, model and workspace, oldest first, as far as they are counted by now."""
        found: Counter[Cell] = Counter()
        with self._lock:
            for cell, calls in self._cells.items():
                if cell.key_id in key_ids and since <= cell.minute < until and cell.counted_at <= now:
                    found[Cell(cell.minute, cell.key_id, cell.model, cell.workspace, cell.minute)] += calls
        return sorted(found.items())
