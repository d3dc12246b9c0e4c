"""The engine's own parts: decisions, durable appends, replay."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rotator.adapters.journal.sql import SqlJournal
from rotator.core import chain
from rotator.core.decide import decide
from rotator.core.fold import fold
from rotator.model.event import Event
from tests.bench.measure import Figure, compared, in_turns, peak_of, timed
from tests.fuzz.logs import a_whole_log

DECISIONS, APPENDS, EVENTS = 2000, 100, 10_000
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def figures(folder: Path, rounds: int) -> list[Figure]:
    log = a_whole_log()
    rotation = fold(log[: len(log) // 2])
    if rotation is None:
        raise RuntimeError("the log begins no rotation")
    long = _long_log(EVENTS)
    rows = [chain.to_row(event) for event in long]
    texts = [json.dumps(row) for row in rows]
    kept = [tuple(row.values()) for row in rows]
    appended = _Appending(folder)

    def decisions() -> None:
        for _ in range(DECISIONS):
            decide(rotation, NOW)

    def bare_json() -> None:
        """What no tamper-evident log can do without: parse each event, and hash its text."""
        for text in texts:
            json.loads(text)
            hashlib.sha256(text.encode()).hexdigest()

    def replay() -> None:
        fold(chain.follow(kept, 0))

    found = in_turns(
        rounds,
        {
            "decide": lambda: timed(decisions) / DECISIONS,
            "json.loads + sha256, 10,000 events": lambda: timed(bare_json),
            "fold + verify, 10,000 events": lambda: timed(replay),
            "journal append": lambda: timed(appended.ours) / APPENDS,
            "bare sqlite3 insert + commit": lambda: timed(appended.bare) / APPENDS,
        },
    )
    return _compared(found, peak_of(replay), sum(map(len, texts)))


def _compared(found: Mapping[str, Sequence[float]], peak: int, size: int) -> list[Figure]:
    """`peak`: bytes of memory that a replay takes; `size`: of the log's text."""
    appends = compared(found, "journal append", "bare sqlite3 insert + commit")
    return [
        Figure(
            name="engine decisions",
            against="journal appends",
            ratios=[append / made for append, made in zip(found["journal append"], found["decide"], strict=True)],
            value=_a_second(found["decide"]),
        ),
        replace(appends, value=_a_second(found["journal append"])),
        compared(found, "fold + verify, 10,000 events", "json.loads + sha256, 10,000 events"),
        Figure(
            name="fold + verify, 10,000 events: memory",
            against="their text",
            ratios=[peak / size],
            value=f"{peak / (1 << 20):.0f} MiB",
        ),
    ]


def _a_second(each: Sequence[float]) -> str:
    return f"{1 / median(each):,.0f} /s"


def _long_log(count: int) -> Sequence[Event]:
    """Whole rotations one after the other, in one chain."""
    events: list[Event] = []
    while len(events) < count:
        for event in a_whole_log()[: count - len(events)]:
            last = events[-1] if events else None
            events.append(
                chain.next_event(
                    last,
                    rotation=event.rotation,
                    at=event.at,
                    kind=event.kind,
                    step=event.step,
                    attempt=event.attempt,
                    data=event.data,
                    holder=event.holder,
                )
            )
    return events


class _Appending:
    """The same events into two files, both durable at each commit (WAL, `synchronous=FULL`)."""

    def __init__(self, folder: Path) -> None:
        self._journal = SqlJournal(f"sqlite:///{folder}/appends.db")
        self._bare = folder / "bare.db"
        self._events = _long_log(APPENDS)
        self._rounds = 0
        with closing(sqlite3.connect(self._bare)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(
                "CREATE TABLE events (credential TEXT, seq INTEGER, row TEXT, PRIMARY KEY (credential, seq))"
            )

    def ours(self) -> None:
        self._rounds += 1
        for event in self._events:
            self._journal.append(f"round-{self._rounds}", event)

    def bare(self) -> None:
        self._rounds += 1
        with closing(sqlite3.connect(self._bare, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous=FULL")
            for event in self._events:
                row = (f"round-{self._rounds}", event.seq, json.dumps(chain.to_row(event)))
                database.execute("BEGIN IMMEDIATE")
                database.execute("INSERT INTO events VALUES (?, ?, ?)", row)
                database.execute("COMMIT")
