"""Tables and statements of the SQL journal, in the SQL that SQLite and PostgreSQL share; `:name` marks a value."""

from __future__ import annotations

from rotator.core.chain import COLUMNS

SCHEMA = 1
"""The schema that this version writes. One that is higher is refused, never guessed at."""

TABLE = "rotator_schema"
"""Where the schema's number is: a database without this table has no journal yet."""

CREATE = (
    # `id` is always 1: there is one row.
    "CREATE TABLE IF NOT EXISTS rotator_schema (id INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL)",
    # The primary key is the create-if-absent at the next sequence number (law 5).
    """CREATE TABLE IF NOT EXISTS rotator_events (
        credential VARCHAR(255) NOT NULL, seq BIGINT NOT NULL, rotation TEXT NOT NULL, at TEXT NOT NULL,
        kind TEXT NOT NULL, step TEXT, attempt INTEGER NOT NULL, data TEXT NOT NULL, holder TEXT NOT NULL,
        prev TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (credential, seq))""",
    """CREATE TABLE IF NOT EXISTS rotator_leases (
        credential VARCHAR(255) NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until TEXT NOT NULL)""",
    f"INSERT INTO rotator_schema (id, version) VALUES (1, {SCHEMA})",  # noqa: S608 - a number of ours
)

VERSION = "SELECT version FROM rotator_schema"

_COLUMNS = ", ".join(COLUMNS)

EVENTS_FROM = f"SELECT {_COLUMNS} FROM rotator_events WHERE credential = :credential AND seq >= :seq ORDER BY seq"  # noqa: S608 - names of ours

LAST = "SELECT seq, hash FROM rotator_events WHERE credential = :credential ORDER BY seq DESC LIMIT 1"

# Where the database lets two write at once, another transaction may have been faster: then no row is added.
ADD = (
    f"INSERT INTO rotator_events (credential, {_COLUMNS}) VALUES (:credential, "  # noqa: S608 - names of ours
    + ", ".join(f":{column}" for column in COLUMNS)
    + ") ON CONFLICT DO NOTHING"
)

NAMES = "SELECT DISTINCT credential FROM rotator_events"

LEASE = "SELECT holder, until FROM rotator_leases WHERE credential = :credential"

PUT_LEASE = """INSERT INTO rotator_leases (credential, holder, until) VALUES (:credential, :holder, :until)
    ON CONFLICT (credential) DO UPDATE SET holder = excluded.holder, until = excluded.until"""

DROP_LEASE = "DELETE FROM rotator_leases WHERE credential = :credential AND holder = :holder"


def events_of(count: int) -> str:
    """The events of so many credentials, `:name0` and on: the credential first in each row, then `COLUMNS`."""
    names = ", ".join(f":name{number}" for number in range(count))
    return f"SELECT credential, {_COLUMNS} FROM rotator_events WHERE credential IN ({names}) ORDER BY credential, seq"  # noqa: S608 - marks only
