"""The journal in an SQL database: SQLite by default, PostgreSQL by its URL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from rotator.adapters.journal import schema
from rotator.adapters.journal.database import Transaction, open_database
from rotator.adapters.journal.errors import newer_schema
from rotator.core import chain
from rotator.model.errors import JournalError
from rotator.model.event import GENESIS, Event
from rotator.ports import Conflict, Lease

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
    """`ports.Journal`. Safe to use from several threads and processes at once.

    Reading makes nothing: a database that does not exist has no events. The first append or heartbeat makes it.
    """

    def __init__(self, url: str, busy: timedelta = BUSY) -> None:
        """Raises `ConfigError` for a URL that is none, `JournalError` where its driver is not installed."""
        self._database = open_database(url, busy)

    def read(self, credential: str, after: int = 0) -> Sequence[Event]:
        """See `ports.Journal`. `after` itself must still be there: the chain is checked from it."""
        with self._reading() as database:
            rows = database.rows(schema.EVENTS_FROM, credential=credential, seq=after) if database else []
        return chain.follow(rows, after)

    def read_many(self, credentials: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        logs: dict[object, list[Sequence[object]]] = {credential: [] for credential in credentials}
        named = {f"name{number}": credential for number, credential in enumerate(credentials)}
        with self._reading() as database:
            for row in database.rows(schema.events_of(len(named)), **named) if database and named else []:
                logs[row[0]].append(row[1:])
        return {credential: chain.follow(logs[credential], 0) for credential in credentials}

    def append(self, credential: str, event: Event) -> None:
        row = chain.to_row(event)
        with self._writing() as database:
            found = database.rows(schema.LAST, credential=credential)
            last_seq, last_hash = found[0] if found else (0, GENESIS)
            if not isinstance(last_seq, int):
                raise JournalError(f"the journal {self._database.where} is damaged: a sequence number is no number")
            if event.seq != last_seq + 1:
                raise Conflict(f"event {event.seq} of {credential}: the last one is {last_seq}")
            chain.check_next(event, last_seq, str(last_hash))
            if not database.run(schema.ADD, credential=credential, **row):
                raise Conflict(f"event {event.seq} of {credential} is taken")

    def credentials(self) -> Sequence[str]:
        with self._reading() as database:
            found = database.rows(schema.NAMES) if database else []
        return sorted(str(name) for (name,) in found)

    def heartbeat(self, credential: str, holder: str, until: datetime) -> None:
        with self._writing(lasting=False) as database:  # a machine that loses its power has lost the process, too
            database.run(schema.PUT_LEASE, credential=credential, holder=holder, until=until.isoformat())

    def lease(self, credential: str) -> Lease | None:
        with self._reading() as database:
            found = database.rows(schema.LEASE, credential=credential) if database else []
        if not found:
            return None
        holder, until = found[0]
        try:
            ends = datetime.fromisoformat(str(until))
            aware = ends.utcoffset() is not None
        except ValueError:
            aware = False
        if not aware or not isinstance(holder, str):
            raise JournalError(f"the lease of {credential} in the journal {self._database.where} is damaged")
        return Lease(holder=holder, until=ends)

    def release(self, credential: str, holder: str) -> None:
        with self._reading() as database:
            there = database is not None
        if there:
            with self._writing(lasting=False) as writer:
                writer.run(schema.DROP_LEASE, credential=credential, holder=holder)

    def close(self) -> None:
        """Close the connection that is kept, which otherwise ends with this object; the next use opens it again."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[Transaction | None]:
        """A look at tables of a schema that we know; None where there are none yet."""
        with self._database.reading() as database:
            yield database if database and self._known(database) else None

    @contextmanager
    def _writing(self, *, lasting: bool = True) -> Iterator[Transaction]:
        with self._database.writing(lasting=lasting) as database:
            if not self._known(database):
                for statement in schema.CREATE:
                    database.run(statement)
            yield database

    def _known(self, database: Transaction) -> bool:
        """False where the database has no schema yet, or only tables of others."""
        found = database.rows(schema.VERSION) if database.has_table(schema.TABLE) else []
        if not found:
            return False
        version = found[0][0]
        if not isinstance(version, int):
            raise JournalError(f"the journal {self._database.where} is damaged: its schema is no number")
        if version > schema.SCHEMA:
            raise newer_schema(self._database.where, version, schema.SCHEMA)
        return True
