"""Tables and statements of the SQL journal. Imports SQLAlchemy: import this module inside functions only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Delete,
    Insert,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
)

SCHEMA = 1
"""The schema that this version writes. One that is higher is refused, never guessed at."""

_metadata = MetaData()

_schema = Table(
    "rotator_schema",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: there is one row
    Column("version", Integer, nullable=False),
)

_events = Table(
    "rotator_events",
    _metadata,
    # The primary key is the create-if-absent at the next sequence number (law 5).
    Column("credential", String(255), primary_key=True),
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("rotation", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("step", Text),
    Column("attempt", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

_leases = Table(
    "rotator_leases",
    _metadata,
    Column("credential", String(255), primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Text, nullable=False),
)


def found(connection: Connection) -> object:
    """The schema that the database has; None where it has none yet, or only tables of others."""
    if not connection.info.get(_schema.name):  # looked for once a connection: nobody drops it again
        if not inspect(connection).has_table(_schema.name):
            return None
        connection.info[_schema.name] = True
    return connection.execute(select(_schema.c.version)).scalar()


def create(connection: Connection) -> None:
    """Make the tables, in the caller's transaction."""
    _metadata.create_all(connection)
    connection.execute(insert(_schema).values(id=1, version=SCHEMA))


def events_from(credential: str, seq: int) -> Select[tuple[object, ...]]:
    return select(_events).where(_events.c.credential == credential, _events.c.seq >= seq).order_by(_events.c.seq)


def events_of(credentials: Sequence[str]) -> Select[tuple[object, ...]]:
    return select(_events).where(_events.c.credential.in_(credentials)).order_by(_events.c.credential, _events.c.seq)


def last(credential: str) -> Select[tuple[int, str]]:
    chosen = select(_events.c.seq, _events.c.hash).where(_events.c.credential == credential)
    return chosen.order_by(_events.c.seq.desc()).limit(1)


def add(credential: str, row: dict[str, int | str | None]) -> Insert:
    return insert(_events).values(credential=credential, **row)


def names() -> Select[tuple[str]]:
    return select(_events.c.credential).distinct()


def lease_of(credential: str) -> Select[tuple[str, str]]:
    return select(_leases.c.holder, _leases.c.until).where(_leases.c.credential == credential)


def put_lease(dialect: str, credential: str, holder: str, until: str) -> Insert:
    # The two databases share the clause, but SQLAlchemy offers it only on their own INSERTs.
    # Each is imported where it is used: PostgreSQL's takes a tenth of `rotate status`.
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as own_insert
    else:
        from sqlalchemy.dialects.sqlite import insert as own_insert  # type: ignore[assignment]  # the same clause
    statement = own_insert(_leases).values(credential=credential, holder=holder, until=until)
    return statement.on_conflict_do_update(
        index_elements=[_leases.c.credential], set_={"holder": holder, "until": until}
    )


def drop_lease(credential: str, holder: str) -> Delete:
    return delete(_leases).where(_leases.c.credential == credential, _leases.c.holder == holder)
