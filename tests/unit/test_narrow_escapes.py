"""What no other test would have noticed: each of these was written because a planted bug got away (tests/planted)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core import entry, judge
from rotator.core.decide import MAX_ATTEMPTS
from rotator.core.plan import DISABLE, SOAK
from rotator.model.config import Drain
from rotator.model.decision import Exit, Stop
from rotator.model.errors import HeldByAnother, Refused, Unreachable
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus, KeyText, Label
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.plan import StepId
from rotator.sandbox.memory_world import MemoryWorld, consumer, quick_playbook
from rotator.sandbox.watched import Killed, Moment
from rotator.steps import Context, effect_of
from tests.unit.core_rotations import NEW, OLD, a_plan, all_passed
from tests.unit.engine_world import BOTH, SECOND, events, once, quick, run, soaking, started, turn_up

_WEATHER = Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why="529")
_REFUSED = Ping(verdict=Verdict.FAILED, cause=Cause.UNAUTHENTICATED, why="401")
_HEARD = timedelta(seconds=30)


def test_a_key_of_another_organisation_is_refused() -> None:
    ours = Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="200", organization="ours", workspace="w")
    theirs = replace(ours, organization="theirs")
    assert judge.adopted(StepId("adopt"), NEW, OLD, theirs, ours, None, None).verdict is Verdict.FAILED


def test_no_effect_happens_before_its_intent_is_in_the_log() -> None:
    world = quick()
    seen: list[str] = []

    def hook(operation: str, moment: Moment) -> None:
        where, _, verb = operation.rpartition(".")
        if moment == "before" and verb in ("stage", "promote", "deploy", "set_status"):
            step = events(world)[-1].step or ""
            assert events(world)[-1].kind is Kind.INTENDED, operation
            assert verb == "set_status" or step == f"{verb} {where.partition(' ')[2]}"
            seen.append(step)

    world.hook = hook
    assert world.start() == Stop(Exit.DONE, "the rotation is complete")
    assert {"disable", "archive", "deploy chat"} < set(seen)


def test_a_rollback_that_is_ordered_while_a_worker_sleeps_is_heard_before_its_next_event() -> None:
    world = soaking(quick())
    ordered = world.clock.now() + timedelta(seconds=20)

    def order() -> None:
        session = world.session()
        session.post(Kind.APPROVED, entry.approval(session.open, "rollback", "other", "mistake"))

    world.clock.at(ordered, order)
    assert run(world, yes=BOTH) == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
    [enabled] = events(world, Kind.UNDONE, DISABLE)
    assert enabled.at - ordered < _HEARD


def test_a_version_that_somebody_stages_after_the_opening_is_left_alone() -> None:
    world = quick(secrets=1)
    [store] = world.stores.values()
    with world.session() as session:
        world._opened(session)
    key, _ = world.issuer.issue(name="theirs")
    store.foreign("theirs", key)
    end = run(world, key=world.new)
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    holding = store.holder()
    assert holding is not None
    assert holding.version_id == "theirs"


def test_a_key_that_somebody_writes_before_the_promotion_is_not_overwritten() -> None:
    world = quick(secrets=1)
    [store] = world.stores.values()
    key, _ = world.issuer.issue(name="theirs")
    world.hook = once(".stage", "after", lambda: store.edit("by hand", key=key))
    end = world.start()
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    assert _current(world) == [key]


def test_current_is_not_moved_back_to_an_old_key_that_could_not_be_tested() -> None:
    world = started(quick())
    world.issuer.disturb = lambda key: _WEATHER if key == world.old else None
    end = world.rollback()
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    assert set(_current(world)) == {world.new}


def test_the_step_itself_refuses_to_enable_a_leaked_key() -> None:
    """Nothing orders it (core/decide); were it ordered, it would still not happen."""
    world = quick()
    rotation = all_passed(a_plan({"reenable": "never"}), upto=SOAK)
    context = Context(rotation=rotation, ports=world.ports(), step=DISABLE, by="t", key=None, closed=frozenset())
    with pytest.raises(Refused, match="never enabled again"):
        effect_of(DISABLE).undo(context)
    assert not [call for call in world.issuer.calls if call[0] == "set_status"]


def test_one_refusal_of_the_old_key_does_not_prove_it_dead() -> None:
    world = started(quick(managed=False))
    left = [1]

    def straggler(key: KeyText) -> Ping | None:
        return _REFUSED if key == world.old and left and left.pop() else None

    world.issuer.disturb = straggler
    end = run(world, yes=BOTH)
    assert isinstance(end, Stop)
    assert end.exit is Exit.APPROVAL
    assert not left
    assert not events(world, Kind.APPLIED, DISABLE)


def test_a_deploy_that_reached_some_instances_is_made_again() -> None:
    world = quick()

    def half() -> None:
        turn_up(world, "chat", world.new)
        raise Killed

    world.hook = once("deploy chat.deploy", "before", half)
    with pytest.raises(Killed):
        world.start()
    world.clock.advance(SECOND)
    assert world.go_on() == Stop(Exit.DONE, "the rotation is complete")
    assert len(world.fleet["chat"].deploys) == 1


def test_a_process_that_was_frozen_before_it_disables_disables_nothing_not_even_for_a_moment() -> None:
    world = quick()
    frozen: list[str] = []

    def hook(operation: str, moment: Moment) -> None:
        if operation == "journal.append" and moment == "after" and not frozen and events(world, step=DISABLE):
            frozen.append(operation)
            world.clock.advance(timedelta(minutes=30))
            world.rollback()

    world.hook = hook
    with pytest.raises(HeldByAnother):
        world.start()
    assert frozen
    assert not [call for call in world.issuer.calls if call[0] == "set_status" and call[2] == "inactive"]


def test_the_key_that_is_read_back_is_the_one_that_was_asked_for() -> None:
    world = started(quick())
    first = next(iter(world.stores.values()))
    first.edit("by hand", fields={"note": "now its previous version holds the new key"})
    rotation = all_passed(a_plan())
    context = Context(rotation=rotation, ports=world.ports(), step=DISABLE, by="t", key=None, closed=frozenset())
    assert context.read_key(world.old.fingerprint, Label.PREVIOUS, Label.CURRENT) == world.old


def test_the_key_is_read_back_from_another_place_where_one_cannot_be_reached() -> None:
    world = started(quick())
    first, second = world.stores.values()

    def down(label: Label) -> None:
        raise Unreachable("it does not answer")

    first.read = down  # type: ignore[method-assign]  # what the world does while the key is looked for
    rotation = all_passed(a_plan())
    context = Context(rotation=rotation, ports=world.ports(), step=DISABLE, by="t", key=None, closed=frozenset())
    assert context.read_key(world.old.fingerprint, Label.PREVIOUS) == world.old
    second.read = lambda label: None  # type: ignore[method-assign]  # and here it is not
    with pytest.raises(Unreachable, match="does not answer"):  # it may be there: nobody can tell
        context.read_key(world.old.fingerprint, Label.PREVIOUS)


def test_no_consumer_is_deployed_before_every_replica_has_the_new_key() -> None:
    world = quick(secrets=1)
    [store] = world.stores.values()
    store.copies_behind.append("us-east-1")
    world.clock.at(world.clock.now() + timedelta(seconds=8), store.copies_behind.clear)
    behind: list[bool] = []
    world.hook = once("deploy chat.deploy", "before", lambda: behind.append(bool(store.copies_behind)))
    started(world)
    assert behind == [False]


def test_an_instance_without_a_probe_that_misses_the_old_key_in_the_soak_gets_it_back() -> None:
    world = soaking(quick(consumers=(consumer("chat", probe=None),)))
    turn_up(world, "chat", world.old)
    world.clock.advance(timedelta(seconds=10))
    run(world)
    assert world.issuer.books.record(world.old_id).status is KeyStatus.ACTIVE


def test_a_deploy_that_is_made_again_after_a_kill_carries_the_same_token() -> None:
    world = quick()
    world.fleet["chat"].linger = timedelta(minutes=1)

    def die() -> None:
        raise Killed

    world.hook = once("deploy chat.deploy", "after", die)
    with pytest.raises(Killed):
        world.start()
    world.clock.advance(SECOND)
    assert world.go_on() == Stop(Exit.DONE, "the rotation is complete")
    assert len(world.fleet["chat"].deploys) == 2
    assert len(set(world.fleet["chat"].deploys)) == 1


def test_what_always_fails_is_tried_so_often_and_then_left_to_a_person_long_before_the_deadline() -> None:
    world = quick({"deadline": timedelta(hours=1)})

    def hook(operation: str, moment: Moment) -> None:
        if operation == "deploy chat.deploy" and moment == "before":
            raise Unreachable("it is busy")

    world.hook = hook
    world.start()
    assert len(events(world, Kind.INTENDED, StepId("deploy", "chat"))) == MAX_ATTEMPTS


def _current(world: MemoryWorld) -> list[KeyText | None]:
    versions = [store.read(Label.CURRENT) for store in world.stores.values()]
    return [version.key for version in versions if version is not None]


def test_without_a_report_the_quiet_window_begins_when_the_last_consumer_was_seen_to_have_moved() -> None:
    drain = Drain(quiet_for=timedelta(minutes=5), lag=timedelta(minutes=1), unproven="accept")
    world = MemoryWorld(playbook=quick_playbook(drain=drain, waves="together"))
    world.fleet["edge"]._reload_after = timedelta(seconds=150)
    world.start()
    [disabled] = events(world, Kind.INTENDED, DISABLE)
    moved = next(
        event.at
        for event in events(world, Kind.MEASURED, StepId("observe", "edge"))
        if event.data["verdict"] == "passed"
    )
    assert disabled.at - moved >= timedelta(minutes=6)
