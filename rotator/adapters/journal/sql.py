"""The journal in an SQL database: SQLite by default, PostgreSQL by its URL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.adapters.journal.errors import damaged, explained, newer_schema
from rotator.core import chain
from rotator.model.errors import JournalError
from rotator.model.event import GENESIS, Event
from rotator.ports import Conflict, Lease

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

BUSY = timedelta(seconds=10)
"""Longest wait for another process's lock. A transaction here takes milliseconds."""


def default_url() -> str:
    """The journal of this user on this machine, by the XDG rules."""
    import platformdirs

    return f"sqlite:///{Path(platformdirs.user_state_dir('rotator')).absolute() / 'journal.db'}"


def beside(url: str, what: str) -> Path:
    """A file that belongs to this journal: beside its own, or where it is on a server, in this user's state directory.

    Raises `ConfigError` for a URL that is none.
    """
    import platformdirs

    from rotator.adapters.journal.database import sqlite_path

    path = sqlite_path(url) if url.startswith("sqlite") else Path(platformdirs.user_state_dir("rotator")) / "journal"
    return path.with_name(f"{path.name}-{what}")


class SqlJournal:
    """`ports.Journal` over SQLAlchemy Core. Safe to use from several threads and processes at once.

    Reading makes nothing: a database that does not exist has no events. The first append or heartbeat makes it.
    """

    def __init__(self, url: str, busy: timedelta = BUSY) -> None:
        """Raises `ConfigError` for a URL that is none, `JournalError` where its driver is not installed."""
        from rotator.adapters.journal.database import open_database

        self._database = open_database(url, busy)

    def read(self, credential: str, after: int = 0) -> Sequence[Event]:
        """See `ports.Journal`. `after` itself must still be there: the chain is checked from it."""
        from rotator.adapters.journal import schema

        return chain.follow([chain.from_row(row) for row in self._rows(schema.events_from(credential, after))], after)

    def read_many(self, credentials: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        from rotator.adapters.journal import schema

        logs: dict[str, list[Event]] = {credential: [] for credential in credentials}
        for row in self._rows(schema.events_of(credentials)):
            logs[str(row["credential"])].append(chain.from_row(row))
        return {credential: chain.follow(log, 0) for credential, log in logs.items()}

    def append(self, credential: str, event: Event) -> None:
        from sqlalchemy.exc import IntegrityError

        from rotator.adapters.journal import schema

        row = chain.to_row(event)
        with self._writing() as connection:
            found = connection.execute(schema.last(credential)).one_or_none()
            last_seq, last_hash = (found.seq, found.hash) if found else (0, GENESIS)
            if not isinstance(last_seq, int):
                raise JournalError(f"the journal {self._database.where} is damaged: a sequence number is no number")
            if event.seq != last_seq + 1:
                raise Conflict(f"event {event.seq} of {credential}: the last one is {last_seq}")
            chain.check_next(event, last_seq, last_hash)
            try:
                connection.execute(schema.add(credential, row))
            except IntegrityError:
                # Another transaction was faster, where the database lets two write at once.
                raise Conflict(f"event {event.seq} of {credential} is taken") from None

    def credentials(self) -> Sequence[str]:
        from rotator.adapters.journal import schema

        with self._reading() as connection:
            names: list[object] = list(connection.execute(schema.names()).scalars()) if connection else []
        return sorted(str(name) for name in names)

    def heartbeat(self, credential: str, holder: str, until: datetime) -> None:
        from rotator.adapters.journal import schema

        with self._writing() as connection:
            dialect = self._database.dialect
            connection.execute(schema.put_lease(dialect, credential, holder, until.isoformat()))

    def lease(self, credential: str) -> Lease | None:
        from rotator.adapters.journal import schema

        with self._reading() as connection:
            row = connection.execute(schema.lease_of(credential)).one_or_none() if connection else None
        if row is None:
            return None
        try:
            until = datetime.fromisoformat(row.until)
            aware = until.utcoffset() is not None
        except (TypeError, ValueError):
            aware = False
        if not aware or not isinstance(row.holder, str):
            raise JournalError(f"the lease of {credential} in the journal {self._database.where} is damaged")
        return Lease(holder=row.holder, until=until)

    def release(self, credential: str, holder: str) -> None:
        from rotator.adapters.journal import schema

        with self._reading() as connection:
            there = connection is not None
        if there:
            with self._writing() as writer:
                writer.execute(schema.drop_lease(credential, holder))

    def close(self) -> None:
        """Close the connection that is kept, which otherwise ends with this object; the next use opens it again."""
        self._database.close()

    def _rows(self, query: Select[tuple[object, ...]]) -> list[chain.Row]:
        with self._reading() as connection:
            if connection is None:
                return []
            found = connection.execute(query)
            names = list(found.keys())
            return [dict(zip(names, row, strict=True)) for row in found]

    @contextmanager
    def _reading(self) -> Iterator[Connection | None]:
        """A connection to tables of a schema that we know; None where there are none yet."""
        with self._explaining(), self._database.reading() as connection:
            yield connection if connection and self._known(connection) else None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        from rotator.adapters.journal import schema

        with self._explaining(), self._database.writing() as connection:
            if not self._known(connection):
                schema.create(connection)
            yield connection

    def _known(self, connection: Connection) -> bool:
        from rotator.adapters.journal import schema

        found = schema.found(connection)
        if found is None:
            return False
        if not isinstance(found, int):
            raise JournalError(f"the journal {self._database.where} is damaged: its schema is no number")
        if found > schema.SCHEMA:
            raise newer_schema(self._database.where, found, schema.SCHEMA)
        return True

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            yield
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            # `from None`: the statement and its parameters stay out of tracebacks.
            raise explained(self._database.where, cause) from None
        except UnicodeDecodeError:
            # SQLite's own message quotes the damaged schema, and Python cannot decode that.
            raise damaged(self._database.where) from None
