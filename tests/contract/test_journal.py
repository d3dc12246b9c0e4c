"""What every journal promises, memory and SQLite alike, and PostgreSQL where ROTATOR_TEST_POSTGRES is the URL of a
server's (empty) database. Reopening and tampering need a durable one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.adapters.journal.server import Server
from rotator.adapters.journal.sql import SqlJournal
from rotator.core.chain import next_event
from rotator.model.canonical import JsonObject
from rotator.model.errors import JournalError
from rotator.model.event import Event, Kind
from rotator.ports import Conflict, Journal, Lease
from rotator.sandbox.memory_journal import MemoryJournal

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def event_after(last: Event | None, holder: str = "ann@host:1", data: JsonObject | None = None) -> Event:
    return next_event(
        last, rotation="r1", at=NOON, kind=Kind.MEASURED, step="observe web", attempt=1, data=data or {}, holder=holder
    )


def fill(journal: Journal, credential: str, count: int) -> list[Event]:
    events: list[Event] = []
    for _ in range(count):
        events.append(event_after(events[-1] if events else None))
        journal.append(credential, events[-1])
    return events


SERVER = os.environ.get("ROTATOR_TEST_POSTGRES")


@pytest.fixture(params=["memory", "sqlite", *(["postgresql"] if SERVER else [])])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Journal]]:
    """Makes a journal; on SQLite each call opens the same file anew, in memory all share one."""
    if request.param == "sqlite":
        yield lambda: SqlJournal(f"sqlite:///{tmp_path}/state/journal.db")
    elif request.param == "postgresql":
        _empty(str(SERVER))
        yield lambda: SqlJournal(str(SERVER))
        _empty(str(SERVER))
    else:
        memory = MemoryJournal()
        yield lambda: memory


def _empty(url: str) -> None:
    with Server.at(url).writing() as database:  # type: ignore[union-attr]  # where it is no URL, this says so
        for table in ("rotator_events", "rotator_leases", "rotator_schema"):
            database.run(f"DROP TABLE IF EXISTS {table}")


@pytest.fixture
def journal(make: Callable[[], Journal]) -> Journal:
    return make()


def test_a_new_journal_knows_nothing(journal: Journal) -> None:
    assert list(journal.read("prod")) == []
    assert list(journal.credentials()) == []
    assert journal.lease("prod") is None
    journal.release("prod", "ann@host:1")


def test_events_come_back_as_they_were_written(make: Callable[[], Journal]) -> None:
    data: JsonObject = {"n": 1, "f": 1.5, "none": None, "yes": True, "deep": {"list": [1, "two", {}]}}
    first = event_after(None, data=data)
    second = event_after(first)._replace(step=None)
    second = second._replace(hash=second.computed_hash())
    for event in (first, second):
        make().append("prod", event)
    assert list(make().read("prod")) == [first, second]


def test_after_leaves_out_what_the_reader_already_has(journal: Journal) -> None:
    events = fill(journal, "prod", 4)
    assert list(journal.read("prod", after=2)) == events[2:]
    assert list(journal.read("prod", after=4)) == []


def test_a_log_that_lost_the_event_a_reader_knew_is_damaged(journal: Journal) -> None:
    fill(journal, "prod", 2)
    with pytest.raises(JournalError, match="at event 3: it was there and is gone"):
        journal.read("prod", after=3)


def test_a_taken_sequence_number_is_a_conflict_and_changes_nothing(journal: Journal) -> None:
    events = fill(journal, "prod", 2)
    with pytest.raises(Conflict):
        journal.append("prod", event_after(events[0], holder="bob@host:2"))
    assert list(journal.read("prod")) == events


def test_a_gap_is_a_conflict_and_changes_nothing(journal: Journal) -> None:
    events = fill(journal, "prod", 2)
    with pytest.raises(Conflict):
        journal.append("prod", event_after(event_after(events[-1])))
    assert list(journal.read("prod")) == events


def test_an_event_that_does_not_follow_from_the_last_is_refused(journal: Journal) -> None:
    events = fill(journal, "prod", 1)
    other = event_after(event_after(None, holder="bob@host:2"))
    with pytest.raises(JournalError, match="event 2: it does not follow"):
        journal.append("prod", other)
    assert list(journal.read("prod")) == events


def test_an_event_whose_hash_is_wrong_is_refused(journal: Journal) -> None:
    with pytest.raises(JournalError, match="event 1: it was altered"):
        journal.append("prod", event_after(None)._replace(holder="bob@host:2"))
    assert list(journal.read("prod")) == []


def test_credentials_are_kept_apart_and_listed_in_order(journal: Journal) -> None:
    web, api = fill(journal, "web", 2), fill(journal, "api", 1)
    assert list(journal.credentials()) == ["api", "web"]
    assert list(journal.read("web")) == web
    assert list(journal.read("api")) == api
    assert list(journal.read("we")) == []


def test_many_logs_are_read_in_one_look_each_whole_and_none_of_another(journal: Journal) -> None:
    assert journal.read_many(["web"]) == {"web": []}
    web, api, _ = fill(journal, "web", 3), fill(journal, "api", 1), fill(journal, "other", 2)
    found = journal.read_many(["web", "none", "api"])
    assert {name: list(log) for name, log in found.items()} == {"web": web, "none": [], "api": api}
    assert list(found) == ["web", "none", "api"]
    assert journal.read_many([]) == {}


def test_any_text_survives(journal: Journal) -> None:
    text = "ключ 🔑 'quoted' \"double\" %s {x} \x00 \n end"
    event = event_after(None, holder="zoë@höst:1", data={text: text})
    journal.append("prod-Ω 🔑'; --", event)
    assert list(journal.read("prod-Ω 🔑'; --")) == [event]
    assert list(journal.credentials()) == ["prod-Ω 🔑'; --"]


def test_changing_the_data_after_the_append_does_not_change_the_journal(journal: Journal) -> None:
    inner: list[int] = [1]
    journal.append("prod", event_after(None, data={"list": inner}))
    inner.append(2)
    assert journal.read("prod")[0].data == {"list": [1]}


def test_of_writers_that_race_exactly_one_wins_each_number(make: Callable[[], Journal]) -> None:
    wins: list[tuple[str, int]] = []
    rounds = 8

    def write(holder: str) -> None:
        journal, won = make(), 0
        while won < rounds:
            log = journal.read("prod")
            event = event_after(log[-1] if log else None, holder=holder)
            try:
                journal.append("prod", event)
            except Conflict:
                continue
            won += 1
            wins.append((holder, event.seq))

    writers = [threading.Thread(target=write, args=(f"writer-{number}",)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    log = make().read("prod")
    assert [event.seq for event in log] == list(range(1, 3 * rounds + 1))
    assert sorted(wins, key=lambda win: win[1]) == [(event.holder, event.seq) for event in log]


def test_a_lease_is_the_last_heartbeat(make: Callable[[], Journal]) -> None:
    make().heartbeat("prod", "ann", NOON)
    make().heartbeat("prod", "ann", NOON + timedelta(minutes=1))
    assert make().lease("prod") == Lease(holder="ann", until=NOON + timedelta(minutes=1))
    make().heartbeat("prod", "bob", NOON)
    assert make().lease("prod") == Lease(holder="bob", until=NOON)
    assert make().lease("other") is None


def test_only_the_holder_releases_a_lease(journal: Journal) -> None:
    journal.heartbeat("prod", "ann", NOON)
    journal.release("prod", "bob")
    assert journal.lease("prod") == Lease(holder="ann", until=NOON)
    journal.release("prod", "ann")
    assert journal.lease("prod") is None


def test_a_lease_alone_is_no_log(journal: Journal) -> None:
    journal.heartbeat("prod", "ann", NOON)
    assert list(journal.credentials()) == []
    assert list(journal.read("prod")) == []
