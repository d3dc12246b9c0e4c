"""Where a person's hands are needed: no Admin key, consumers that only a person sees, effects that nobody can tell."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.model.decision import Ask, Exit, Stop
from rotator.model.errors import UsageError
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.plan import Phase, StepId
from rotator.orders import approve, resume
from rotator.sandbox.memory_world import YES, MemoryWorld, consumer
from tests.unit.engine_world import (
    BOTH,
    SECOND,
    Told,
    by_person,
    events,
    old_status,
    once,
    quick,
    run,
    started,
    tick,
    turn_up,
)


def console(world: MemoryWorld, status: KeyStatus) -> None:
    """A person in Anthropic's Console."""
    world.issuer.books.change(world.old_id, status=status)


def stopped(end: object, exit_code: Exit) -> Stop:
    assert isinstance(end, Stop), end
    assert end.exit is exit_code, end
    return end


def test_without_an_admin_key_the_person_is_told_what_to_do_in_the_console() -> None:
    world, told = started(quick(managed=False)), Told()
    end = stopped(run(world, told, yes=BOTH), Exit.APPROVAL)
    assert "Console" in end.why
    assert world.old.fingerprint.tail in end.why
    assert told.titles == ["the rotation waits for you"]


def test_without_an_admin_key_a_dead_old_key_is_proven_by_pings_and_the_soak_begins() -> None:
    world = started(quick(managed=False))
    run(world, yes=BOTH)
    console(world, KeyStatus.INACTIVE)
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
    assert events(world, Kind.APPLIED, StepId("archive"))[0].data == {"attested_by": "tester"}


def test_without_an_admin_key_a_finish_before_the_person_acted_asks_again_and_soaks_nothing() -> None:
    world = started(quick(managed=False))
    run(world, yes=BOTH)
    world.clock.advance(SECOND)
    stopped(run(world, yes=BOTH), Exit.APPROVAL)
    assert not events(world, Kind.APPLIED, StepId("disable"))


def test_without_an_admin_key_no_schedule_can_attest_that_the_old_key_was_deleted() -> None:
    world = started(quick({"approve_archive": "scheduled", "approve_disable": "scheduled"}, managed=False))
    run(world)
    console(world, KeyStatus.INACTIVE)
    world.clock.advance(SECOND)
    asked = run(world)
    assert isinstance(asked, Ask)
    assert asked.what == "archive"
    assert "Console" in asked.why


def test_without_an_admin_key_a_surprise_in_the_soak_calls_for_the_person_and_waits_for_the_deed() -> None:
    world, told = started(quick(managed=False)), Told()
    run(world, yes=BOTH)
    console(world, KeyStatus.INACTIVE)
    world.clock.advance(SECOND)
    run(world, yes=BOTH, stay=timedelta(seconds=30))
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    assert "ENABLE THE OLD KEY NOW" in stopped(tick(world, told), Exit.APPROVAL).why
    assert told.titles == ["the rotation waits for you"]
    console(world, KeyStatus.ACTIVE)
    world.clock.advance(SECOND)
    stopped(run(world, order=lambda session: resume(session, YES), by_hand=False), Exit.GATE_FAILED)
    assert old_status(world) is KeyStatus.ACTIVE


def with_laptops() -> MemoryWorld:
    return quick(consumers=(consumer("chat"), by_person("laptops")))


def test_a_consumer_that_only_a_person_sees_is_asked_about_and_the_answer_counts() -> None:
    world = with_laptops()
    asked = world.start()
    assert isinstance(asked, Ask)
    assert (asked.what, asked.why) == ("consumer:laptops", "Has laptops reloaded?")
    approve(world.session(), "consumer:laptops", YES)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_an_answer_from_before_the_new_key_was_promoted_does_not_count() -> None:
    world = with_laptops()

    def too_early() -> None:
        approve(world.session(), "consumer:laptops", YES)
        world.clock.advance(SECOND)

    world.hook = once("1#key.promote", "before", too_early)
    world.start()
    asked = run(world)
    assert isinstance(asked, Ask)
    assert asked.what == "consumer:laptops"


def test_nobody_answers_for_a_consumer_that_is_not_asked_about() -> None:
    world = with_laptops()
    world.start()
    with pytest.raises(UsageError, match="no person is asked about"):
        approve(world.session(), "consumer:chat", YES)


def in_doubt() -> MemoryWorld:
    """No Admin key, an intent to disable, and weather: nobody can tell whether the old key is dead."""
    world = started(quick(managed=False))
    run(world, yes=BOTH)
    world.issuer.disturb = lambda key: Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why="529")
    world.clock.advance(SECOND)
    asked = run(world, yes=BOTH)
    assert isinstance(asked, Ask)
    assert asked.what == "applied:disable"
    world.issuer.disturb = lambda key: None
    return world


def test_where_an_effect_cannot_be_told_a_person_who_says_applied_is_believed() -> None:
    world = in_doubt()
    console(world, KeyStatus.INACTIVE)
    approve(world.session(), "applied:disable", YES)
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_where_an_effect_cannot_be_told_a_person_who_says_absent_has_it_tried_again() -> None:
    world = in_doubt()
    approve(world.session(), "absent:disable", YES)
    world.clock.advance(SECOND)
    stopped(run(world, yes=BOTH), Exit.APPROVAL)
    assert not events(world, Kind.APPLIED, StepId("disable"))


def test_an_answer_about_an_effect_that_is_not_in_doubt_is_refused() -> None:
    world = started(quick())
    with pytest.raises(UsageError, match="nobody asked"):
        approve(world.session(), "applied:disable", YES)


def test_a_yes_from_another_terminal_is_taken_in_by_a_worker_that_runs() -> None:
    world = started(quick())
    assert isinstance(run(world), Ask)
    approve(world.session(), "disable", YES)
    world.clock.advance(SECOND)
    asked = run(world)
    assert isinstance(asked, Ask)
    assert asked.what == "archive"


def test_a_yes_before_the_gates_hold_is_refused() -> None:
    world = started(quick(), Phase.EXPAND)
    with pytest.raises(UsageError, match="cannot be approved yet"):
        approve(world.session(), "disable", YES)
