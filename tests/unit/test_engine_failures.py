"""Systems that fail: what passes is tried again, bounded; what does not is said, once, and waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest

from rotator.core.decide import MAX_ATTEMPTS
from rotator.core.fold import rotations
from rotator.core.owed import owed
from rotator.core.plan import DISABLE
from rotator.model.decision import Ask, Exit, Stop
from rotator.model.errors import OutsideError, Refused, Unreachable, UsageError
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus
from rotator.model.plan import Phase, StepId
from rotator.orders import accept_plan, approve
from rotator.sandbox.memory_world import YES, MemoryWorld
from rotator.sandbox.watched import Moment
from tests.unit.engine_world import (
    BOTH,
    SECOND,
    Told,
    events,
    old_status,
    quick,
    rotation_of,
    run,
    started,
    tick,
    turn_up,
)

DEPLOY = StepId("deploy", "chat")


def stopped(end: object, exit_code: Exit) -> Stop:
    assert isinstance(end, Stop), end
    assert end.exit is exit_code, end
    return end


def fails(operation: str, error: Callable[[], OutsideError], times: int = 1000) -> Callable[[str, Moment], None]:
    left = [times]

    def hook(name: str, when: Moment) -> None:
        if name.endswith(operation) and when == "before" and left[0]:
            left[0] -= 1
            raise error()

    return hook


def busy() -> Unreachable:
    return Unreachable("it is busy")


def denied() -> Refused:
    return Refused("you may not", "ask for the right")


def test_a_deploy_that_fails_for_a_moment_is_made_again() -> None:
    world = quick()
    world.hook = fails("deploy chat.deploy", busy, times=3)
    started(world)
    assert len(events(world, Kind.INTENDED, DEPLOY)) == 4
    assert len(world.fleet["chat"].deploys) == 1


def test_attempts_are_bounded_and_lie_further_and_further_apart() -> None:
    world, told = quick(), Told()
    world.hook = fails("deploy chat.deploy", busy)
    end = stopped(run(world, told, world._opened, key=world.new), Exit.OUTSIDE)
    assert "tried 6 times" in end.why
    times = [event.at for event in events(world, Kind.INTENDED, DEPLOY)]
    assert len(times) == MAX_ATTEMPTS
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[0] < gaps[-1]
    assert told.titles == ["the rotation stopped"]


def test_a_deploy_that_is_refused_is_not_tried_again_by_itself() -> None:
    world = quick()
    world.hook = fails("deploy chat.deploy", denied)
    end = stopped(world.start(), Exit.OUTSIDE)
    assert "you may not" in end.why
    assert len(events(world, Kind.INTENDED, DEPLOY)) == 1
    for _ in range(10):
        world.clock.advance(timedelta(minutes=1))
        tick(world)
    assert len(events(world, Kind.INTENDED, DEPLOY)) == 1


def test_after_a_refusal_was_mended_the_same_command_goes_on() -> None:
    world = quick()
    world.hook = fails("deploy chat.deploy", denied)
    world.start()
    world.hook = lambda name, when: None
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
    assert len(world.fleet["chat"].deploys) == 1


@pytest.mark.parametrize("operation", ["store vault://secret/prod/1#key.stage", "vault://secret/prod/1#key.promote"])
def test_a_store_that_refuses_stops_the_rotation_and_the_old_key_stays_alive(operation: str) -> None:
    world = quick()
    world.hook = fails(operation, denied)
    end = stopped(world.start(), Exit.OUTSIDE)
    assert end.next == "resume"
    assert world.broken_laws() == []
    assert old_status(world) is KeyStatus.ACTIVE


def test_an_inspection_that_never_answers_is_bounded_too() -> None:
    world = started(quick())

    def hook(name: str, when: Moment) -> None:
        armed = any(event.step == "disable" for event in events(world, Kind.INTENDED))
        if armed and name.startswith("issuer.") and name != "issuer.ping" and when == "before":
            raise busy()

    world.hook = hook
    stopped(run(world, yes=BOTH), Exit.OUTSIDE)
    assert len(events(world, Kind.FAILED, StepId("disable"))) <= MAX_ATTEMPTS


def test_a_disable_whose_answer_was_lost_is_inspected_and_not_repeated() -> None:
    world = started(quick())
    left = [1]

    def hook(name: str, when: Moment) -> None:
        if name == "issuer.set_status" and when == "after" and left[0]:
            left[0] -= 1
            raise busy()

    world.hook = hook
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
    sets = [call for call in world.issuer.calls if call[0] == "set_status" and call[2] == "inactive"]
    assert len(sets) == 1


def test_a_consumer_that_never_picks_the_key_up_stops_the_rotation_and_verify_looks_again() -> None:
    world = quick()
    world.fleet["edge"].stuck = True
    world.start(horizon=Phase.EXPAND)
    end = stopped(run(world, horizon=Phase.OVERLAP), Exit.GATE_FAILED)
    assert end.next == "verify"
    assert old_status(world) is KeyStatus.ACTIVE
    world.clock.advance(SECOND)
    began = world.clock.now()
    stopped(run(world, horizon=Phase.OVERLAP), Exit.GATE_FAILED)
    assert world.clock.now() - began >= world.playbook.observe_timeout
    world.fleet["edge"].stuck = False
    world.clock.advance(SECOND)
    stopped(run(world, horizon=Phase.OVERLAP), Exit.DONE)


def test_a_consumer_that_cannot_be_reached_never_passes() -> None:
    world = quick()
    world.fleet["edge"].unreachable = True
    world.start(horizon=Phase.EXPAND)
    end = stopped(run(world, horizon=Phase.OVERLAP), Exit.OUTSIDE)
    assert "edge" in end.why


def test_an_instance_that_cannot_say_never_passes() -> None:
    world = quick()
    world.fleet["edge"].unknown = 1
    stopped(world.start(), Exit.INCONCLUSIVE)
    assert old_status(world) is KeyStatus.ACTIVE


def test_instances_that_are_terminating_with_the_old_key_are_waited_for() -> None:
    world = quick()
    world.fleet["chat"].linger = timedelta(minutes=2)
    began = world.clock.now()
    started(world)
    assert world.clock.now() - began >= timedelta(minutes=2)


def test_a_new_key_that_dies_half_way_stops_the_rotation_with_the_old_one_alive() -> None:
    world = started(quick(), Phase.EXPAND)
    world.issuer.set_status(world.new_id, KeyStatus.INACTIVE)
    end = stopped(run(world, yes=BOTH), Exit.GATE_FAILED)
    assert end.next in ("rollback", "verify")
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_dead_new_key_is_refused_after_patience_and_another_one_is_taken() -> None:
    world = quick()
    world.issuer.set_status(world.new_id, KeyStatus.INACTIVE)
    end = stopped(world.start(), Exit.GATE_FAILED)
    assert end.next == "start"
    assert all(not store.calls for store in world.stores.values())
    world.issuer.set_status(world.new_id, KeyStatus.ACTIVE)
    world.clock.advance(SECOND)
    assert run(world, key=world.new, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_the_old_key_again_is_refused() -> None:
    world = quick()
    assert "the old key again" in stopped(world.start(key=world.old), Exit.GATE_FAILED).why


def test_going_on_without_the_key_before_it_is_stored_asks_for_it() -> None:
    world = quick()
    session = world.session()
    with session:
        world._opened(session)
    with pytest.raises(UsageError, match="paste it again"):
        run(world)


def test_replicas_that_lag_hold_the_promotion_up() -> None:
    world = quick(secrets=1)
    [store] = world.stores.values()
    store.copies_behind.append("us-east-1")
    world.clock.at(world.clock.now() + timedelta(seconds=8), store.copies_behind.clear)
    started(world)
    assert [verb for verb, _ in store.calls].count("promote") >= 1


def test_a_usage_limit_on_events_is_kept_in_a_rotation_full_of_trouble() -> None:
    world = quick()
    world.hook = fails("deploy chat.deploy", busy, times=5)
    world.fleet["edge"].stuck = True
    world.start()
    world.fleet["edge"].stuck = False
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
    assert len(events(world)) < 200


def test_an_open_rotation_does_not_go_on_with_other_secrets() -> None:
    world: MemoryWorld = started(quick())
    world.secrets = 3
    session = world.session()
    with session, pytest.raises(UsageError, match="other secrets"):
        accept_plan(session, world.ports(), YES, world.plan)


def test_an_accepted_plan_voids_an_earlier_yes() -> None:
    world = started(quick())
    run(world)
    approve(world.session(), "disable", YES)
    world.consumers = world.consumers[:2]
    plan = world.plan
    asked = run(world, order=lambda session: accept_plan(session, world.ports(), YES, plan), by_hand=False)
    assert isinstance(asked, Ask)
    assert asked.what == "disable"
    assert len(rotation_of(world).plan.consumers) == 2


def test_a_secret_that_somebody_points_elsewhere_at_the_last_moment_keeps_the_old_key_active() -> None:
    world = MemoryWorld()

    def hook(operation: str, moment: Moment) -> None:
        rotation = world.session().rotation if operation == "journal.append" else None
        if moment == "after" and rotation is not None and DISABLE in rotation.steps:
            world.hook = lambda operation, moment: None
            next(iter(world.stores.values())).edit("by-hand", key=world.old)

    world.hook = hook
    end = world.start()
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    assert "the old key stays active" in end.why
    assert world.broken_laws() == []


def test_a_consumer_that_is_taken_off_the_list_to_get_past_its_gate_stays_owed() -> None:
    world = started(quick(), Phase.EXPAND)
    turn_up(world, "batch", world.old)
    run(world, horizon=Phase.OVERLAP, stay=timedelta(0))
    world.consumers = (world.consumers[0], world.consumers[2])
    plan = world.plan
    world.clock.advance(SECOND)
    end = run(world, order=lambda session: accept_plan(session, world.ports(), YES, plan), by_hand=False, yes=BOTH)
    assert end == Stop(Exit.DONE, "the rotation is complete")
    [debt] = owed(rotations(events(world)), world.clock.now())
    assert "batch (taken off the list half-way) was: " in debt.what
    assert "still on the old one" in debt.what
