"""The journal on a PostgreSQL server. Imports SQLAlchemy: import this module inside functions only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from sqlalchemy import URL, Connection, create_engine, inspect, make_url, text
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from rotator.adapters.journal.database import Transaction, Value
from rotator.adapters.journal.errors import explained
from rotator.model.errors import JournalError

_DRIVER = "postgresql+psycopg"
"""Where the URL names none: SQLAlchemy's own choice is psycopg2 up to 2.0, and psycopg from 2.1 on."""

_CONNECT_SECONDS: Final = 10

_OPENING: Final = """SELECT set_config('lock_timeout', '10s', true), set_config('statement_timeout', '30s', true),
    set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)"""
"""For this transaction: bounds (law 8), and a commit that is on disk when it returns, whatever the server says."""

_ONE_WRITER: Final = "SELECT pg_advisory_xact_lock(7220011966)"
"""Until the transaction ends: writers take turns, as on SQLite, or two would make the tables at once. The number is
any, and the same in every version."""


class Server:
    def __init__(self, url: URL) -> None:
        """Raises `JournalError` where the driver that the URL names is not installed."""
        self.where = url.render_as_string(hide_password=True)
        chosen = url.set(drivername=_DRIVER) if url.drivername == "postgresql" else url
        try:
            self._engine = create_engine(
                chosen, poolclass=NullPool, hide_parameters=True, connect_args={"connect_timeout": _CONNECT_SECONDS}
            )
        except (ModuleNotFoundError, NoSuchModuleError):
            raise JournalError(
                f"the journal {self.where} needs a database driver that is not installed",
                "pip install 'psycopg[binary]' (or, for a postgresql+psycopg2:// URL, pip install psycopg2-binary)",
            ) from None

    @classmethod
    def at(cls, url: str) -> Server | None:
        """None for a URL that is none."""
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            return None
        return cls(parsed)

    def reading(self) -> AbstractContextManager[Transaction]:
        return self._transaction("REPEATABLE READ")

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[Transaction]:
        """Always lasting: a server's lease is believed on other machines."""
        with self._transaction("READ COMMITTED") as transaction:  # so that what is read behind the lock is the latest
            transaction.rows(_ONE_WRITER)
            yield transaction

    @contextmanager
    def _transaction(self, isolation: IsolationLevel) -> Iterator[Transaction]:
        try:
            with self._engine.connect().execution_options(isolation_level=isolation) as connection, connection.begin():
                transaction = _Transaction(connection)
                transaction.rows(_OPENING)
                yield transaction
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            # `from None`: the statement and its parameters stay out of tracebacks.
            raise explained(self.where, cause) from None

    def close(self) -> None:
        self._engine.dispose()


class _Transaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, **values: Value) -> Sequence[Sequence[object]]:
        return self._connection.execute(text(statement), values).all()

    def run(self, statement: str, **values: Value) -> int:
        return self._connection.execute(text(statement), values).rowcount

    def has_table(self, name: str) -> bool:
        return inspect(self._connection).has_table(name)
