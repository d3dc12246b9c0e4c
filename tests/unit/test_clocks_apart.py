"""Machines that share a journal have clocks of their own, and a clock that was wrong is put right: what came first is
told by the log's order, and evidence from the future has no age."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.plan import DISABLE
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import Unreachable
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus
from rotator.model.plan import Phase, StepId
from rotator.orders import approve, resume
from rotator.sandbox.memory_world import YES, MemoryWorld, consumer
from tests.unit.engine_world import (
    BOTH,
    SECOND,
    by_person,
    events,
    old_status,
    once,
    quick,
    run,
    soaking,
    started,
    tick,
    turn_up,
)

AHEAD = timedelta(hours=1)


def set_clock(world: MemoryWorld, change: timedelta) -> None:
    world.clock._now += change


def verified_by_a_clock_that_is_ahead() -> MemoryWorld:
    world = quick(consumers=(consumer("chat"),))
    set_clock(world, AHEAD)
    started(world)
    assert isinstance(run(world), Ask)
    set_clock(world, -AHEAD + timedelta(minutes=30))
    return world


def test_evidence_by_a_clock_that_is_ahead_is_not_taken_for_fresh() -> None:
    world = verified_by_a_clock_that_is_ahead()
    turn_up(world, "chat", world.old)
    end = run(world, yes=BOTH, stay=timedelta(0))
    assert isinstance(end, Stop | Wait)
    assert "chat" in end.why
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_clock_that_is_put_back_does_not_make_the_engine_race() -> None:
    world = started(quick(consumers=(consumer("chat"),)), Phase.EXPAND)
    turn_up(world, "chat", world.old)
    set_clock(world, AHEAD)
    with world.session() as session:
        resume(session, YES)
    set_clock(world, -AHEAD)
    looks: list[str] = []

    def hook(operation: str, moment: str) -> None:
        if operation == "watch chat.observe" and moment == "before":
            looks.append(operation)
            assert len(looks) < 1000

    world.hook = hook
    began = world.clock.now()
    end = run(world, horizon=Phase.OVERLAP, by_hand=False)
    assert isinstance(end, Stop)
    assert end.exit is Exit.GATE_FAILED
    took = world.clock.now() - began
    assert len(looks) <= took / world.playbook.observe_interval + 2
    assert len(events(world)) < 40


def test_an_answer_that_was_given_too_early_by_a_clock_that_is_ahead_does_not_count() -> None:
    world = quick(consumers=(consumer("chat"), by_person("laptops")))

    def too_early() -> None:
        set_clock(world, AHEAD)
        approve(world.session(), "consumer:laptops", YES)
        set_clock(world, -AHEAD)

    world.hook = once("1.promote", "before", too_early)
    world.start()
    asked = run(world)
    assert isinstance(asked, Ask)
    assert asked.what == "consumer:laptops"


def test_an_answer_by_a_clock_that_is_behind_counts_all_the_same() -> None:
    world = quick(consumers=(consumer("chat"), by_person("laptops")))
    assert isinstance(world.start(), Ask)
    set_clock(world, -AHEAD)
    approve(world.session(), "consumer:laptops", YES)
    set_clock(world, AHEAD)
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


@pytest.mark.parametrize("away", [AHEAD, -AHEAD])
def test_whoever_misses_the_old_key_gets_it_back_though_the_clock_was_put_right(away: timedelta) -> None:
    world = soaking(quick())
    tick(world)
    set_clock(world, away)
    turn_up(world, "chat", world.old)
    tick(world)
    assert old_status(world) is KeyStatus.ACTIVE


def test_enabling_the_old_key_again_is_not_put_off_until_a_clock_that_was_ahead_is_reached() -> None:
    world = soaking(quick())
    set_clock(world, AHEAD)
    turn_up(world, "chat", world.old)
    down = [True]

    def busy(call: tuple[str, ...]) -> None:
        if down and call[0] == "set_status":
            raise Unreachable("the Admin API is busy")

    world.issuer.before = busy
    tick(world)
    assert events(world, Kind.FAILED, DISABLE)
    down.clear()
    set_clock(world, -AHEAD)
    tick(world)
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_repeated_measurement_by_a_clock_that_is_behind_adds_nothing_to_the_log() -> None:
    world = verified_by_a_clock_that_is_ahead()
    tick(world)
    known = len(events(world))
    for _ in range(5):
        world.clock.advance(SECOND)
        tick(world)
    assert len(events(world)) == known
    assert len(events(world, Kind.MEASURED, StepId("observe", "chat"))) < 5
