"""The SQLite connection that a process keeps: an append then costs one durable commit.

Closing the last connection to a file folds its write-ahead log into it, which takes several syncs: not to be paid for
every event. One connection is kept; threads that come at the same time get others for one transaction.

Imports SQLAlchemy: import this module inside functions only.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from datetime import timedelta
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from rotator.core.chain import MAX_ROW_BYTES

_Place: TypeAlias = "tuple[int, int, int]"
"""Device and inode of the file, and the process: where a connection is good."""

_inherited: Final[list[object]] = []
"""Connections of the parent of this process, which it must neither use nor close: sqlite.org/howtocorrupt.html, 2.6."""


def kept_engine(path: Path, busy: timedelta) -> Engine:
    """Connections to the file at `path`; nothing is opened yet. Whoever drops the engine calls `close_here` first."""
    engine = create_engine(
        "sqlite://",
        creator=partial(_connect, path, busy.total_seconds()),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=-1,
        hide_parameters=True,  # out of error texts (law 6)
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "checkout", partial(_check, path))
    return engine


def close_here(engine: Engine, process: int) -> None:
    """Close what is kept, in the process that made it alone."""
    if os.getpid() == process:
        engine.dispose()


def prefer_wal(connection: Connection) -> None:
    """Switch the file to WAL, so that readers and the writer do not wait for each other.

    The mode is kept in the file, and stays as long as somebody has it open. Where another process holds a lock right
    now SQLite may refuse without waiting: the old mode is as durable, so this transaction goes on in it.
    """
    if connection.info.get("wal"):
        return
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - `_connect` made it
    # Whatever else is wrong with the file, the transaction that follows meets it too, and reports it.
    with suppress(sqlite3.Error):
        connection.info["wal"] = raw.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)


class _Kept(sqlite3.Connection):
    place: _Place | None


def _connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    place = _place(path)  # before it is opened: replaced in between, the next use finds that it differs
    # mode=rw: SQLite never makes the file; only `SqliteFile` does, with the right permissions.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,  # BEGIN is ours, in `_begin`
        check_same_thread=False,  # the pool lends it to one thread at a time
        factory=_Kept,
    )
    connection.place = place
    # Undecodable text must reach the chain's check, which names the event, not fail in the driver.
    connection.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
    # A value that nobody can have journaled is refused by SQLite before it is read into memory.
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MAX_ROW_BYTES)
    try:
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check(path: Path, raw: _Kept, entry: Any, lent: Any) -> None:
    """Before each use: is it still the file at the path, and this process? Else the pool opens a new connection."""
    here = _place(path)
    if here is not None and raw.place == here:
        return
    if raw.place is not None and raw.place[2] != os.getpid():
        _inherited.append(raw)
        entry.dbapi_connection = lent.dbapi_connection = None
    raise DisconnectionError


def _place(path: Path) -> _Place | None:
    """None where there is no such file: what opening it meets is SQLite's to say."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, os.getpid()


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a writer waits for the lock at the start; upgraded later it would fail at once where another wrote.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
