"""A journal that somebody edited, any column to any value: read as it was, or said to be damaged, in little memory."""

# ruff: noqa: PT017 - whether it raises is the fuzzer's draw; what is told when it does is what is tested

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.adapters.holder import ProcessHolder
from rotator.adapters.journal.sql import SqlJournal
from rotator.core import chain
from rotator.core.chain import next_event
from rotator.core.fold import fold
from rotator.core.status import status
from rotator.model.errors import RotatorError
from rotator.model.event import Event, Kind
from tests.fuzz.depth import examples
from tests.fuzz.logs import AT, a_whole_log

COLUMNS = ("credential", "seq", "rotation", "at", "kind", "step", "attempt", "data", "holder", "prev", "hash")
values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30),
    st.binary(max_size=30),
    st.sampled_from(
        [
            "9999-12-31T23:59:59+00:00",
            "0001-01-01T00:00:00+23:59",
            "2026-11-23",
            "{}",
            "[" * 50_000,
            '{"a":' * 900,
            "opened",
            "archive",
            '{"a":NaN}',
            '{"a":' + "9" * 5000 + "}",
            b"\xff\xfe",
            "x" * 100_000,
            "1",
            "1.5",
            "a@b:1:-:-:-",
            "2026-11-23T00:00:00+24:00",
        ]
    ),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    journal = SqlJournal(f"sqlite:///{path}")
    for event in a_whole_log():
        journal.append("prod", event)
    journal.heartbeat("prod", ProcessHolder().me, AT + timedelta(days=9999))
    journal.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode=DELETE")
    return path


def looked_at(path: Path) -> None:
    """Everything that reading commands do: a status, or a RotatorError."""
    journal = SqlJournal(f"sqlite:///{path}", busy=timedelta(milliseconds=50))
    for name in ("prod", *_tried(journal.credentials, ())):
        events = _tried(partial(journal.read, name), ())
        _tried(partial(_stands, name, events), None)
        _tried(partial(journal.read, name, after=2), None)
        lease = _tried(partial(journal.lease, name), None)
        if lease is not None:
            ProcessHolder().is_gone(lease.holder)
        if events:
            _tried(partial(_go_on, journal, name, events[-1]), None)


def _stands(name: str, events: Sequence[Event]) -> object:
    return status(name, fold(events), AT)


def _go_on(journal: SqlJournal, name: str, last: Event) -> None:
    journal.append(name, _following(last))


def _following(last: Event) -> Event:
    return next_event(last, rotation="r", at=AT, kind=Kind.HELD, step=None, attempt=0, data={}, holder="x")


def _tried(call: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return call()
    except RotatorError as error:
        error.message.encode()
        assert len(error.message + error.hint) < 2000
        return otherwise


@given(st.sampled_from(COLUMNS), st.integers(1, 40), values)
@examples(80)
def test_any_value_in_any_column_of_any_event(
    tmp_path: Path, original: Path, column: str, seq: int, value: object
) -> None:
    path = tmp_path / "journal.db"
    copy(original, path)
    with closing(sqlite3.connect(path)) as database:
        try:
            database.execute("PRAGMA ignore_check_constraints=ON")
            database.execute(f"UPDATE rotator_events SET {column} = ? WHERE seq = ?", (value, seq))
            database.commit()
        except sqlite3.IntegrityError:
            return
    looked_at(path)


@given(
    st.sampled_from(("rotator_leases.holder", "rotator_leases.until", "rotator_schema.version", "rotator_schema.id")),
    values,
)
@examples(25)
def test_any_value_in_a_lease_or_in_the_schema(tmp_path: Path, original: Path, place: str, value: object) -> None:
    path = tmp_path / "journal.db"
    copy(original, path)
    table, _, column = place.partition(".")
    with closing(sqlite3.connect(path)) as database:
        try:
            database.execute(f"UPDATE {table} SET {column} = ?", (value,))
            database.commit()
        except sqlite3.IntegrityError:
            return
    looked_at(path)


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 255)), min_size=1, max_size=30), st.integers(0, 3))
@examples(60)
def test_any_bytes_of_the_file(tmp_path: Path, original: Path, changes: list[tuple[int, int]], cut: int) -> None:
    path = tmp_path / "journal.db"
    spoiled = bytearray(original.read_bytes())
    for place, byte in changes:
        spoiled[place % len(spoiled)] = byte
    path.write_bytes(spoiled[: len(spoiled) * (4 - cut) // 4])
    looked_at(path)


@given(
    st.integers(1, 40), st.dictionaries(st.sampled_from(("kind", "step", "data", "at", "attempt")), values, min_size=1)
)
@examples(150)
def test_a_log_that_was_edited_and_chained_anew(seq: int, changes: dict[str, object]) -> None:
    """Hashes keep mistakes out, not forgers: what cannot be understood is said to be so."""
    events: list[Event] = []
    for event in a_whole_log():
        row: dict[str, Any] = dict(chain.to_row(event))
        if event.seq == seq:
            row |= changes
        try:
            made = chain.from_row(row)
            events.append(
                next_event(
                    events[-1] if events else None,
                    rotation=made.rotation,
                    at=made.at,
                    kind=made.kind,
                    step=made.step,
                    attempt=made.attempt,
                    data=made.data,
                    holder=made.holder,
                )
            )
        except RotatorError:
            return
    _tried(partial(_stands, "prod", events), None)


@pytest.mark.parametrize("column", ["data", "holder", "hash"])
def test_a_value_of_two_hundred_megabytes_is_not_read(tmp_path: Path, original: Path, column: str) -> None:
    path = tmp_path / "journal.db"
    copy(original, path)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"UPDATE rotator_events SET {column} = zeroblob(200000000) WHERE seq = 3")
        database.commit()
    tracemalloc.start()
    try:
        looked_at(path)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
