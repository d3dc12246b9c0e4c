"""An Admin key comes, or goes, in the middle of a rotation: what it lets the tool do, is done to the right key."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.core.plan import ARCHIVE
from rotator.engine import Run, advance
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import AmbiguousKey
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus
from rotator.model.plan import Phase
from rotator.opening import open_rotation
from rotator.orders import accept_plan
from rotator.sandbox.memory_world import YES, MemoryWorld
from tests.unit.engine_world import BOTH, SECOND, events, old_status, quick, rotation_of, run, soaking, started

SCHEDULED = {"approve_disable": "scheduled", "approve_archive": "scheduled"}


def accepted(world: MemoryWorld, managed: bool, key_id: str | None = None, **fields: Any) -> Ask | Stop | Wait:
    """rotate.yaml says so now, and somebody accepts it."""
    world.managed = world.issuer.manages = managed
    world.clock.advance(SECOND)
    with world.session() as session:
        accept_plan(session, world.ports(), YES, world.plan, key_id)
        run = Run(**{"by": "tester", "stay": None, "yes": BOTH, "by_hand": False, **fields})
        return advance(session, world.ports(), run)


def somebody_elses(world: MemoryWorld) -> str:
    _, record = world.issuer.issue(name="somebody else's")
    return record.id


def test_with_an_admin_key_that_came_later_the_tool_itself_disables_and_archives() -> None:
    world = started(quick(SCHEDULED, managed=False))
    assert accepted(world, managed=True) == Stop(Exit.DONE, "the rotation is complete")
    assert old_status(world) is KeyStatus.ARCHIVED
    rotation = rotation_of(world)
    assert rotation.old is not None
    assert rotation.new is not None
    assert (rotation.old.key_id, rotation.new.key_id) == (world.old_id, world.new_id)
    [archived] = events(world, Kind.APPLIED, ARCHIVE)
    assert archived.data == {"key_id": world.old_id}


@pytest.mark.parametrize("named", ["when it was opened", "when it was accepted"])
def test_a_record_that_was_named_wrongly_is_found_out_before_anything_is_done_to_it(named: str) -> None:
    world = quick(managed=False)
    other = somebody_elses(world)
    with world.session() as session:
        first = other if named == "when it was opened" else None
        open_rotation(session, world.ports(), world.plan, "tester", key_id=first)
    run(world, key=world.new, horizon=Phase.OVERLAP)
    with pytest.raises(AmbiguousKey, match="another key's"):
        accepted(world, managed=True, key_id=None if first else other)
    assert not rotation_of(world).plan.managed
    assert world.issuer.books.record(other).status is KeyStatus.ACTIVE


def test_the_record_as_it_is_named_now_wins_over_the_one_from_before() -> None:
    world = quick(managed=False)
    with world.session() as session:
        open_rotation(session, world.ports(), world.plan, "tester", key_id=somebody_elses(world))
    run(world, key=world.new, horizon=Phase.OVERLAP)
    assert accepted(world, managed=True, key_id=world.old_id) == Stop(Exit.DONE, "the rotation is complete")
    assert old_status(world) is KeyStatus.ARCHIVED


def test_without_the_admin_key_it_began_with_a_person_is_asked_to_do_the_rest() -> None:
    world = soaking(quick(SCHEDULED))
    asked = accepted(world, managed=False, yes={})
    assert isinstance(asked, Ask)
    assert asked.what == "archive"
    assert "by hand, in Anthropic's Console" in asked.why
    assert old_status(world) is KeyStatus.INACTIVE
