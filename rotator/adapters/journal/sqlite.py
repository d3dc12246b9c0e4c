"""The journal in one SQLite file, WAL and `synchronous=FULL` for events, by Python's own driver: fast to load.

One connection is kept while the journal lives: closing the last one to a file folds its write-ahead log into it, which
takes several syncs, not to be paid for every event. Threads that come at the same time get others for one transaction.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from operator import methodcaller
from pathlib import Path
from typing import Final, TypeAlias

from rotator.adapters.journal.database import Transaction, Value
from rotator.adapters.journal.errors import damaged, explained, unusable_path
from rotator.core.chain import MAX_ROW_BYTES

_Place: TypeAlias = "tuple[int, int, int]"
"""Device and inode of the file, and the process: where a connection is good."""

_inherited: Final[list[object]] = []
"""Connections of the parent of this process, which it must neither use nor close: sqlite.org/howtocorrupt.html, 2.6."""


class SqliteFile:
    def __init__(self, path: Path, busy: timedelta) -> None:
        self.where = str(path)
        self._path = path
        self._busy = busy
        self._idle: list[Connection] = []
        weakref.finalize(self, _close_here, self._idle, os.getpid())  # at the latest when the process ends

    @contextmanager
    def reading(self) -> Iterator[Transaction | None]:
        if not self._is_there():
            yield None
            return
        with self._explaining(), self._lent(self._reader) as connection, _begun(connection, "BEGIN"):
            yield connection

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[Transaction]:
        self._make()
        with self._explaining(), self._lent(lambda: connect(self._path, self._busy)) as connection:
            connection.prefer_wal()
            connection.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
            # IMMEDIATE: a writer waits for the lock at the start; upgraded later it would fail at once where another
            # wrote.
            with _begun(connection, "BEGIN IMMEDIATE"):
                yield connection

    def close(self) -> None:
        _close(self._idle)

    def _is_there(self) -> bool:
        """Raises `JournalError` where something stands there that is no file: a device reads as an empty database."""
        try:
            mode = self._path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError) as error:
            raise unusable_path(self.where, error) from None
        if not stat.S_ISREG(mode):
            raise unusable_path(self.where, ValueError("it is no file"))
        return True

    def _make(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_there():
                # An empty file is an empty database. SQLite gives -wal and -shm the same permissions.
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except (OSError, ValueError) as error:
            raise unusable_path(self.where, error) from None

    @contextmanager
    def _lent(self, make: Callable[[], Connection]) -> Iterator[Connection]:
        """A connection for one transaction: the kept one, where it is free and still good."""
        connection = self._kept() or make()
        try:
            yield connection
        finally:
            # One is enough; one that could not roll back, or sees no changes, is good for nothing.
            if self._idle or connection.in_transaction or connection.frozen:
                connection.close()
            else:
                self._idle.append(connection)

    def _reader(self) -> Connection:
        """Even to read, SQLite wants to write beside a file in WAL mode: on a read-only medium it is taken as it is.

        Only where no write-ahead log is left: what stands in one must not be passed over.
        """
        try:
            return connect(self._path, self._busy)
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF
            log = self._path.with_name(f"{self._path.name}-wal")
            if code not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or _place(log) is not None:
                raise
        return _connect(self._path, self._busy, frozen=True)

    def _kept(self) -> Connection | None:
        """None where nothing is kept that is a connection of this process to the file that is at the path now."""
        with suppress(IndexError):
            while True:
                kept, here = self._idle.pop(), _place(self._path)
                if here is not None and kept.place == here:
                    return kept
                if kept.place is not None and kept.place[2] != os.getpid():
                    _inherited.append(kept)
                else:
                    kept.close()
        return None

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self.where, error) from None
        except UnicodeDecodeError:
            # SQLite's own message quotes the damaged schema, and Python cannot decode that.
            raise damaged(self.where) from None


class Connection(sqlite3.Connection):
    """It is the `database.Transaction` of whatever transaction was begun on it."""

    place: _Place | None
    wal = False
    frozen = False
    """It was told that nobody writes the file, and looks for no changes."""

    def rows(self, statement: str, **values: Value) -> Sequence[Sequence[object]]:
        try:
            return self.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            if hasattr(error, "sqlite_errorcode"):
                raise
        # Not SQLite's error but the driver's: text that is no UTF-8. It must reach the chain's check, which names the
        # event. A decoder of our own costs a third of the time of a read, so it waits until it is needed.
        self.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
        return self.execute(statement, values).fetchall()

    def run(self, statement: str, **values: Value) -> int:
        return self.execute(statement, values).rowcount

    def has_table(self, name: str) -> bool:
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", name=name))

    def prefer_wal(self) -> None:
        """Switch the file to WAL, so that readers and the writer do not wait for each other.

        The mode is kept in the file, and stays as long as somebody has it open. Where another process holds a lock
        right now SQLite may refuse without waiting: the old mode is as durable, so this transaction goes on in it.
        """
        if not self.wal:
            # Whatever else is wrong with the file, the transaction that follows meets it too, and reports it.
            with suppress(sqlite3.Error):
                self.wal = self.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)


def connect(path: Path, busy: timedelta) -> Connection:
    """A connection to a file that is there. `busy`: longest wait for another's lock."""
    return _connect(path, busy, frozen=False)


def _connect(path: Path, busy: timedelta, *, frozen: bool) -> Connection:
    place = _place(path)  # before it is opened: replaced in between, the next use finds that it differs
    # mode=rw: SQLite never makes the file; only `SqliteFile` does, with the right permissions.
    connection = sqlite3.connect(
        f"{path.as_uri()}?{'mode=ro&immutable=1' if frozen else 'mode=rw'}",
        uri=True,
        timeout=busy.total_seconds(),
        isolation_level=None,  # BEGIN is ours
        check_same_thread=False,  # it is lent to one thread at a time
        factory=Connection,
    )
    connection.place, connection.frozen = place, frozen
    # A value that nobody can have journaled is refused by SQLite before it is read into memory.
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MAX_ROW_BYTES)
    try:
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def _begun(connection: Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:  # raised again: an interruption must not leave the file locked
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _place(path: Path) -> _Place | None:
    """None where there is no such file: what opening it meets is SQLite's to say."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, os.getpid()


def _close(idle: list[Connection]) -> None:
    while idle:
        idle.pop().close()


def _close_here(idle: list[Connection], process: int) -> None:
    """Close what is kept, in the process that made it alone."""
    if os.getpid() == process:
        _close(idle)
