"""The last reading of usage with each Admin key, kept where every process that works by one journal finds it.

So Anthropic is asked once a minute, however many rotations and processes wait for an answer; and each reading asks
about every key that any of them asked about of late: else one that always comes second would never be told of its
own.

Nothing rests on this file. Where it cannot be used, a process keeps its readings to itself.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from rotator.adapters.issuer import readings_text
from rotator.adapters.issuer.readings_text import Wish
from rotator.model.errors import OutsideError
from rotator.model.usage import MINUTE, Reading
from rotator.ports import Holders

POLL: Final = MINUTE
"""Anthropic asks that its usage reports be polled at most so often. Facts: Per-key usage."""
FORGOTTEN: Final = timedelta(hours=26)
"""What nobody wished for so long is asked no more; a `tick` once a day finds its wish still there."""
MOST: Final = 250
"""Wishes that one reading answers (law 8): those of longest ago go first."""

_TOGETHER: Final = 2 * POLL
"""A rotation may wish for two things within this time; what it wished for before, and not again, it has had."""
_BUSY_SECONDS: Final = 5.0
"""For another process's lock. A transaction here takes milliseconds."""

_ODD: Final = (ValueError, TypeError, LookupError, AttributeError)
"""What a text raises that this version did not write."""

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS readings
(place TEXT PRIMARY KEY, wishes TEXT NOT NULL, polled_at TEXT NOT NULL, answer TEXT NOT NULL)
"""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Look:
    """`mine`: whoever looked asks Anthropic now, about `key_ids` from `since` on. Else `answer` is the last one, and
    None for as long as somebody else is asking."""

    key_ids: Sequence[str]
    since: datetime
    answer: Reading | OutsideError | None
    mine: bool


@dataclass(slots=True)
class _Row:
    wishes: list[Wish]
    polled_at: datetime | None
    answer: str


class Readings:
    """`path` None: for this object alone. Safe to use from several threads and processes at once."""

    def __init__(self, path: Path | None = None, holders: Holders | None = None) -> None:
        """`holders`: tells of a process that was asking whether it is gone; None: that is never certain."""
        self._path, self._holders = path, holders
        self._own: dict[str, _Row] = {}
        self._lock = threading.Lock()

    def look(self, place: str, key_ids: Sequence[str], since: datetime, now: datetime) -> Look:
        """Wish for these keys, and see what there is. `place`: whose usage, and where it is read."""

        def change(row: _Row) -> Look:
            row.wishes = _wished(row.wishes, tuple(key_ids), since, now)
            mine = row.polled_at is None or not timedelta() <= now - row.polled_at < POLL or self._died(row.answer)
            if mine:
                row.polled_at, row.answer = now, readings_text.of_asker(self._holders.me) if self._holders else ""
            wanted = [*dict.fromkeys(id for wish in row.wishes for id in wish.key_ids)]
            return Look(wanted, min(wish.since for wish in row.wishes), _answer(row.answer), mine)

        return self._change(place, change)

    def post(self, place: str, polled_at: datetime, answer: Reading | OutsideError) -> None:
        """What Anthropic answered to the look of `polled_at`; nothing where somebody has asked since."""

        def change(row: _Row) -> None:
            if row.polled_at == polled_at:
                row.answer = readings_text.of_answer(answer)

        self._change(place, change)

    def forget(self, place: str, key_ids: Sequence[str]) -> None:
        """All wishes but those of whoever asks about these."""

        def change(row: _Row) -> None:
            row.wishes = [wish for wish in row.wishes if wish.key_ids[0] == key_ids[0]]

        self._change(place, change)

    def _died(self, answer: str) -> bool:
        """Whoever was asking, before it had an answer. Its question is put again at once: kills are rare."""
        asker = readings_text.asker(answer)
        return asker is not None and self._holders is not None and self._holders.is_gone(asker)

    def _change(self, place: str, change: Callable[[_Row], _T]) -> _T:
        """The row is read, changed and written in one transaction."""
        if self._path is not None:
            try:
                with closing(_opened(self._path)) as shared:
                    return _changed(shared, place, change)
            except (sqlite3.Error, OSError):  # read-only, full, damaged, no file system that can lock
                self._path = None
        with self._lock:
            return change(self._own.setdefault(place, _Row([], None, "")))


def _wished(wishes: Sequence[Wish], key_ids: tuple[str, ...], since: datetime, now: datetime) -> list[Wish]:
    def stays(wish: Wish) -> bool:
        own = wish.key_ids[0] == key_ids[0]
        again = (wish.key_ids, wish.since) == (key_ids, since)
        return not again and now - wish.said_at < (_TOGETHER if own else FORGOTTEN)

    return [*filter(stays, wishes), Wish(key_ids, since, now)][-MOST:]


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite would let others read it
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)


def _changed(connection: sqlite3.Connection, place: str, change: Callable[[_Row], _T]) -> _T:
    with _transaction(connection):
        connection.execute(_TABLE)
        asked = "SELECT wishes, polled_at, answer FROM readings WHERE place = ?"
        row = _row(connection.execute(asked, (place,)).fetchone())
        result = change(row)
        polled_at = row.polled_at.isoformat() if row.polled_at else ""
        written = (place, readings_text.of_wishes(row.wishes), polled_at, row.answer)
        connection.execute("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?)", written)
        return result


def _row(found: tuple[str, str, str] | None) -> _Row:
    try:
        wishes, polled_at, answer = found or ("[]", "", "")
        return _Row(readings_text.wishes(wishes), datetime.fromisoformat(polled_at) if polled_at else None, answer)
    except _ODD:  # another version's, or damaged: as if it were not there
        return _Row([], None, "")


def _answer(text: str) -> Reading | OutsideError | None:
    try:
        return readings_text.answer(text) if text else None
    except _ODD:
        return None


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # raised again: an interruption must not leave the file locked
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
