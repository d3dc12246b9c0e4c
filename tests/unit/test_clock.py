from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from rotator.adapters.clock import SystemClock
from rotator.ports import Clock
from rotator.sandbox.clock import VirtualClock

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_systems_clock_tells_utc_and_goes_on_while_it_sleeps() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    clock.sleep(timedelta(milliseconds=2))
    clock.sleep(-MINUTE)
    assert before.utcoffset() == timedelta(0)
    assert clock.now() - before >= timedelta(milliseconds=1)


def test_virtual_time_passes_only_by_sleeping_and_advancing() -> None:
    clock = VirtualClock(START)
    assert clock.now() == START
    clock.sleep(timedelta(days=1))
    clock.advance(MINUTE)
    clock.sleep(-MINUTE)
    assert clock.now() == START + timedelta(days=1) + MINUTE


def test_what_is_scheduled_runs_in_order_at_its_own_time() -> None:
    clock = VirtualClock(START)
    seen: list[tuple[str, datetime]] = []

    def note(name: str) -> None:
        seen.append((name, clock.now()))

    for name, minutes in (("c", 3), ("a", 1), ("b", 1), ("late", 5)):
        clock.at(START + minutes * MINUTE, partial(note, name))
    clock.sleep(3 * MINUTE)
    assert seen == [("a", START + MINUTE), ("b", START + MINUTE), ("c", START + 3 * MINUTE)]
    clock.sleep(2 * MINUTE)
    assert seen[-1] == ("late", START + 5 * MINUTE)


def test_what_is_scheduled_in_the_past_runs_when_time_next_passes() -> None:
    clock = VirtualClock(START)
    seen: list[datetime] = []
    clock.at(START - MINUTE, lambda: seen.append(clock.now()))
    assert seen == []
    clock.sleep(MINUTE)
    assert seen == [START]


def test_a_callback_may_schedule_another() -> None:
    clock = VirtualClock(START)
    ticks: list[datetime] = []

    def tick() -> None:
        ticks.append(clock.now())
        clock.at(clock.now() + MINUTE, tick)

    clock.at(START + MINUTE, tick)
    clock.sleep(3 * MINUTE)
    assert ticks == [START + MINUTE, START + 2 * MINUTE, START + 3 * MINUTE]


def test_a_callback_that_sleeps_past_the_end_does_not_turn_time_back() -> None:
    clock = VirtualClock(START)
    clock.at(START + MINUTE, lambda: clock.sleep(timedelta(hours=1)))
    clock.sleep(2 * MINUTE)
    assert clock.now() == START + MINUTE + timedelta(hours=1)


def test_sleeps_are_told_before_they_pass() -> None:
    told: list[tuple[timedelta, datetime]] = []
    clock = VirtualClock(START, on_sleep=lambda duration: told.append((duration, clock.now())))
    clock.sleep(MINUTE)
    clock.advance(MINUTE)
    assert told == [(MINUTE, START)]


def test_a_callback_without_an_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rotator.sandbox.clock.MAX_CALLBACKS", 10)
    clock = VirtualClock(START)

    def again() -> None:
        clock.at(clock.now(), again)

    clock.at(START, again)
    with pytest.raises(RuntimeError, match="more than 10 callbacks"):
        clock.sleep(MINUTE)


def test_time_neither_runs_backwards_nor_lacks_a_zone() -> None:
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock(START).advance(-MINUTE)
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(START.replace(tzinfo=None))
