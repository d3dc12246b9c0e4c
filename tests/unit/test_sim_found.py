"""What the simulation found, each as its smallest world. The seeds stand in `tests/simulation/regressions.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.engine import Run, advance
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import Unreachable
from rotator.model.keys import KeyStatus, KeyText, Label, Version
from rotator.model.plan import Phase
from rotator.opening import open_rotation
from rotator.orders import abandon, accept_plan, approve, roll_back
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.memory_world import YES, MemoryWorld
from rotator.sandbox.watched import Killed, Moment


class StaleStore:
    """A store whose reads still show what was before: the old key is current."""

    def __init__(self, store: MemorySecretStore) -> None:
        self._store = store

    def read(self, label: Label) -> Version | None:
        return self._store.read(Label.PREVIOUS if label is Label.CURRENT else label)

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)


def test_a_rollback_restores_a_promoted_secret_even_where_the_store_still_reads_as_before() -> None:
    world = MemoryWorld(secrets=1)
    world.start(horizon=Phase.OVERLAP)
    ports = world.ports()
    stale: dict[str, Any] = {ref: StaleStore(store) for ref, store in world.stores.items()}
    session = world.session()
    with session:
        roll_back(session, YES)
        end = advance(session, replace(ports, stores=stale), Run(by="tester", stay=None))
    assert isinstance(end, Stop)
    assert all(version is not None and version.key == world.old for version in _current(world))


@pytest.mark.parametrize("end", ["rolled back", "abandoned"])
def test_a_store_that_reads_as_before_the_last_rotation_does_not_make_a_wrong_key_the_old_one(end: str) -> None:
    world = MemoryWorld(secrets=1)
    world.start(horizon=Phase.EXPAND)
    session = world.session()
    if end == "rolled back":
        world.rollback()
    else:
        with session:
            abandon(session, YES)
    [(ref, store)] = world.stores.items()
    replaced = world.new if end == "rolled back" else world.old
    stale: dict[str, Any] = {ref: Behind(store, replaced)}
    session = world.session()
    with session, pytest.raises(Unreachable, match="still reads as before"):
        open_rotation(session, replace(world.ports(), stores=stale), world.plan, "tester")
    world.clock.advance(timedelta(minutes=2))  # nothing lags for so long: somebody made it so
    with session:
        open_rotation(session, replace(world.ports(), stores=stale), world.plan, "tester")
    assert session.open.old is not None
    assert session.open.old.fingerprint == replaced.fingerprint


class Behind(StaleStore):
    """A store whose reads still show the key of before."""

    def __init__(self, store: MemorySecretStore, key: KeyText) -> None:
        super().__init__(store)
        self._key = key

    def read(self, label: Label) -> Version | None:
        found = self._store.read(label)
        return replace(found, key=self._key) if found is not None and label is Label.CURRENT else found


def _current(world: MemoryWorld) -> list[Version | None]:
    return [store.read(Label.CURRENT) for store in world.stores.values()]


def test_a_secret_that_is_edited_while_the_new_key_is_pinged_does_not_pass_the_gate() -> None:
    world = MemoryWorld(secrets=2)
    world.start(horizon=Phase.EXPAND)
    store = list(world.stores.values())[1]

    def edit(operation: str, moment: Moment) -> None:
        if operation == "issuer.ping" and moment == "after" and "edited" not in store.labels.values():
            store.edit("edited", key=world.old)

    world.hook = edit
    end = world.go_on(horizon=Phase.OVERLAP)
    assert isinstance(end, Stop)
    assert "somebody else wrote it" in end.why


def test_where_nobody_can_tell_whether_the_old_key_is_enabled_again_the_person_is_told_to_do_it_and_can_say_so() -> (
    None
):
    world = MemoryWorld(secrets=1, managed=False)
    world.start()
    world.issuer.books.change(world.old_id, status=KeyStatus.INACTIVE)  # as it asked for
    world.go_on(stay=Run(by="tester").stay)
    store = next(iter(world.stores.values()))
    for number in range(2):  # now no label names the version with the old key
        store.edit(f"edited-{number}", fields={"note": str(number)})
    end = world.rollback()
    assert isinstance(end, Ask)
    assert end.what == "absent:disable"
    assert "by hand" in end.why
    world.issuer.books.change(world.old_id, status=KeyStatus.ACTIVE)
    approve(world.session(), end.what, YES)
    end = world.go_on()
    assert isinstance(end, Stop)
    assert "promote" in end.why  # the next thing that stands in the way: the key is in no secret any more


def test_a_rollback_that_meets_a_disabled_old_key_says_that_a_person_can_enable_it() -> None:
    world = MemoryWorld(secrets=1, managed=False)
    world.start(horizon=Phase.OVERLAP)
    world.issuer.books.change(world.old_id, status=KeyStatus.INACTIVE)
    end = world.rollback()
    assert isinstance(end, Stop)
    assert "enable it in Anthropic's Console" in end.hint
    world.issuer.books.change(world.old_id, status=KeyStatus.ACTIVE)
    assert world.go_on() == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")


def test_a_key_that_is_found_to_have_leaked_on_the_way_back_to_it_turns_the_rotation_forward_again() -> None:
    """Nobody has the new key's text at hand any more: it is read back from the secret where it waits."""
    world = MemoryWorld(secrets=2)
    world.start(horizon=Phase.OVERLAP)
    world.fleet["edge"].unreachable = True
    assert isinstance(world.rollback(stay=Run(by="tester").stay), Stop | Wait)
    assert all(version is not None and version.key == world.old for version in _current(world))
    world.fleet["edge"].unreachable = False
    world.playbook = replace(world.playbook, reenable="never")
    with world.session() as session:
        accept_plan(session, world.ports(), YES, world.plan)
    assert world.go_on() == Stop(Exit.DONE, "the rotation is complete")
    assert all(version is not None and version.key == world.new for version in _current(world))
    assert world.issuer.books.record(world.old_id).status is KeyStatus.ARCHIVED


class Unseen:
    """A store whose reads do not show yet what was staged a moment ago."""

    def __init__(self, store: MemorySecretStore) -> None:
        self._store = store

    def holder(self) -> None:
        return None

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)


def test_a_rollback_takes_the_pending_version_away_even_where_the_store_does_not_show_it_yet() -> None:
    world = MemoryWorld(secrets=1)

    def killed(operation: str, moment: Moment) -> None:
        if operation.endswith(".promote"):
            raise Killed(operation)

    world.hook = killed
    with pytest.raises(Killed):
        world.start()
    world.hook = lambda operation, moment: None
    stores: dict[str, Any] = {ref: Unseen(store) for ref, store in world.stores.items()}
    with world.session() as session:
        roll_back(session, YES)
        end = advance(session, replace(world.ports(), stores=stores), Run(by="tester", stay=None))
    assert end == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
    assert [store.read(Label.PENDING) for store in world.stores.values()] == [None]
