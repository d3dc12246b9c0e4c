"""What the tests of the SQLite journal share: events to write, and another hand on the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from rotator.adapters.journal.sql import SqlJournal
from rotator.core.chain import next_event
from rotator.model.event import Event, Kind

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def event_after(last: Event | None, text: str = "") -> Event:
    data = {"text": text}
    return next_event(
        last, rotation="r1", at=NOON, kind=Kind.OPENED, step=None, attempt=0, data=data, holder="ann@host:1"
    )


def three_events(journal: SqlJournal) -> list[Event]:
    events: list[Event] = []
    for _ in range(3):
        events.append(event_after(events[-1] if events else None))
        journal.append("prod", events[-1])
    return events


def edit(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(sql, values)
