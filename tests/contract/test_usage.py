"""What every issuer that reads usage does: the one in memory, and the SDK's adapter against the sandbox's server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from rotator.model.keys import KeyText
from rotator.model.measure import Verdict
from rotator.model.usage import Reading, Source, Unread, Usage
from rotator.ports import Issuer
from rotator.sandbox.anthropic_books import Books
from rotator.sandbox.memory_issuer import MODEL, MemoryIssuer
from tests.anthropic_world import StillClock, anthropic_world

MINUTE = timedelta(minutes=1)


@dataclass
class World:
    issuer: Issuer
    books: Books
    clock: StillClock
    another: Callable[[], Issuer]

    def call(self, key: KeyText, *, times: int = 1) -> None:
        for _ in range(times):
            assert self.issuer.ping(key, inference=True, model=MODEL).verdict is Verdict.PASSED

    def read(self, *ids: str, back: int = 60) -> Usage:
        found = self.issuer.usage(ids, (self.clock.now() - back * MINUTE).replace(second=0))
        assert isinstance(found, Usage)
        return found


@pytest.fixture(params=["memory", "sdk"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        clock = StillClock()
        issuer = MemoryIssuer(clock)
        issuer.books.meter.reporting.open = "both"
        yield World(issuer, issuer.books, clock, lambda: issuer)
    else:
        with anthropic_world() as served:
            served.server.books.meter.reporting.open = "both"
            yield World(served.issuer, served.server.books, served.clock, served.again)


@pytest.mark.parametrize("which", ["both", "legacy"])
def test_a_keys_minutes_are_counted_with_models_and_workspaces(world: World, which: str) -> None:
    key, record = world.books.issue()
    _, silent = world.books.issue("silent")
    world.books.meter.reporting.open = "both" if which == "both" else "legacy"
    started = world.clock.now()
    world.call(key, times=3)
    world.clock.sleep(5 * MINUTE)
    world.call(key)
    world.clock.sleep(MINUTE)
    found = world.read(record.id, silent.id)
    assert found.source is (Source.ANALYTICS if which == "both" else Source.LEGACY)
    assert found.minutes[silent.id] == ()
    first, last = found.minutes[record.id]
    assert (first.at, last.at) == (started, started + 5 * MINUTE)
    assert (first.volume, last.volume) == ((3, 1) if which == "both" else (27, 9))
    assert (list(first.models), list(first.workspaces)) == ([MODEL], [record.workspace])


def test_the_watermark_is_the_analytics_reports_own_and_may_be_unknown(world: World) -> None:
    _, record = world.books.issue()
    reporting = world.books.meter.reporting
    reporting.lag = 2 * MINUTE
    assert world.read(record.id).complete_until == world.clock.now() - 2 * MINUTE
    reporting.watermark = "null"
    world.clock.sleep(MINUTE)
    assert world.read(record.id).complete_until is None
    reporting.open = "legacy"
    world.clock.sleep(MINUTE)
    assert world.read(record.id).complete_until is None


def test_what_is_counted_late_is_not_there_yet(world: World) -> None:
    key, record = world.books.issue()
    world.books.meter.reporting.lag = 3 * MINUTE
    world.call(key)
    world.clock.sleep(2 * MINUTE)
    assert world.read(record.id).minutes[record.id] == ()
    world.clock.sleep(MINUTE)
    assert len(world.read(record.id).minutes[record.id]) == 1


def test_it_is_asked_at_most_once_a_minute_however_many_rotations_ask(world: World) -> None:
    key, one = world.books.issue()
    _, two = world.books.issue("of another credential")
    world.clock.sleep(MINUTE)
    first = world.read(one.id)
    world.call(key)
    world.clock.sleep(59 * timedelta(seconds=1))
    again = world.another().usage([two.id, one.id], world.clock.now() - 9 * MINUTE)
    assert again == first
    assert two.id not in first.minutes
    world.clock.sleep(timedelta(seconds=1))
    later = world.another().usage([two.id, one.id], world.clock.now().replace(second=0) - 9 * MINUTE)
    assert isinstance(later, Usage)
    assert {one.id, two.id} <= set(later.minutes)


def test_a_rotation_that_always_asks_second_is_told_of_its_own_keys_at_the_next_turn(world: World) -> None:
    _, one = world.books.issue()
    _, two = world.books.issue("of another credential")
    for turn in range(2):
        world.clock.sleep(5 * MINUTE)
        told = [world.another().usage([record.id], world.clock.now() - MINUTE) for record in (one, two)]
        assert all(isinstance(found, Usage) and ({one.id, two.id} <= set(found.minutes) or not turn) for found in told)


def test_where_no_report_may_be_read_it_says_so_and_why(world: World) -> None:
    _, record = world.books.issue()
    world.books.meter.reporting.open = "none"
    found: Reading = world.issuer.usage([record.id], world.clock.now() - MINUTE)
    assert isinstance(found, Unread)
    assert found.why


def test_a_ping_of_one_model_fails_where_that_is_not_open_to_the_key(world: World) -> None:
    key, record = world.books.issue()
    world.books.closed_models.add((record.id, "claude-opus-5-5"))
    assert world.issuer.ping(key, inference=True, model=MODEL).verdict is Verdict.PASSED
    ping = world.issuer.ping(key, inference=True, model="claude-opus-5-5")
    assert (ping.verdict, ping.model) == (Verdict.FAILED, "claude-opus-5-5")


def test_a_ping_lists_the_models(world: World) -> None:
    key, _ = world.books.issue()
    assert MODEL in world.issuer.ping(key, inference=False).models
