"""Where the journal's database is: all that differs between databases is behind these two protocols."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeAlias

from rotator.model.errors import ConfigError

Value: TypeAlias = "int | str | None"

_FORMS = "A journal is sqlite:///PATH (sqlite:///~/… for your home, four slashes for the root) or postgresql://…"


class Transaction(Protocol):
    """One transaction: every statement in it sees the same state."""

    def rows(self, statement: str, **values: Value) -> Sequence[Sequence[object]]: ...

    def run(self, statement: str, **values: Value) -> int:
        """How many rows it added, changed or removed."""
        ...

    def has_table(self, name: str) -> bool: ...


class Database(Protocol):
    """A place for the journal. `where` names it in messages, without a password. Failures are `JournalError`s."""

    @property
    def where(self) -> str: ...

    def reading(self) -> AbstractContextManager[Transaction | None]:
        """None where there is no database yet (none is made)."""
        ...

    def writing(self, *, lasting: bool = True) -> AbstractContextManager[Transaction]:
        """Committed at the end; the database is made where it does not exist. `lasting`: and on the disk by then. What
        is not may be lost where the machine loses its power, and nowhere else."""
        ...

    def close(self) -> None:
        """Close what is kept open; the next use opens it again."""
        ...


def open_database(url: str, busy: timedelta) -> Database:
    """The database that `url` names; nothing is opened or made yet. `busy`: longest wait for another's lock.

    Raises `ConfigError` for a URL that is none, `JournalError` where the driver is not installed.
    """
    # The rest of the text may hold a password: it is not shown.
    scheme = re.match(r"([a-z0-9]+)(?:\+[a-z0-9_]+)?://", url)
    match scheme and scheme[1]:
        case None:
            raise ConfigError("the journal's URL cannot be understood", _FORMS)
        case "sqlite":
            from rotator.adapters.journal.sqlite import SqliteFile

            return SqliteFile(sqlite_path(url), busy)
        case "postgresql":
            from rotator.adapters.journal.server import Server

            server = Server.at(url)
            if server is None:
                raise ConfigError("the journal's URL cannot be understood", _FORMS)
            return server
        case other:
            raise ConfigError(f"no journal can be kept at {other}://", _FORMS)


def sqlite_path(url: str) -> Path:
    """The file that a sqlite URL names. Raises `ConfigError` where it names none."""
    # The path is taken literally: `%20` in it is three characters.
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
