"""Secrets that do not hold one key: the operator says which is right, and they are made equal before the rotation."""

from __future__ import annotations

import pytest

from rotator import opening, orders
from rotator.core import record
from rotator.core.due import in_use_since
from rotator.core.owed import owed
from rotator.core.status import keys_stand
from rotator.engine import Yes
from rotator.model.decision import Exit, Stop
from rotator.model.errors import StoreConflict, UsageError
from rotator.model.keys import KeyStatus
from rotator.model.plan import Phase
from rotator.sandbox.memory_world import NAME, YES, MemoryWorld, consumer
from rotator.sandbox.watched import Killed, Moment
from tests.drift_world import a_world, all_of, done, keys, latest, shown


def watched(world: MemoryWorld) -> MemoryWorld:
    def hook(operation: str, moment: Moment) -> None:
        assert world.broken_laws() == [], f"{moment} {operation}"

    world.hook = hook
    return world


def dead(world: MemoryWorld, key_id: str) -> None:
    world.issuer.books.change(key_id, status=KeyStatus.INACTIVE)


def test_the_refusal_says_how_to_go_on() -> None:
    with pytest.raises(StoreConflict) as caught:
        a_world().start()
    assert f"rotate start {NAME} --right REF" in caught.value.hint


def test_the_secrets_that_drifted_are_given_the_right_key_and_then_the_rotation_runs_as_ever() -> None:
    world = watched(a_world())
    assert done(world.agree())
    assert keys(world) == [world.old] * 3
    assert [held for one in world.fleet.values() for held in one.held()] == [world.old] * sum(
        len(one.held()) for one in world.fleet.values()
    )
    assert world.agree() is None
    assert done(world.start())
    assert keys(world) == [world.new] * 3
    [stray_id] = world.stray_keys.values()
    assert world.issuer.books.record(stray_id).status is KeyStatus.ACTIVE


def test_nothing_is_retired_by_it_and_nobody_is_asked() -> None:
    world = a_world()
    assert done(world.agree(yes={}))
    verbs = {step.id.verb for step in latest(world).plan.steps}
    assert verbs == {"adopt", "stage", "test", "promote", "deploy", "observe", "probe", "pings", "tidy"}
    assert all(
        step.id.subject in latest(world).plan.secrets for step in latest(world).plan.steps if "age" in step.id.verb
    )
    assert all(store.holder() is None for store in world.stores.values())


def test_only_who_does_not_hold_the_right_key_yet_is_deployed() -> None:
    world = MemoryWorld(secrets=2, strays=1, consumers=(consumer("chat"), consumer("batch")))
    assert done(world.agree())
    assert {name: len(one.deploys) for name, one in world.fleet.items()} == {"chat": 0, "batch": 1}


def test_secrets_that_drifted_to_several_keys_are_made_equal_at_once_and_each_key_is_owed() -> None:
    world = watched(a_world(strays=2))
    assert done(world.agree())
    assert world.agree() is None
    assert keys(world) == [world.old] * 3
    debts = owed(all_of(world), world.clock.now())
    assert len({debt.id for debt in debts}) == 2
    for secret, key, debt in zip(list(world.stores)[1:], world.stray_keys, debts, strict=True):
        assert debt.what.startswith(secret)
        assert str(key.fingerprint) in debt.what


def test_the_key_that_drifted_is_owed_until_a_person_settles_it() -> None:
    world = a_world()
    world.agree()
    [stray] = world.stray_keys
    [debt] = owed(all_of(world), world.clock.now())
    assert f"{stray.fingerprint}, was not retired" in debt.what
    world.start()
    assert [one.id for one in owed(all_of(world), world.clock.now())] == [debt.id]
    orders.approve(world.session(), f"settled:{debt.id}", Yes(by="ann", reason="disabled in the Console"))
    assert owed(all_of(world), world.clock.now()) == []


@pytest.mark.parametrize("strays", [1, 2])
@pytest.mark.parametrize("horizon", [Phase.EXPAND, Phase.OVERLAP])
def test_it_can_be_rolled_back_and_owes_nothing_then(horizon: Phase, strays: int) -> None:
    world = watched(a_world(strays))
    before = keys(world)
    assert done(world.agree(horizon=horizon))
    assert isinstance(end := world.rollback(), Stop)
    assert end.exit is Exit.ROLLED_BACK
    assert keys(world) == before
    assert owed(all_of(world), world.clock.now()) == []
    assert all(store.holder() is None for store in world.stores.values())


def test_one_that_is_abandoned_half_way_owes_the_key_and_another_goes_on_from_there() -> None:
    world = a_world(strays=1)
    world.agree(horizon=Phase.EXPAND)
    session = world.session()
    with session:
        orders.abandon(session, YES)
    [debt] = owed(all_of(world), world.clock.now())
    assert "was not retired" in debt.what
    assert done(world.start())


def test_a_key_that_drifted_and_is_dead_is_replaced_but_never_gone_back_to() -> None:
    world = a_world()
    [stray_id] = world.stray_keys.values()
    dead(world, stray_id)
    assert done(world.agree(horizon=Phase.EXPAND))
    with pytest.raises(UsageError, match="nothing to go back to"):
        world.rollback()
    assert done(world.agree())
    assert world.broken_laws() == []
    assert "refused by Anthropic" in keys_stand(latest(world))


def test_a_dead_key_is_not_the_right_one() -> None:
    world = a_world()
    dead(world, world.old_id)
    end = world.agree()
    assert isinstance(end, Stop)
    assert (end.exit, end.next) == (Exit.GATE_FAILED, "rollback")
    assert keys(world)[-1] != world.old
    assert isinstance(end := world.rollback(), Stop)
    assert end.exit is Exit.ROLLED_BACK
    assert owed(all_of(world), world.clock.now()) == []


def test_a_right_key_that_differs_in_kind_is_warned_of_and_not_refused() -> None:
    world = a_world()
    elsewhere, record = world.issuer.issue(name="elsewhere", workspace=world.issuer.books.add_workspace())
    last = list(world.stores)[-1]
    world.stores[last].edit("by-hand", key=elsewhere)
    world.stray_keys[elsewhere] = record.id
    assert done(world.agree())
    assert "the new key belongs to workspace" in str(shown(world)["warnings"])


def test_a_right_key_that_is_changed_meanwhile_stops_it() -> None:
    world = a_world()

    def hook(operation: str, moment: Moment) -> None:
        if operation.endswith(".stage") and moment == "before":
            world.hook = lambda operation, moment: None
            raise Killed

    world.hook = hook
    with pytest.raises(Killed):
        world.agree()
    other, _ = world.issuer.issue(name="other")
    next(iter(world.stores.values())).edit("by-hand", key=other)
    with pytest.raises(UsageError, match="no longer holds") as caught:
        world.agree()
    assert caught.value.hint == f"rotate rollback {NAME}"
    assert isinstance(end := world.rollback(), Stop)
    assert end.exit is Exit.ROLLED_BACK


def test_a_place_that_is_none_of_the_secrets_is_refused_by_naming_them() -> None:
    world = a_world()
    with pytest.raises(UsageError, match="no secret of") as caught:
        opening.drifted(NAME, world.ports(), "vault://secret/nowhere#key")
    assert all(ref in caught.value.hint for ref in world.stores)


def test_a_leaked_key_is_written_into_no_further_place() -> None:
    with pytest.raises(UsageError, match="leaked"):
        a_world(reenable="never").agree()


def test_it_says_what_it_does_and_what_comes_next() -> None:
    world = a_world()
    world.agree(horizon=Phase.EXPAND)
    right = next(iter(world.stores))
    assert keys_stand(latest(world)).startswith(f"1 of 1 places that drifted name the key of {right}")
    world.agree()
    assert shown(world)["next"] == f"rotate start {NAME}"
    [stray] = world.stray_keys
    assert shown(world)["drift"] == {"right": right, "held": {list(world.stores)[-1]: str(stray.fingerprint)}}


def test_it_is_no_rotation_as_far_as_the_keys_age_is_concerned() -> None:
    world = a_world()
    world.agree()
    assert in_use_since(all_of(world)) is None


def test_its_plan_is_the_same_after_the_journal_and_one_without_it_has_the_digest_it_always_had() -> None:
    world = a_world()
    world.agree()
    plan = latest(world).plan
    assert record.from_json(record.to_json(plan)) == plan
    assert "right" not in record.to_json(world.plan)
