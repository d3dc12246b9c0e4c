"""A process that was frozen between intent and effect wakes up in a world that has moved on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.model.errors import HeldByAnother
from rotator.model.keys import KeyStatus
from rotator.sandbox.memory_world import MemoryWorld, Moment


def _freeze_at(world: MemoryWorld, operation: str, moment: Moment, meanwhile_after: timedelta) -> None:
    """While the first process is frozen at that operation, its lease runs out and another one rolls back."""

    def hook(seen: str, when: Moment) -> None:
        if seen == operation and when == moment:
            world.hook = lambda operation, moment: None
            world.clock.advance(meanwhile_after)
            world.rollback()

    world.hook = hook


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
    _freeze_at(world, "issuer.set_status", "before", timedelta(minutes=30))
    with pytest.raises(HeldByAnother):
        world.start()
    assert world.issuer.books.record(world.old_id).status is KeyStatus.ACTIVE
    assert world.broken_laws() == []
