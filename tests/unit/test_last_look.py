"""Evidence is some seconds old when the old key goes: what changed since is looked at once more, and so is the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.plan import ARCHIVE, DISABLE, SOAK
from rotator.model.decision import Exit, Stop, Wait
from rotator.model.errors import ConfigError, HeldByAnother
from rotator.model.event import Kind
from rotator.model.keys import KeyRecord, KeyStatus, Label
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.plan import Phase, StepId
from rotator.opening import open_rotation
from rotator.orders import roll_back
from rotator.sandbox.memory_world import YES, MemoryWorld
from rotator.sandbox.watched import Moment
from tests.unit.engine_world import (
    BOTH,
    SECOND,
    events,
    old_status,
    quick,
    rotation_of,
    run,
    soaking,
    started,
    tick,
    turn_up,
)

WORKS = Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="200")


def soaked() -> MemoryWorld:
    world = soaking(quick())
    world.clock.advance(timedelta(minutes=4))
    return world


def after_the_intent(world: MemoryWorld, step: StepId, act: Callable[[], object]) -> None:
    """Once `step` is intended, and before anything is done for it."""
    left = [act]

    def hook(operation: str, moment: Moment) -> None:
        if left and operation == "journal.append" and moment == "after" and events(world, Kind.INTENDED, step):
            left.pop()()

    world.hook = hook


def changes(world: MemoryWorld, status: str) -> list[tuple[str, ...]]:
    return [call for call in world.issuer.calls if call[0] == "set_status" and call[2] == status]


def test_a_key_that_somebody_has_just_enabled_again_is_not_archived() -> None:
    world = soaked()
    after_the_intent(world, ARCHIVE, lambda: world.issuer.books.change(world.old_id, status=KeyStatus.ACTIVE))
    end = run(world, yes=BOTH, stay=timedelta(0))
    assert isinstance(end, Stop)
    assert end.exit is Exit.OUTSIDE
    assert "somebody enabled it again" in end.why
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_key_that_a_secret_names_again_is_not_archived() -> None:
    world = soaked()
    [*_, store] = world.stores.values()
    after_the_intent(world, ARCHIVE, lambda: store.edit("by hand", key=world.old))
    end = run(world, yes=BOTH, stay=timedelta(0))
    assert isinstance(end, Stop)
    assert "the old key is not archived: the current version of" in end.why
    assert old_status(world) is KeyStatus.INACTIVE
    assert changes(world, "archived") == []


@pytest.mark.parametrize(("step", "status"), [(DISABLE, "inactive"), (ARCHIVE, "archived")])
@pytest.mark.parametrize("slow", ["the last secret", "the record"])
def test_a_process_that_was_overtaken_while_it_took_its_last_look_changes_nothing(
    step: StepId, status: str, slow: str
) -> None:
    world = started(quick())
    looked = "issuer.record" if slow == "the record" else f"store {list(world.stores)[-1]}.read"
    left = [1]

    def hook(operation: str, moment: Moment) -> None:
        if left and operation == looked and moment == "before" and events(world, Kind.INTENDED, step):
            left.clear()
            world.clock.advance(timedelta(minutes=30))
            world.rollback()

    world.hook = hook
    with pytest.raises(HeldByAnother):
        run(world, yes=BOTH)
    assert not left
    assert changes(world, status) == []
    assert world.broken_laws() == []


def test_a_rollback_that_is_ordered_during_the_last_look_keeps_the_old_key_alive_throughout() -> None:
    world = started(quick())
    after_the_intent(world, DISABLE, lambda: roll_back(world.session(), YES))
    assert run(world, yes=BOTH) == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
    assert changes(world, "inactive") == []


def test_a_secret_that_names_the_disabled_key_again_brings_it_back() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    [*_, store] = world.stores.values()
    store.restore("original", store.labels[Label.CURRENT])
    end = tick(world)
    assert isinstance(end, Stop)
    assert end.exit is Exit.GATE_FAILED
    assert old_status(world) is KeyStatus.ACTIVE
    assert world.broken_laws() == []


def test_a_secret_that_names_a_third_key_in_the_soak_brings_nothing_back() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    third, _ = world.issuer.issue(name="third")
    [*_, store] = world.stores.values()
    store.edit("by hand", key=third)
    assert isinstance(tick(world), Wait)
    assert old_status(world) is KeyStatus.INACTIVE


def test_a_variable_that_is_not_set_hides_no_instance_that_misses_the_old_key() -> None:
    world = soaking(quick())
    world.clock.advance(timedelta(seconds=20))
    turn_up(world, "chat", world.old)

    def unset(call: tuple[str, ...]) -> None:
        if call[0] == "record":
            raise ConfigError("the environment variable ADMIN is not set")

    world.issuer.before = unset
    with pytest.raises(ConfigError):  # by enabling it again: what stands in the way is said
        tick(world)
    assert rotation_of(world).gates[SOAK].measurement.verdict is Verdict.FAILED
    world.issuer.before = lambda call: None
    world.clock.advance(SECOND)
    tick(world)
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_record_that_says_disabled_proves_nothing_while_the_key_is_still_accepted() -> None:
    world = soaked()
    world.issuer.disturb = lambda key: WORKS if key == world.old else None
    assert isinstance(tick(world), Wait)
    assert "still accepts it" in rotation_of(world).gates[SOAK].measurement.why
    world.clock.advance(timedelta(hours=1))
    end = run(world, yes=BOTH)
    assert isinstance(end, Stop)
    assert end.exit is Exit.INCONCLUSIVE
    assert old_status(world) is KeyStatus.INACTIVE
    world.issuer.disturb = lambda key: None
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_a_record_that_still_says_active_does_not_keep_a_missed_key_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    world = soaking(quick())
    records_lag(world, monkeypatch, KeyStatus.ACTIVE)
    turn_up(world, "chat", world.old)
    world.clock.advance(timedelta(seconds=20))
    tick(world)
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_record_that_still_says_disabled_lets_no_key_be_archived_that_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = soaked()

    def enabled_a_moment_ago() -> None:
        records_lag(world, monkeypatch, KeyStatus.INACTIVE)
        world.issuer.books.change(world.old_id, status=KeyStatus.ACTIVE)

    after_the_intent(world, ARCHIVE, enabled_a_moment_ago)
    end = run(world, yes=BOTH, stay=timedelta(0))
    assert isinstance(end, Stop)
    assert "somebody enabled it again" in end.why
    assert old_status(world) is KeyStatus.ACTIVE


def records_lag(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch, status: KeyStatus) -> None:
    """What Anthropic says of the old key is behind what was done to it."""
    known = world.issuer._known

    def behind(key_id: str) -> KeyRecord:
        return replace(known(key_id), status=status) if key_id == world.old_id else known(key_id)

    monkeypatch.setattr(world.issuer, "_known", behind)


def test_a_record_that_says_dead_of_an_old_key_that_works_is_another_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by hand (`key_id:`), left from the rotation before, and without a hint that could give it away."""
    world = quick()
    _, other = world.issuer.issue(name="the one before")
    world.issuer.books.change(other.id, status=KeyStatus.INACTIVE)
    known = world.issuer._known

    def hintless(key_id: str) -> KeyRecord:
        return replace(known(key_id), hint=None if key_id == other.id else known(key_id).hint)

    monkeypatch.setattr(world.issuer, "_known", hintless)
    with world.session() as session:
        open_rotation(session, world.ports(), world.plan, "tester", key_id=other.id)
    end = run(world, key=world.new, horizon=Phase.EXPAND)
    assert isinstance(end, Stop)
    assert end.exit is Exit.GATE_FAILED
    assert "it is another key's record" in end.why
    assert all(not store.calls for store in world.stores.values())
