"""Where the journal's database is, and how a transaction on it begins: all that differs between databases.

Imports SQLAlchemy: import this module inside functions only.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from rotator.adapters.journal.errors import unusable_path
from rotator.adapters.journal.kept import close_here, kept_engine, prefer_wal
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

    def close(self) -> None:
        """Close what is kept open; the next use opens it again."""
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
            return SqliteFile(sqlite_path(url), busy)
        case "postgresql":
            return Server(parsed)
        case other:
            raise ConfigError(f"no journal can be kept at {other}://", _FORMS)


class SqliteFile:
    """One SQLite file, WAL and `synchronous=FULL`, through a connection that is kept while this object lives."""

    dialect = "sqlite"

    def __init__(self, path: Path, busy: timedelta) -> None:
        self.where = str(path)
        self._path = path
        self._engine = kept_engine(path, busy)
        weakref.finalize(self, close_here, self._engine, os.getpid())  # at the latest when the process ends

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
            prefer_wal(immediate)
            with immediate.begin():
                yield immediate

    def close(self) -> None:
        self._engine.dispose()

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

    def close(self) -> None:
        self._engine.dispose()


def sqlite_path(url: str) -> Path:
    """The file that a sqlite URL names. Raises `ConfigError` where it names none."""
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
