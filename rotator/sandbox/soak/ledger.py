"""The journal as an outsider reads it: rows of an SQLite file, opened read-only."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rotator.model.canonical import Json, JsonObject

_OVER = ("completed", "rolled_back", "abandoned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    seq: int
    rotation: str
    kind: str
    step: str
    data: JsonObject
    pid: int = 0  # of the process that wrote it

    @property
    def verb(self) -> str:
        return self.step.partition(" ")[0]

    def __str__(self) -> str:
        return f"{self.kind} {self.verb}".strip()


class Ledger:
    """One credential's log. A file that does not exist yet has no rows."""

    def __init__(self, path: Path, credential: str) -> None:
        self._path, self._credential = path, credential
        self._connection: sqlite3.Connection | None = None

    def seq(self) -> int:
        """The last event's number, 0 before the first."""
        found = self._ask("SELECT coalesce(max(seq), 0) FROM rotator_events WHERE credential = ?")
        return int(str(found[0][0])) if found else 0

    def rows(self, after: int = 0) -> Sequence[Row]:
        words = (
            "SELECT seq, rotation, kind, step, data, holder FROM rotator_events"
            " WHERE credential = ? AND seq > ? ORDER BY seq"
        )
        return [
            Row(
                seq=int(str(seq)),
                rotation=str(rotation),
                kind=str(kind),
                step=str(step or ""),
                data=_object(str(data)),
                pid=_pid(holder),
            )
            for seq, rotation, kind, step, data, holder in self._ask(words, after)
        ]

    def last(self) -> Row | None:
        rows = self.rows(self.seq() - 1)
        return rows[-1] if rows else None

    def open(self) -> bool:
        last = self.last()
        return last is not None and last.kind not in _OVER

    def lease_ends(self) -> datetime | None:
        found = self._ask("SELECT until FROM rotator_leases WHERE credential = ?")
        return datetime.fromisoformat(str(found[0][0])) if found else None

    def lease_pid(self) -> int:
        """Of the process that works on the log, or was the last to; 0 where there was none."""
        found = self._ask("SELECT holder FROM rotator_leases WHERE credential = ?")
        return _pid(found[0][0]) if found else 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, words: str, *more: object) -> list[tuple[object, ...]]:
        if self._connection is None:
            if not self._path.exists():
                return []
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, check_same_thread=False)
        with contextlib.suppress(sqlite3.OperationalError):  # its tables are not made yet, or this moment is a bad one
            return self._connection.execute(words, (self._credential, *more)).fetchall()
        return []


def _pid(holder: object) -> int:
    """From user@host:pid:…"""
    parts = str(holder).split(":")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0


def _object(text: str) -> JsonObject:
    value: Json = json.loads(text)
    return value if isinstance(value, dict) else {}
