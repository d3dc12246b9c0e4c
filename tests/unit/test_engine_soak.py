"""While the old key is disabled: whoever misses it gets it back at once, unless it leaked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.owed import owed
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import Refused, Unreachable
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus, KeyText
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.plan import Phase, StepId
from rotator.orders import resume
from rotator.sandbox.memory_world import YES, MemoryWorld, consumer
from tests.unit.engine_world import (
    BOTH,
    SECOND,
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

DISABLE = StepId("disable")


def refused(end: object) -> Stop:
    assert isinstance(end, Stop), end
    assert end.exit is Exit.GATE_FAILED, end
    return end


def test_an_instance_that_turns_up_with_the_old_key_gets_it_enabled_again_at_once() -> None:
    world, told = soaking(quick()), Told()
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    assert refused(tick(world, told)).next == "verify"
    assert old_status(world) is KeyStatus.ACTIVE
    assert told.titles[0] == "the old key was enabled again"
    assert "chat" in told.bodies[0]
    assert world.broken_laws() == []


def test_after_the_old_key_came_back_finish_needs_a_new_yes_and_then_works() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    refused(tick(world))
    gone(world, "chat")
    world.clock.advance(SECOND)
    asked = run(world)
    assert isinstance(asked, Ask)
    assert asked.what == "disable"
    assert old_status(world) is KeyStatus.ACTIVE
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_while_the_surprise_is_still_there_the_old_key_is_not_disabled_again() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    refused(tick(world))
    world.clock.advance(SECOND)
    refused(run(world, yes=BOTH))
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_probe_that_is_refused_brings_the_old_key_back() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    dead = Ping(verdict=Verdict.FAILED, cause=Cause.UNAUTHENTICATED, why="401")
    world.fleet["edge"]._ping = lambda key: dead
    refused(tick(world))
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_new_key_that_dies_in_the_soak_brings_the_old_one_back_even_where_nothing_is_probed() -> None:
    world = soaking(quick(consumers=(consumer("chat", probe=None),)))
    world.clock.advance(timedelta(seconds=20))
    world.issuer.set_status(world.new_id, KeyStatus.INACTIVE)
    refused(tick(world))
    assert old_status(world) is KeyStatus.ACTIVE


def test_weather_in_the_soak_brings_nothing_back_and_proves_nothing() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(minutes=4))
    world.issuer.disturb = lambda key: Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why="529")
    assert isinstance(tick(world), Wait)
    assert old_status(world) is KeyStatus.INACTIVE
    world.issuer.disturb = lambda key: None
    world.clock.advance(timedelta(minutes=1))
    assert isinstance(tick(world), Ask)


def test_a_record_that_cannot_be_read_hides_no_instance_that_misses_the_old_key() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    times = [0]

    def flaky(call: tuple[str, ...]) -> None:
        if call[0] == "record":
            times[0] += 1
            if times[0] == 1:
                raise Unreachable("the Admin API is busy")

    world.issuer.before = flaky
    refused(tick(world))
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_soak_never_passes_while_the_old_keys_record_cannot_be_read() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(hours=1))

    def denied(call: tuple[str, ...]) -> None:
        if call[0] == "record":
            raise Refused("the Admin key lost its right")

    world.issuer.before = denied
    end = tick(world)
    assert isinstance(end, Stop)
    assert end.exit is Exit.INCONCLUSIVE
    assert rotation_of(world).gates[StepId("soak")].measurement.verdict is Verdict.INCONCLUSIVE


def test_a_verify_during_the_soak_sees_the_surprise_and_enables_the_old_key() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=70))
    turn_up(world, "chat", world.old)
    refused(run(world, horizon=Phase.OVERLAP))
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_gate_of_the_overlap_that_failed_in_the_soak_does_not_stand_before_its_watch() -> None:
    world = soaking(quick({"observe_interval": timedelta(minutes=10)}))
    world.clock.advance(SECOND)
    world.fleet["chat"].unreachable = True
    run(world, horizon=Phase.OVERLAP, stay=timedelta(0))
    world.fleet["chat"].unreachable = False
    world.clock.advance(timedelta(minutes=11))
    turn_up(world, "chat", world.old)
    refused(tick(world))
    assert old_status(world) is KeyStatus.ACTIVE


def test_the_deadline_does_not_end_the_watch_over_a_disabled_key() -> None:
    world = soaking(quick({"deadline": timedelta(minutes=4), "soak": timedelta(hours=1)}))
    world.clock.advance(timedelta(minutes=10))
    assert isinstance(tick(world), Wait)
    world.clock.advance(timedelta(minutes=1))
    turn_up(world, "chat", world.old)
    refused(tick(world))
    assert old_status(world) is KeyStatus.ACTIVE


def test_past_the_deadline_a_soaked_key_is_not_archived_until_an_operator_goes_on() -> None:
    world = soaking(quick({"deadline": timedelta(minutes=4), "approve_archive": "scheduled"}))
    world.clock.advance(timedelta(minutes=10))
    assert refused(tick(world)).next == "resume"
    assert old_status(world) is KeyStatus.INACTIVE
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_a_soak_that_ran_out_of_patience_is_watched_all_the_same() -> None:
    world = soaking(quick())
    world.fleet["batch"].unreachable = True
    world.clock.advance(timedelta(hours=1))
    end = tick(world)
    assert isinstance(end, Stop)
    assert (end.exit, end.next) == (Exit.INCONCLUSIVE, "resume")
    before = len(events(world))
    for _ in range(100):
        world.clock.advance(timedelta(minutes=1))
        tick(world)
    assert len(events(world)) == before
    turn_up(world, "chat", world.old)
    world.clock.advance(timedelta(minutes=1))
    refused(tick(world))
    assert old_status(world) is KeyStatus.ACTIVE


def test_bringing_the_old_key_back_is_tried_as_often_as_anything_else() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    left = [5]

    def flaky(call: tuple[str, ...]) -> None:
        if call[0] == "set_status" and left[0]:
            left[0] -= 1
            raise Unreachable("the Admin API is busy")

    world.issuer.before = flaky
    refused(run(world))
    assert old_status(world) is KeyStatus.ACTIVE


def test_where_no_room_is_left_for_the_old_key_people_are_told_loudly_what_to_do_and_resume_does_it() -> None:
    world, told = soaking(quick()), Told()
    _, record = world.issuer.issue(name="somebody took its place")
    world.issuer.books.organization_limit = 2
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    end = tick(world, told)
    assert isinstance(end, Stop)
    assert (end.exit, end.next) == (Exit.OUTSIDE, "resume")
    assert "ENABLE THE OLD KEY NOW" in end.why
    assert "limit of active" in end.why
    assert "Then `rotate resume prod-chat`" in end.hint
    assert "ENABLE THE OLD KEY NOW" in told.bodies[0]
    assert old_status(world) is KeyStatus.INACTIVE
    assert [debt.kind for debt in owed([rotation_of(world)], world.clock.now())] == ["revocation"]
    world.issuer.set_status(record.id, KeyStatus.INACTIVE)
    refused(run(world, order=lambda session: resume(session, YES), by_hand=False))
    assert old_status(world) is KeyStatus.ACTIVE


def leaked() -> MemoryWorld:
    return soaking(quick({"reenable": "never"}))


def test_a_leaked_key_is_not_enabled_again_and_people_are_told_at_once() -> None:
    world, told = leaked(), Told()
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    refused(tick(world, told))
    assert told.titles == ["the rotation stopped"]
    assert old_status(world) is KeyStatus.INACTIVE
    assert not [event for event in events(world, Kind.INTENDED, DISABLE) if event.data.get("undo")]


def test_after_the_instance_of_a_leaked_key_is_mended_the_rotation_finishes() -> None:
    world = leaked()
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)
    refused(tick(world))
    gone(world, "chat")
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_a_key_that_somebody_else_enabled_in_the_soak_is_noticed() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    world.issuer.set_status(world.old_id, KeyStatus.ACTIVE)
    assert "somebody enabled the old key" in refused(tick(world)).why


def test_while_archiving_is_asked_for_the_watch_goes_on() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(minutes=4))
    assert isinstance(tick(world), Ask)
    world.clock.advance(timedelta(minutes=4))
    turn_up(world, "chat", world.old)
    refused(tick(world))
    assert old_status(world) is KeyStatus.ACTIVE


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interrupt_while_the_key_is_disabled_leaves_no_lease_and_an_intent_that_is_inspected(moment: str) -> None:
    world = started(quick())

    def hook(name: str, when: str) -> None:
        if name.endswith("issuer.set_status") and when == moment:
            raise KeyboardInterrupt

    world.hook = hook
    with pytest.raises(KeyboardInterrupt):
        run(world, yes=BOTH)
    assert world.journal.lease("prod-chat") is None
    assert events(world)[-1].kind is Kind.INTENDED
    world.hook = lambda name, when: None
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
    sets = [call for call in world.issuer.calls if call[0] == "set_status" and call[2] == "inactive"]
    assert len(sets) == 1


def test_a_text_of_a_key_is_in_no_event() -> None:
    world = quick()
    world.start()
    journal = repr(world.journal.read("prod-chat"))
    keys: tuple[KeyText, ...] = (world.old, world.new)
    assert not [key for key in keys if key.reveal() in journal]
