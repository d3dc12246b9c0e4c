"""Law 10 outlives its rotation: a key that leaked once is never used again, whatever is ordered later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from rotator.engine import Run, advance
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import UsageError
from rotator.model.keys import KeyText, Label
from rotator.model.plan import Phase
from rotator.opening import open_rotation
from rotator.orders import abandon
from rotator.sandbox.memory_world import NAME, YES, MemoryWorld
from rotator.sandbox.watched import Killed
from tests.unit.engine_world import BOTH, SECOND, events, once, quick, started


def after_a_leak() -> MemoryWorld:
    """The leaked key was replaced, and the rotation abandoned before it was retired: it still works."""
    world = started(quick({"reenable": "never"}))
    with world.session() as session:
        abandon(session, YES)
    return world


def unreplaced() -> MemoryWorld:
    """The leak rotation came to nothing: the leaked key is current."""
    world = quick({"reenable": "never"})

    def die() -> None:
        raise Killed

    world.hook = once(".stage", "before", die)
    with pytest.raises(Killed):
        world.start()
    world.clock.advance(SECOND)
    world.rollback()
    return world


def again(world: MemoryWorld, reenable: Literal["auto", "never"], key: KeyText) -> Ask | Stop | Wait:
    """Another rotation of the same credential, by another playbook."""
    world.playbook = replace(world.playbook, reenable=reenable)
    session = world.session()
    with session:
        open_rotation(session, world.ports(), world.plan, "tester")
        run = Run(by="tester", stay=None, key=key, yes=BOTH, horizon=Phase.OVERLAP)
        return advance(session, world.ports(), run)


def current(world: MemoryWorld) -> set[KeyText | None]:
    return {version.key for store in world.stores.values() if (version := store.read(Label.CURRENT))}


@pytest.mark.parametrize("reenable", ["auto", "never"])
def test_a_leaked_key_is_not_adopted_by_a_later_rotation(reenable: Literal["auto", "never"]) -> None:
    world = after_a_leak()
    rotation = events(world)[0].rotation
    end = again(world, reenable, world.old)
    assert isinstance(end, Stop)
    assert (end.exit, end.next) == (Exit.GATE_FAILED, "start")
    assert f"this key leaked ({world.old.fingerprint}; rotation {rotation} says so)" in end.why
    assert current(world) == {world.new}


def test_a_leaked_key_is_rotated_away_by_no_playbook_that_could_enable_it_again() -> None:
    world = unreplaced()
    with pytest.raises(UsageError, match="could enable it again") as caught:
        again(world, "auto", world.new)
    assert caught.value.hint == f"rotate start {NAME} --playbook leak"
    assert world.old.reveal() not in caught.value.message
    assert again(world, "never", world.new) == Stop(Exit.DONE, "OVERLAP is done", "finish")


def test_another_key_of_the_same_credential_is_none_the_worse_for_it() -> None:
    world = after_a_leak()
    third, _ = world.issuer.issue(name="third")
    assert again(world, "auto", third) == Stop(Exit.DONE, "OVERLAP is done", "finish")
    assert current(world) == {third}


def drifted_to_the_leaked_key() -> MemoryWorld:
    """After the leak somebody wrote the leaked key into the second secret again, by hand."""
    world = started(quick({"reenable": "never"}, secrets=2))
    with world.session() as session:
        abandon(session, YES)
    list(world.stores.values())[1].edit("by-hand", key=world.old)
    world.playbook = replace(world.playbook, reenable="auto")
    world.clock.advance(timedelta(hours=1))
    return world


def test_a_place_that_drifted_to_a_leaked_key_is_given_the_right_one() -> None:
    world = drifted_to_the_leaked_key()
    end = world.agree()
    assert isinstance(end, Stop)
    assert end.exit is Exit.DONE
    assert current(world) == {world.new}


def test_a_place_that_drifted_to_a_leaked_key_is_never_moved_back_to_it() -> None:
    world = drifted_to_the_leaked_key()

    def die() -> None:
        raise Killed

    world.hook = once(".promote", "after", die)
    with pytest.raises(Killed):
        world.agree()
    with pytest.raises(UsageError, match="the old key leaked: it is never restored"):
        world.rollback()
    assert current(world) == {world.new}
