"""A process that was frozen between intent and effect wakes up in a world that has moved on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from rotator.core.approval import UNPROVEN
from rotator.engine import Run, advance
from rotator.model.errors import HeldByAnother, Unreachable
from rotator.model.keys import KeyStatus, Label
from rotator.model.plan import Phase
from rotator.opening import open_rotation
from rotator.orders import abandon
from rotator.sandbox.memory_world import YES, MemoryWorld
from rotator.sandbox.watched import Moment
from tests.unit.engine_world import BOTH, Told, quick, run

_HALF_AN_HOUR = timedelta(minutes=30)


def _freeze_at(world: MemoryWorld, operation: str, meanwhile: Callable[[], object]) -> None:
    """While the first process is frozen before that operation, its lease runs out, and others do something."""

    def hook(seen: str, when: Moment) -> None:
        if seen == operation and when == "before":
            world.hook = lambda operation, moment: None
            world.clock.advance(_HALF_AN_HOUR)
            meanwhile()

    world.hook = hook


def _next_one(world: MemoryWorld, reenable: Literal["auto", "never"]) -> None:
    """The rotation is rolled back, and another one is opened with another new key."""
    world.rollback()
    world.new, _ = world.issuer.issue(name="third")
    world.playbook = replace(world.playbook, reenable=reenable)
    _start_anew(world)


def _start_anew(world: MemoryWorld) -> None:
    with world.session() as session:
        open_rotation(session, world.ports(), world.plan, "tester")
        advance(session, world.ports(), Run(by="tester", key=world.new, horizon=Phase.EXPAND))


def test_a_process_frozen_before_it_disables_reads_the_log_and_disables_nothing() -> None:
    world = MemoryWorld()
    frozen: list[str] = []

    def hook(operation: str, moment: Moment) -> None:
        rotation = world.session().rotation if not frozen and operation == "journal.append" else None
        if rotation is not None and any(step.verb == "disable" for step in rotation.steps) and moment == "after":
            frozen.append(operation)
            world.clock.advance(timedelta(minutes=30))
            world.rollback()

    world.hook = hook
    with pytest.raises(HeldByAnother):
        world.start()
    assert frozen
    assert world.issuer.books.record(world.old_id).status is KeyStatus.ACTIVE
    assert world.broken_laws() == []


def test_a_process_frozen_inside_the_call_that_disables_enables_the_key_again() -> None:
    world = MemoryWorld()
    _freeze_at(world, "issuer.set_status", world.rollback)
    with pytest.raises(HeldByAnother):
        world.start()
    assert world.issuer.books.record(world.old_id).status is KeyStatus.ACTIVE
    assert world.broken_laws() == []


def test_it_enables_the_key_again_though_the_next_rotation_is_open_already() -> None:
    world = MemoryWorld()
    _freeze_at(world, "issuer.set_status", lambda: _next_one(world, "auto"))
    with pytest.raises(HeldByAnother):
        world.start()
    assert world.issuer.books.record(world.old_id).status is KeyStatus.ACTIVE


def test_what_it_disabled_stays_so_where_the_key_turned_out_to_have_leaked_meanwhile() -> None:
    world = MemoryWorld()
    _freeze_at(world, "issuer.set_status", lambda: _next_one(world, "never"))
    with pytest.raises(HeldByAnother):
        world.start()
    assert world.issuer.books.record(world.old_id).status is KeyStatus.INACTIVE


def test_where_it_cannot_enable_the_key_again_people_are_told() -> None:
    world, told = MemoryWorld(), Told()

    def down(call: tuple[str, ...]) -> None:
        if call[0] == "set_status" and call[2] == "active":
            raise Unreachable("the Admin API is busy")

    def meanwhile() -> None:
        world.rollback()
        world.issuer.before = down

    _freeze_at(world, "issuer.set_status", meanwhile)
    with pytest.raises(HeldByAnother):
        run(world, told, world._opened, key=world.new, yes={UNPROVEN: YES, **BOTH})
    assert told.titles == [
        "`disable` was done by a process that had been overtaken, and is not taken back: the Admin API is busy"
    ]


def test_a_process_frozen_inside_the_move_of_a_secret_moves_it_back() -> None:
    """AWS moves a label to any version that it still keeps, so its compare-and-swap does not see the rollback."""
    world = quick(secrets=1)
    [store] = world.stores.values()

    def meanwhile(version_id: str, expected_current: str | None) -> None:
        world.clock.advance(_HALF_AN_HOUR)
        world.rollback()
        assert store.labels[Label.CURRENT] == expected_current
        store._make_current(version_id)

    store.promote = meanwhile  # type: ignore[method-assign]  # what the world does while this process is frozen
    with pytest.raises(HeldByAnother):
        world.start()
    assert world._current(0) == world.old
    assert world.broken_laws() == []


def test_a_process_that_was_overtaken_by_one_that_goes_forward_takes_nothing_back() -> None:
    world = MemoryWorld()
    _freeze_at(world, "issuer.set_status", lambda: run(world, yes=BOTH))
    with pytest.raises(HeldByAnother):
        world.start()
    assert world.issuer.books.record(world.old_id).status is KeyStatus.ARCHIVED


def test_a_process_frozen_while_it_clears_what_an_abandoned_rotation_left_stages_nothing_afterwards() -> None:
    world = MemoryWorld(secrets=1)
    [(ref, store)] = world.stores.items()
    world.start(horizon=Phase.EXPAND)
    with world.session() as session:
        abandon(session, YES)
    world.new, _ = world.issuer.issue(name="another")
    _freeze_at(world, f"store {ref}.discard", world.rollback)
    with pytest.raises(HeldByAnother):
        _start_anew(world)
    assert store.holder() is None
