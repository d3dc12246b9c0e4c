"""What the tests of the SQLite journal share: events to write, and another hand on the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.adapters.journal import sqlite
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


@contextmanager
def each_connection(first: Callable[[sqlite3.Connection], object]) -> Iterator[None]:
    """Every connection that the journal opens within is shown to `first` as soon as it is ready."""

    def connect(path: Path, busy: timedelta) -> sqlite.Connection:
        made = really(path, busy)
        first(made)
        return made

    really, sqlite.connect = sqlite.connect, connect
    try:
        yield
    finally:
        sqlite.connect = really
