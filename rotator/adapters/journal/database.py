"""Where the journal's database is, and how a transaction on it begins: all that differs between databases.

Imports SQLAlchemy: import this module inside functions only.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from rotator.adapters.journal.errors import unusable_path
from rotator.core.chain import MAX_ROW_BYTES
from rotator.model.errors import ConfigError, JournalError

_FORMS = "A journal is sqlite:///PATH (sqlite:///~/… for your home, four slashes for the root) or postgresql://…"


class Database(Protocol):
    """A place for the journal. `where` names it in messages, without a password."""

    where: str
    dialect: str

    def reading(self) -> AbstractContextManager[Connection | None]:
        """A connection that sees one state throughout; None where there is no database yet (none is made)."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction, committed at the end; the database is made where it does not exist."""
        ...


def open_database(url: str, busy: timedelta) -> Database:
    """The database that `url` names; nothing is opened or made yet. `busy`: longest wait for another's lock.

    Raises `ConfigError` for a URL that is none, `JournalError` where the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text may hold a password: it is not shown.
        raise ConfigError("the journal's URL cannot be understood", _FORMS) from None
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteFile(_path(url), busy)
        case "postgresql":
            return Server(parsed)
        case other:
            raise ConfigError(f"no journal can be kept at {other}://", _FORMS)


class SqliteFile:
    """One SQLite file, WAL and `synchronous=FULL`; a connection lives for one transaction, so none is left open."""

    dialect = "sqlite"

    def __init__(self, path: Path, busy: timedelta) -> None:
        self.where = str(path)
        self._path = path
        self._busy_seconds = busy.total_seconds()
        # NullPool: connections end with their transaction. Parameters are hidden from error texts (law 6).
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool, hide_parameters=True)
        event.listen(self._engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        try:
            there = self._path.exists()
        except (OSError, ValueError) as error:
            raise unusable_path(self.where, error) from None
        if not there:
            yield None
            return
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        self._make()
        with self._engine.connect() as connection:
            immediate = connection.execution_options(immediate=True)
            _prefer_wal(immediate)
            with immediate.begin():
                yield immediate

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: SQLite never makes the file; only `_make` does, with the right permissions.
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",
            uri=True,
            timeout=self._busy_seconds,
            isolation_level=None,  # BEGIN is ours, in `_begin`
        )
        # Undecodable text must reach the chain's check, which names the event, not fail in the driver.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        # A value that nobody can have journaled is refused by SQLite before it is read into memory.
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MAX_ROW_BYTES)
        try:
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _make(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._path.exists():
                # An empty file is an empty database. SQLite gives -wal and -shm the same permissions.
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except (OSError, ValueError) as error:
            raise unusable_path(self.where, error) from None


class Server:
    """A PostgreSQL server, through whichever driver the URL names."""

    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self.where = url.render_as_string(hide_password=True)
        try:
            self._engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        except (ModuleNotFoundError, NoSuchModuleError):
            raise JournalError(
                f"the journal {self.where} needs a database driver that is not installed",
                "pip install psycopg2-binary (or, for a postgresql+psycopg:// URL, pip install 'psycopg[binary]')",
            ) from None

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection


def _path(url: str) -> Path:
    # The path is taken literally: SQLAlchemy 2.1 would decode a `%20` in it, 2.0 would not.
    scheme, _, path = url.partition(":///")
    if "/" in scheme or path in ("", ":memory:"):
        raise ConfigError("the journal's URL names no file", _FORMS)
    if "?" in path:
        raise ConfigError("the journal's sqlite URL takes no options after `?`", _FORMS)
    try:
        # Absolute from here on: a later change of directory must not find another journal.
        return Path(path).expanduser().absolute()
    except RuntimeError:  # no such user, no home
        raise ConfigError(f"the home directory in the journal's path {path} is not known", _FORMS) from None


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a writer waits for the lock at the start; upgraded later it would fail at once where another wrote.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _prefer_wal(connection: Connection) -> None:
    """Switch the file to WAL, so that readers and the writer do not wait for each other.

    The mode is kept in the file. Where another process holds a lock right now SQLite may refuse without waiting: the
    old mode is as durable, so this transaction goes on in it.
    """
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - `_connect` made it
    # Whatever else is wrong with the file, the transaction that follows meets it too, and reports it.
    with suppress(sqlite3.Error):
        raw.execute("PRAGMA journal_mode=WAL").fetchone()
