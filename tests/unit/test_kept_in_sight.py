"""Law 1 while something is stuck: the old key may be dead, or may die at any moment, and neither a failure nor a
question to a person ends the watch over who needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest

from rotator.core.plan import ARCHIVE, DISABLE
from rotator.core.status import status
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import OutsideError, Refused, Unreachable
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.plan import Phase
from rotator.orders import approve
from rotator.sandbox.memory_world import NAME, YES, MemoryWorld
from rotator.sandbox.watched import Moment
from tests.unit.engine_world import (
    BOTH,
    Told,
    events,
    gone,
    old_status,
    quick,
    rotation_of,
    run,
    soaking,
    started,
    tick,
    turn_up,
)

MINUTE = timedelta(minutes=1)


def ticks(world: MemoryWorld, times: int = 3) -> Ask | Stop | Wait:
    for _ in range(times):
        world.clock.advance(MINUTE)
        end = tick(world)
    return end


def down() -> OutsideError:
    return Unreachable("the Admin API is down")


def denied() -> OutsideError:
    return Refused("permission denied", "ask for it")


def stuck_archive(failure: Callable[[], OutsideError], verbs: tuple[str, ...]) -> MemoryWorld:
    """It soaked, and archiving it fails for good."""
    world = soaking(quick())
    world.clock.advance(timedelta(minutes=4))

    def fails(call: tuple[str, ...]) -> None:
        if call[0] in verbs and call[-1] != "active" and events(world, Kind.INTENDED, ARCHIVE):
            raise failure()

    world.issuer.before = fails
    end = run(world, yes=BOTH)
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    return world


@pytest.mark.parametrize("failure", [down, denied])
def test_while_the_archive_fails_whoever_misses_the_old_key_gets_it_back(failure: Callable[[], OutsideError]) -> None:
    world = stuck_archive(failure, ("set_status",))
    ticks(world)
    assert old_status(world) is KeyStatus.INACTIVE
    turn_up(world, "chat", world.old)
    ticks(world)
    assert old_status(world) is KeyStatus.ACTIVE
    assert world.broken_laws() == []


def test_an_archive_of_which_nobody_could_tell_is_looked_at_again_and_the_watch_goes_on() -> None:
    world = stuck_archive(down, ("set_status", "record"))
    turn_up(world, "chat", world.old)
    ticks(world)
    assert old_status(world) is KeyStatus.INACTIVE
    world.issuer.before = lambda call: None
    ticks(world)
    assert old_status(world) is KeyStatus.ACTIVE


def test_an_archive_that_happened_after_all_is_found_out_by_a_tick() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(minutes=4))
    lost = [True]

    def hook(operation: str, moment: Moment) -> None:
        answers = operation == "issuer.set_status" and moment == "after"
        asks = operation == "issuer.record" and moment == "before" and old_status(world) is KeyStatus.ARCHIVED
        if lost and (answers or asks):
            raise down()

    world.hook = hook
    run(world, yes=BOTH)
    assert not events(world, Kind.APPLIED, ARCHIVE)
    lost.clear()
    assert ticks(world) == Stop(Exit.DONE, "the rotation is complete")


def test_a_disable_of_which_nobody_could_tell_is_looked_at_again_and_the_watch_begins() -> None:
    world = started(quick())
    lost = [True]

    def hook(operation: str, moment: Moment) -> None:
        answers = operation == "issuer.set_status" and moment == "after"
        asks = operation == "issuer.record" and moment == "before" and old_status(world) is KeyStatus.INACTIVE
        if lost and (answers or asks):
            raise down()

    world.hook = hook
    end = run(world, yes=BOTH)
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    turn_up(world, "chat", world.old)
    ticks(world)
    assert old_status(world) is KeyStatus.INACTIVE
    lost.clear()
    ticks(world)
    assert old_status(world) is KeyStatus.ACTIVE


@pytest.mark.parametrize("verbs", [("set_status",), ("set_status", "record")])
def test_looks_that_tell_nothing_new_are_not_worth_a_line_in_the_log(verbs: tuple[str, ...]) -> None:
    world = stuck_archive(down, verbs)
    ticks(world, 5)
    known = len(events(world))
    ticks(world, 100)
    assert len(events(world)) <= known + 1


# Without an Admin key: a person is asked to disable the old key, and may do so at any moment


def asked_to_disable() -> MemoryWorld:
    world = started(quick(managed=False))
    end = run(world, yes=BOTH)
    assert isinstance(end, Stop)
    assert "disable the old key by hand" in end.why
    return world


def by_hand(world: MemoryWorld, status: KeyStatus) -> None:
    world.issuer.books.change(world.old_id, status=status)


def test_who_is_asked_to_disable_by_hand_is_told_when_it_is_no_longer_safe() -> None:
    world, told = asked_to_disable(), Told()
    world.clock.advance(timedelta(hours=5))
    turn_up(world, "chat", world.old)
    end = tick(world, told)
    assert isinstance(end, Stop)
    assert end.exit is Exit.GATE_FAILED
    assert end.why.startswith("do NOT disable the old key by hand yet: observe chat: ")
    assert told.titles == ["the rotation stopped"]
    assert told.bodies == [end.why]


def test_hours_later_the_status_still_says_what_the_person_is_asked_to_do() -> None:
    world = asked_to_disable()
    world.clock.advance(timedelta(hours=5))
    found = cast("Mapping[str, Any]", status(NAME, rotation_of(world), world.clock.now()))
    assert "disable the old key by hand" in found["waiting"]["why"]
    assert found["next"] == f"rotate finish {NAME}"
    stuck = stuck_archive(denied, ("set_status",))
    stuck.clock.advance(timedelta(hours=5))
    found = cast("Mapping[str, Any]", status(NAME, rotation_of(stuck), stuck.clock.now()))
    assert found["waiting"]["why"] == "archive: permission denied"
    assert found["next"] == f"rotate resume {NAME}"


def test_when_it_is_safe_again_the_question_comes_first_and_then_the_task() -> None:
    world = asked_to_disable()
    turn_up(world, "chat", world.old)
    ticks(world)
    gone(world, "chat")
    asked = ticks(world)
    assert isinstance(asked, Ask)
    assert asked.what == "disable"
    approve(world.session(), "disable", YES)
    end = ticks(world)
    assert isinstance(end, Stop)
    assert end.exit is Exit.APPROVAL
    assert "disable the old key by hand" in end.why


def test_a_tick_notices_that_the_person_has_done_it_and_the_soak_begins() -> None:
    world = asked_to_disable()
    by_hand(world, KeyStatus.INACTIVE)
    end = ticks(world, 1)
    assert isinstance(end, Wait)
    assert end.why.startswith("soak")
    assert events(world, Kind.APPLIED, DISABLE)


@pytest.mark.parametrize("first", ["the person", "the instance"])
def test_whoever_turns_up_just_as_the_person_disables_the_key_is_noticed_by_the_next_tick(first: str) -> None:
    world = asked_to_disable()
    if first == "the instance":
        turn_up(world, "chat", world.old)
        ticks(world, 1)
    by_hand(world, KeyStatus.INACTIVE)
    if first == "the person":
        turn_up(world, "chat", world.old)
    end = ticks(world, 2)
    assert isinstance(end, Stop)
    assert end.exit is Exit.APPROVAL
    assert "ENABLE THE OLD KEY NOW" in end.why


def test_weather_and_time_do_not_fill_the_log_while_the_person_is_waited_for() -> None:
    world = asked_to_disable()
    ticks(world)
    known = len(events(world))
    ticks(world, 50)
    world.issuer.disturb = lambda key: (
        Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why="529") if key == world.old else None
    )
    end = ticks(world, 50)
    assert isinstance(end, Stop)
    assert end.exit is Exit.APPROVAL
    assert len(events(world)) == known


def test_a_verify_meanwhile_keeps_the_gates_in_sight_as_well() -> None:
    world = asked_to_disable()
    turn_up(world, "chat", world.old)
    world.clock.advance(2 * MINUTE)
    end = run(world, horizon=Phase.OVERLAP, stay=timedelta(0))
    assert isinstance(end, Stop | Wait)
    assert "chat" in end.why
