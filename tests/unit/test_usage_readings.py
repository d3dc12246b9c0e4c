"""One reading a minute for all processes that work by one journal: each issuer here stands for a process of its own."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from rotator.adapters.issuer import readings as kept
from rotator.adapters.issuer import usage as reports
from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.issuer.readings import FORGOTTEN, Readings
from rotator.model.errors import Refused, Unreachable
from rotator.model.usage import Reading, Unread, Usage
from rotator.sandbox.anthropic_faults import Fault
from tests.anthropic_world import AnthropicWorld, StillClock, anthropic_world

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def world() -> Iterator[AnthropicWorld]:
    with anthropic_world() as served:
        served.server.books.meter.reporting.open = "both"
        yield served


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db-usage"


def process(world: AnthropicWorld, path: Path | None) -> AnthropicIssuer:
    admin = world.admin
    assert admin is not None
    return AnthropicIssuer(
        admin_key=lambda: admin, clock=world.clock, base_url=world.server.url, readings=Readings(path)
    )


def read(world: AnthropicWorld, path: Path | None, *ids: str, back: int = 10) -> Reading:
    return process(world, path).usage(ids, world.clock.now().replace(second=0) - back * MINUTE)


def asked(world: AnthropicWorld, fault: Callable[[], Fault | None] = lambda: None) -> list[str]:
    """The times at which usage is asked for, from now on."""
    times: list[str] = []

    def note(method: str, path: str, key_id: str | None) -> Fault | None:
        if "usage" not in path:
            return None
        times.append(f"{world.clock.now():%H:%M:%S}")
        return fault()

    world.server.faults = note
    return times


def test_many_processes_with_many_rotations_ask_once_a_minute_in_all(world: AnthropicWorld, path: Path) -> None:
    records = [world.server.books.issue(f"of credential {number}")[1] for number in range(4)]
    times = asked(world)
    for _ in range(60):
        for record in records:
            read(world, path, record.id)
        world.clock.sleep(5 * SECOND)
    assert times == ["12:00:00", "12:01:00", "12:02:00", "12:03:00", "12:04:00"]
    found = read(world, path, records[3].id)
    assert isinstance(found, Usage)
    assert set(found.minutes) == {record.id for record in records}


def test_a_process_that_is_started_by_cron_is_not_starved_by_the_one_before_it(
    world: AnthropicWorld, path: Path
) -> None:
    _, one = world.server.books.issue()
    _, two = world.server.books.issue()
    for _ in range(2):
        world.clock.sleep(15 * MINUTE)
        read(world, path, one.id)
        found = read(world, path, two.id)
    assert isinstance(found, Usage)
    assert two.id in found.minutes


def test_what_another_process_read_is_the_same_to_the_last_minute(world: AnthropicWorld, path: Path) -> None:
    _, record = world.server.books.issue()
    for back in range(1, 9):
        world.server.books.meter.count(record.id, world.clock.now() - back * MINUTE, "claude-haiku-5-5", "wrkspc_01")
    first = read(world, path, record.id)
    assert isinstance(first, Usage)
    assert first.minutes[record.id]
    assert read(world, path, record.id) == first


@pytest.mark.parametrize(("status", "error"), [(401, Refused), (529, Unreachable)])
def test_a_refusal_is_everybodys_for_a_minute_and_stays_what_it_is(
    world: AnthropicWorld, path: Path, status: int, error: type[Exception]
) -> None:
    _, record = world.server.books.issue()
    kind = "authentication_error" if status == 401 else "overloaded_error"
    times = asked(world, lambda: Fault(status=status, type=kind, message="no"))
    for _ in range(3):
        with pytest.raises(error, match=str(status)):
            read(world, path, record.id)
    assert len(times) == (1 if status == 401 else 4)  # one question, its retries in bad weather included


def test_that_nobody_may_read_is_told_to_everybody(world: AnthropicWorld, path: Path) -> None:
    _, record = world.server.books.issue()
    world.server.books.meter.reporting.open = "none"
    times = asked(world)
    assert all(isinstance(read(world, path, record.id), Unread) for _ in range(3))
    assert len(times) == 2  # both reports, once


class Patient(StillClock):
    """Sleeps until the other one has its answer; that takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.waits, self.over = Event(), Event()

    def sleep(self, duration: timedelta) -> None:
        self.waits.set()
        self.over.wait(20)


def test_who_asks_while_another_process_is_asking_gets_that_ones_answer(world: AnthropicWorld, path: Path) -> None:
    _, record = world.server.books.issue()
    second, clock = replace(world), Patient()
    second.clock = clock
    found: list[Reading] = []
    waiting = Thread(target=lambda: found.append(read(second, path, record.id)))

    def while_it_is_asked(method: str, where: str, key_id: str | None) -> None:
        if "usage" in where:
            waiting.start()
            clock.waits.wait(20)

    world.server.faults = while_it_is_asked
    first = read(world, path, record.id)
    clock.over.set()
    waiting.join(20)
    assert found == [first]


def test_a_process_that_died_while_it_asked_holds_the_others_up_for_a_minute_at_most(
    world: AnthropicWorld, path: Path
) -> None:
    _, record = world.server.books.issue()
    process(world, path).usage([record.id], world.clock.now() - MINUTE)
    world.clock.sleep(MINUTE)
    with sqlite3.connect(path) as connection:
        [place] = connection.execute("SELECT place FROM readings").fetchone()
    connection.close()
    assert Readings(path).look(place, [record.id], world.clock.now(), world.clock.now()).mine  # and that was its end
    with pytest.raises(Unreachable, match="Another process"):
        read(world, path, record.id)
    world.clock.sleep(MINUTE - reports.WAIT)
    assert isinstance(read(world, path, record.id), Usage)


def test_a_key_that_nobody_asks_about_any_more_is_asked_about_no_more(world: AnthropicWorld, path: Path) -> None:
    _, gone = world.server.books.issue()
    _, here = world.server.books.issue()
    read(world, path, gone.id, back=60)
    world.clock.sleep(FORGOTTEN)
    found = read(world, path, here.id)
    assert isinstance(found, Usage)
    assert set(found.minutes) == {here.id}
    assert found.since == world.clock.now() - 10 * MINUTE


@pytest.mark.parametrize("every", [5 * SECOND, 5 * MINUTE])
def test_a_key_that_is_asked_about_anew_is_read_from_the_new_time_on(
    world: AnthropicWorld, path: Path, every: timedelta
) -> None:
    _, record = world.server.books.issue()
    opened = world.clock.now()
    read(world, path, record.id, back=24 * 60)  # as adopt does
    while world.clock.now() - opened < 4 * MINUTE:
        world.clock.sleep(every)
        found = process(world, path).usage([record.id], opened)
    assert isinstance(found, Usage)
    assert found.since == opened


def test_a_rotation_that_asks_about_fewer_keys_is_told_of_no_more(world: AnthropicWorld, path: Path) -> None:
    _, old = world.server.books.issue()
    _, new = world.server.books.issue()
    read(world, path, old.id, new.id)
    world.clock.sleep(5 * MINUTE)
    found = read(world, path, old.id)
    assert isinstance(found, Usage)
    assert set(found.minutes) == {old.id}


def test_two_that_ask_about_one_key_in_the_same_minute_are_both_told_enough(world: AnthropicWorld, path: Path) -> None:
    _, record = world.server.books.issue()
    for _ in range(3):
        world.clock.sleep(MINUTE)
        found = [read(world, path, record.id, back=back) for back in (60, 10)]
    assert all(isinstance(one, Usage) and one.since <= world.clock.now() - 60 * MINUTE for one in found)


def test_more_keys_than_one_request_takes_are_asked_about_in_several(
    world: AnthropicWorld, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [world.server.books.issue()[1] for _ in range(5)]
    for record in records:
        world.server.books.meter.count(record.id, world.clock.now() - 2 * MINUTE, "claude-haiku-5-5", None)
    monkeypatch.setattr(reports, "KEYS", 2)
    times = asked(world)
    found = read(world, path, *(record.id for record in records))
    assert isinstance(found, Usage)
    assert all(found.minutes[record.id] for record in records)
    assert len(times) == 3


def test_the_keys_that_are_asked_about_are_bounded(
    world: AnthropicWorld, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    records = [world.server.books.issue()[1] for _ in range(5)]
    for record in records:
        read(world, path, record.id)
    world.clock.sleep(MINUTE)
    found = read(world, path, records[0].id)
    assert isinstance(found, Usage)
    assert set(found.minutes) == {records[number].id for number in (3, 4, 0)}


def test_what_is_too_much_to_read_at_once_is_read_without_the_others_next_time(
    world: AnthropicWorld, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, long_gone = world.server.books.issue()
    _, record = world.server.books.issue()
    read(world, path, long_gone.id, back=60 * 24 * 5)
    world.clock.sleep(MINUTE)
    monkeypatch.setattr(reports, "MAX_PAGES", 3)
    with pytest.raises(Unreachable, match="more than 3 pages"):
        read(world, path, record.id)
    world.clock.sleep(MINUTE)
    assert isinstance(read(world, path, record.id), Usage)


def test_a_second_admin_key_or_address_shares_nothing(world: AnthropicWorld, path: Path) -> None:
    _, record = world.server.books.issue()
    times = asked(world)
    read(world, path, record.id)
    world.admin, _ = world.server.books.issue_admin()
    read(world, path, record.id)
    assert len(times) == 2


def test_the_file_is_its_owners_alone_and_holds_no_key(world: AnthropicWorld, path: Path) -> None:
    key, record = world.server.books.issue()
    read(world, path, record.id)
    assert world.admin is not None
    assert path.stat().st_mode & 0o077 == 0
    for text in (key.reveal(), world.admin.reveal()):
        assert text.encode() not in path.read_bytes()


@pytest.mark.parametrize("damage", ["no database", "a folder", "other words", "no row"])
def test_where_the_file_cannot_be_used_a_process_reads_by_itself(
    world: AnthropicWorld, path: Path, damage: str
) -> None:
    _, record = world.server.books.issue()
    path.parent.mkdir()
    if damage == "no database":
        path.write_bytes(os.urandom(4096))
    elif damage == "a folder":
        path.mkdir()
    else:
        read(world, path, record.id)
        with sqlite3.connect(path) as connection:
            words = "wishes" if damage == "no row" else "answer"
            connection.execute(f"UPDATE readings SET {words} = '[7]'")
        connection.close()
        world.clock.sleep(MINUTE)
    assert isinstance(read(world, path, record.id), Usage)
