"""Rolling back from every step, abandoning, unlocking: repair is a product surface."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.model.decision import Ask, Exit, Stop
from rotator.model.errors import Refused, UsageError
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus, Label
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Outcome
from rotator.opening import open_rotation
from rotator.orders import abandon, approve, roll_back, unlock
from rotator.sandbox.memory_world import NAME, YES, MemoryWorld, consumer
from rotator.sandbox.watched import Moment
from tests.unit.engine_world import (
    BOTH,
    SECOND,
    by_person,
    events,
    old_status,
    once,
    quick,
    rotation_of,
    run,
    soaking,
    started,
)

_BACK = Stop(Exit.ROLLED_BACK, "the rotation was rolled back")


def back(world: MemoryWorld) -> Ask | Stop | object:
    world.clock.advance(SECOND)
    return world.rollback()


def as_before(world: MemoryWorld) -> bool:
    held = {key for one in world.fleet.values() for key in one.held()}
    current = {version.key for store in world.stores.values() if (version := store.read(Label.CURRENT))}
    pending = [store for store in world.stores.values() if store.holder() is not None]
    return (held, current, pending, old_status(world)) == ({world.old}, {world.old}, [], KeyStatus.ACTIVE)


def interrupted_at(number: int) -> tuple[MemoryWorld, str] | None:
    """A world whose rotation was interrupted before its n-th effect; None where it has fewer, or archived."""
    world, left, seen = quick(), [number], [""]

    def hook(name: str, moment: Moment) -> None:
        effect = name.rsplit(".", 1)[-1] in ("stage", "promote", "deploy", "set_status")
        if effect and moment == "after":
            left[0] -= 1
            if left[0] < 0:
                seen[0] = name
                raise KeyboardInterrupt

    world.hook = hook
    try:
        world.start()
    except KeyboardInterrupt:
        world.hook = lambda name, moment: None
        return (world, seen[0]) if old_status(world) is not KeyStatus.ARCHIVED else None
    return None


@pytest.mark.parametrize("number", range(7))
def test_a_rollback_from_any_effect_before_archive_leaves_everything_as_it_was(number: int) -> None:
    found = interrupted_at(number)
    assert found is not None
    world, effect = found
    assert back(world) == _BACK, effect
    assert as_before(world), effect
    assert world.broken_laws() == []


def test_some_rollback_begins_with_a_disabled_key() -> None:
    assert "issuer.set_status" in {found[1] for number in range(7) if (found := interrupted_at(number))}


def test_a_rollback_in_the_soak_enables_the_old_key_before_anything_points_to_it() -> None:
    world = soaking(quick())
    broken: list[str] = []

    def hook(name: str, moment: Moment) -> None:
        world.hook = lambda name, moment: None
        broken.extend(world.broken_laws())
        world.hook = hook

    world.hook = hook
    assert back(world) == _BACK
    assert broken == []
    assert as_before(world)


def test_after_archive_there_is_no_way_back() -> None:
    world = soaking(quick())
    world.hook = once("1#key.discard", "before", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(world, yes=BOTH)
    with pytest.raises(UsageError, match="forward only"):
        roll_back(world.session(), YES)
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_a_rollback_that_comes_while_the_key_is_being_archived_is_too_late_and_the_rotation_completes() -> None:
    world = soaking(quick())
    left = [1]

    def hook(name: str, moment: Moment) -> None:
        if name == "issuer.set_status" and moment == "before" and left[0]:
            left[0] -= 1
            roll_back(world.session(), YES)

    world.hook = hook
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
    assert old_status(world) is KeyStatus.ARCHIVED


def test_a_leaked_key_is_rolled_back_to_before_it_was_replaced_and_never_after() -> None:
    world = quick({"reenable": "never"})
    world.start(horizon=Phase.EXPAND)
    with pytest.raises(UsageError, match="leaked"):
        roll_back(world.session(), YES)
    early = quick({"reenable": "never"})
    early.hook = once("1#key.stage", "before", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        early.start()
    assert back(early) == _BACK
    assert as_before(early)


def test_a_rollback_of_a_leaked_key_that_loses_the_race_against_the_promotion_blocks_nothing() -> None:
    world = quick({"reenable": "never"})
    late = world.session()

    def order() -> None:
        with pytest.raises(UsageError, match="leaked"):
            roll_back(world.session(), YES)

    world.hook = once(".promote", "before", order)
    assert late.rotation is None
    assert world.start() == Stop(Exit.DONE, "the rotation is complete")


def test_a_rollback_order_that_was_written_too_late_turns_nothing_round() -> None:
    world = quick({"reenable": "never"})
    world.hook = once("0.promote", "before", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        world.start()
    session = world.session()
    session.post(
        Kind.APPROVED,
        {"what": "rollback", "by": "late", "reason": "", "plan_digest": "", "evidence_digest": ""},
    )
    assert session.open.rolling_back is None
    assert world.go_on() == Stop(Exit.DONE, "the rotation is complete")


def test_current_is_never_moved_back_to_an_old_key_that_died_by_itself() -> None:
    world = started(quick())
    world.issuer.set_status(world.old_id, KeyStatus.INACTIVE)
    end = back(world)
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    assert "is refused" in end.why
    for store in world.stores.values():
        version = store.read(Label.CURRENT)
        assert version is not None
        assert version.key == world.new


def test_a_person_is_asked_again_whether_a_consumer_uses_the_old_key() -> None:
    world = quick(consumers=(consumer("chat"), by_person("laptops")))
    world.start()
    approve(world.session(), "consumer:laptops", YES)
    asked = back(world)
    assert isinstance(asked, Ask)
    assert "OLD key again" in asked.why
    world.clock.advance(SECOND)
    approve(world.session(), "consumer:laptops", YES)
    assert world.go_on() == _BACK


def test_a_rolled_back_credential_can_be_rotated_once_more() -> None:
    world = started(quick())
    assert back(world) == _BACK
    world.clock.advance(SECOND)
    session = world.session()
    with session:
        open_rotation(session, world.ports(), world.plan, "tester")
    assert world.go_on(key=world.new) == Stop(Exit.DONE, "the rotation is complete")


def test_abandoning_changes_nothing_but_the_log() -> None:
    world = started(quick())
    before = world.end()
    session = world.session()
    with session:
        abandon(session, YES)
    assert world.end() == before
    assert rotation_of(world).outcome is Outcome.ABANDONED


def test_a_first_key_is_refused_where_the_secret_holds_one() -> None:
    world = quick()
    world.first = True
    with pytest.raises(Refused, match="holds a key already"):
        world.start()


def test_a_secret_without_a_key_is_refused_unless_it_is_the_first() -> None:
    world = quick(first=True)
    world.first = False
    with pytest.raises(Refused, match="has no current key"):
        world.start()


def test_unlocking_takes_the_rotation_from_its_holder_in_the_log() -> None:
    world = started(quick())
    world.journal.heartbeat(NAME, "elsewhere", world.clock.now() + timedelta(minutes=5))
    assert unlock(world.session(), YES) == "elsewhere"
    assert events(world)[-1].kind is Kind.TAKEN_OVER
    assert world.journal.lease(NAME) is None
    assert unlock(world.session(), YES) is None


def test_a_done_disable_cannot_be_approved_again() -> None:
    world = soaking(quick())
    with pytest.raises(UsageError, match="done already"):
        approve(world.session(), str(StepId("disable")), YES)
