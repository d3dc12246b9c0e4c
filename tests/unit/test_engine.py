"""A rotation that nothing disturbs, and the same one looked at again and again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import StoreConflict, UsageError
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus, Label
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Outcome
from rotator.opening import open_rotation
from rotator.orders import abandon
from rotator.sandbox.memory_world import NAME, YES, MemoryWorld, consumer
from rotator.sandbox.watched import Moment
from tests.unit.engine_world import (
    BOTH,
    Told,
    by_person,
    events,
    old_status,
    once,
    quick,
    rotation_of,
    run,
    soaking,
    started,
    tick,
)


def test_a_whole_rotation_ends_with_the_old_key_archived_and_everything_on_the_new_one() -> None:
    world, told = quick(), Told()
    end = run(world, told, lambda session: world._opened(session), key=world.new, yes=BOTH)
    assert end == Stop(Exit.DONE, "the rotation is complete")
    assert told.titles == ["the rotation is complete"]
    assert old_status(world) is KeyStatus.ARCHIVED
    assert {key for one in world.fleet.values() for key in one.held()} == {world.new}
    assert all(store.holder() is None for store in world.stores.values())
    assert len(events(world)) < 200


def test_every_effect_is_intended_before_it_is_applied() -> None:
    world = quick()
    world.start()
    intended: set[str | None] = set()
    for event in events(world):
        if event.kind is Kind.INTENDED:
            intended.add(event.step)
        assert event.kind is not Kind.APPLIED or event.step in intended


def test_a_second_start_goes_on_with_the_open_rotation_and_repeats_nothing() -> None:
    world = started(quick(), Phase.EXPAND)
    before = world.end()
    started(world, Phase.EXPAND)
    assert world.end() == before
    assert len(events(world, Kind.OPENED)) == 1


def test_a_second_rotation_cannot_be_opened_while_one_is_open() -> None:
    world = started(quick())
    session = world.session()
    with session, pytest.raises(UsageError, match="open rotation already"):
        open_rotation(session, world.ports(), world.plan, "tester")


def test_the_first_key_of_a_secret_is_stored_and_nothing_is_retired() -> None:
    world = quick(first=True)
    assert world.start(yes={}) == Stop(Exit.DONE, "the rotation is complete")
    assert old_status(world) is KeyStatus.ACTIVE
    assert {key for one in world.fleet.values() for key in one.held()} == {world.new}
    assert not events(world, Kind.INTENDED, StepId("disable"))


def test_ticks_during_a_soak_watch_without_writing() -> None:
    world, told = soaking(quick({"soak": timedelta(days=1)})), Told()
    tick(world, told)
    before = len(events(world))
    looks = len(world.issuer.calls)
    for _ in range(100):
        world.clock.advance(timedelta(minutes=1))
        assert isinstance(tick(world, told), Wait)
    assert len(events(world)) == before
    assert len(world.issuer.calls) > looks + 100
    assert told.titles == []


def test_ticks_during_a_question_ask_once() -> None:
    world, told = started(quick()), Told()
    world.clock.advance(timedelta(minutes=1))
    assert isinstance(tick(world, told), Ask)
    before = len(events(world))
    for _ in range(100):
        world.clock.advance(timedelta(minutes=1))
        assert isinstance(tick(world, told), Ask)
    assert len(events(world)) == before
    assert told.titles == ["the rotation waits for you"]


def test_a_schedule_says_yes_where_the_playbook_lets_it() -> None:
    world = quick({"approve_disable": "scheduled", "approve_archive": "scheduled"})
    assert world.start(yes={}) == Stop(Exit.DONE, "the rotation is complete")
    assert {event.data["by"] for event in events(world, Kind.APPROVED)} == {"playbook quick"}


def test_the_engine_asks_before_it_disables_and_before_it_archives() -> None:
    world = quick()
    asked = world.start(yes={})
    assert isinstance(asked, Ask)
    assert asked.what == "disable"
    assert old_status(world) is KeyStatus.ACTIVE
    asked = run(world, yes={"disable": BOTH["disable"]})
    assert isinstance(asked, Ask)
    assert asked.what == "archive"
    assert old_status(world) is KeyStatus.INACTIVE


def test_a_pending_version_of_somebody_else_is_refused_at_the_start() -> None:
    world = quick()
    key, _ = world.issuer.issue(name="theirs")
    next(iter(world.stores.values())).foreign("theirs", key)
    with pytest.raises(StoreConflict, match="not ours"):
        world.start()
    assert rotation_is_none(world)


def test_secrets_that_hold_different_keys_are_refused_at_the_start() -> None:
    world = quick()
    key, _ = world.issuer.issue(name="drifted")
    list(world.stores.values())[1].edit("drifted", key=key)
    with pytest.raises(StoreConflict, match="do not hold the same key"):
        world.start()
    assert rotation_is_none(world)


def rotation_is_none(world: MemoryWorld) -> bool:
    return world.journal.read(NAME) == [] and all(not store.calls for store in world.stores.values())


def test_an_edit_between_stage_and_promote_is_a_conflict_and_is_not_overwritten() -> None:
    world = quick(secrets=1)
    [store] = world.stores.values()

    def edit() -> None:
        store.edit("by hand", fields={"other": "changed"})

    world.hook = once(".stage", "after", edit)
    end = world.start()
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    version = store.read(Label.CURRENT)
    assert version is not None
    assert version.id == "by hand"
    assert store.fields() == {"other": "changed"}


def test_the_deadline_stops_a_rotation_and_an_operator_may_go_on() -> None:
    world = started(quick())
    world.clock.advance(timedelta(days=8))
    end = tick(world)
    assert isinstance(end, Stop)
    assert (end.exit, end.next) == (Exit.GATE_FAILED, "resume")
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_an_optional_consumer_holds_nothing_up() -> None:
    optional = consumer("shadow", required=False, deploy=None)
    world = quick(consumers=(consumer("chat"), optional))
    world.fleet["shadow"].stuck = True
    assert world.start() == Stop(Exit.DONE, "the rotation is complete")


def test_a_person_who_need_not_answer_holds_nothing_up() -> None:

    world = quick(consumers=(consumer("chat"), by_person("laptops", required=False)))
    assert world.start() == Stop(Exit.DONE, "the rotation is complete")


def test_what_an_abandoned_rotation_left_pending_is_cleared_by_the_next_one() -> None:

    world = quick()

    def stop() -> None:
        raise KeyboardInterrupt

    world.hook = once(".stage", "after", stop)
    with pytest.raises(KeyboardInterrupt):
        world.start()
    session = world.session()
    with session:
        abandon(session, YES)
    assert rotation_of(world).outcome is Outcome.ABANDONED
    session = world.session()
    with session:
        open_rotation(session, world.ports(), world.plan, "tester")
    assert world.go_on(key=world.new) == Stop(Exit.DONE, "the rotation is complete")


def test_gates_that_take_too_long_to_be_fresh_all_at_once_end_with_what_to_do_about_it() -> None:
    world, looks = quick(), [0]

    def slow(operation: str, moment: Moment) -> None:
        if operation.endswith(".observe") and moment == "before":
            looks[0] += 1
            assert looks[0] < 1000
            world.clock.advance(timedelta(seconds=30))

    world.hook = slow
    end = world.start()
    assert isinstance(end, Stop)
    assert end.exit is Exit.INCONCLUSIVE
    assert "longer than evidence counts (1m)" in end.why
    assert "observe.interval" in end.hint
    assert old_status(world) is KeyStatus.ACTIVE
    assert len(events(world)) < 50
    world.hook = lambda operation, moment: None
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
