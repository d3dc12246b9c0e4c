"""A process that works or waits is believed to be alive all the time, and no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator import engine
from rotator.model.config import Drain
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import JournalError
from rotator.sandbox.memory_world import NAME, MemoryWorld
from rotator.sandbox.watched import Moment
from rotator.steps.retire import PATIENCE
from tests.unit.engine_world import SECOND, once, quick, run, started


def left(world: MemoryWorld) -> timedelta:
    """How long the lease is believed from now on."""
    lease = world.journal.lease(NAME)
    assert lease is not None
    return lease.until - world.clock.now()


def test_a_wait_that_is_longer_than_any_lease_is_slept_through_with_the_lease_held() -> None:
    world = started(quick({"drain": Drain(quiet_for=timedelta(hours=1), lag=SECOND, unproven="accept")}))
    looks: list[timedelta] = []

    def look(operation: str, moment: Moment) -> None:
        if operation == "journal.read" and moment == "before" and world.journal.lease(NAME) is not None:
            looks.append(left(world))

    world.hook = look
    assert world.go_on() == Stop(Exit.DONE, "the rotation is complete")
    assert len(looks) > 100
    assert min(looks) > timedelta()


@pytest.mark.parametrize(
    ("operation", "longest"),
    [
        ("deploy chat.deploy", timedelta(minutes=30)),
        ("0.stage", timedelta(minutes=2)),
        ("issuer.set_status", PATIENCE),
    ],
)
def test_a_lease_lasts_at_least_as_long_as_an_effect_may_take(operation: str, longest: timedelta) -> None:
    world, looks = quick(), list[timedelta]()
    world.hook = once(operation, "before", lambda: looks.append(left(world)))
    world.start()
    assert looks[0] >= longest


def test_a_lease_is_renewed_after_the_last_look_that_comes_before_a_key_is_disabled() -> None:
    world, looks = started(quick()), list[timedelta]()

    def slow(operation: str, moment: Moment) -> None:
        if operation.endswith("0.read") and moment == "before" and world.issuer.calls[-1][0] != "set_status":
            world.clock.advance(timedelta(minutes=1))
        if operation == "issuer.set_status" and moment == "before":
            looks.append(left(world))

    world.hook = slow
    world.go_on()
    assert looks[0] >= PATIENCE


def test_a_lease_lasts_as_long_as_a_measurement_and_as_taking_an_effect_back_may_take() -> None:
    world, looks = started(quick()), list[timedelta]()
    world.hook = once("watch chat.observe", "before", lambda: looks.append(left(world)))
    world.go_on(yes={})
    world.hook = once("deploy chat.deploy", "before", lambda: looks.append(left(world)))
    world.rollback()
    measuring, taking_back = looks
    assert measuring >= timedelta(minutes=5)
    assert taking_back >= timedelta(minutes=30)


def test_a_wait_of_just_the_time_that_a_command_stays_is_slept_through() -> None:
    world = started(quick({"drain": Drain(quiet_for=timedelta(minutes=9), lag=SECOND, unproven="accept")}))
    end = run(world, stay=timedelta())
    assert isinstance(end, Wait)
    assert end.until is not None
    left = end.until - world.clock.now()
    assert isinstance(run(world, stay=left - SECOND), Wait)
    assert isinstance(run(world, stay=left), Ask)


def test_a_loop_without_an_end_is_ended_and_called_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    world = quick()
    monkeypatch.setattr(engine, "_TURNS", 3)
    with pytest.raises(JournalError, match="turned 3 times without an end") as caught:
        world.start()
    assert "report it" in caught.value.hint
