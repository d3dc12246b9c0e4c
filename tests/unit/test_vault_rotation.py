"""Whole rotations by the product's own engine over a Vault secret beside one of another kind; killed at store calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest

from rotator.adapters.store.vault import VaultSecretStore
from rotator.model.config import Drain, VaultSecretRef
from rotator.model.decision import Exit, Stop
from rotator.model.keys import Label
from rotator.model.plan import Phase
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.memory_world import MemoryWorld, quick_playbook
from rotator.sandbox.vault import SandboxVault
from rotator.sandbox.watched import Killed, Moment
from tests.vault_world import FIELD, OTHERS, VaultPlace, sandbox_place

EFFECTS = ("stage", "promote", "restore", "discard", "set_status")


@pytest.fixture(scope="module")
def vault() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        yield vault


@pytest.fixture(scope="module")
def place(vault: SandboxVault) -> Iterator[VaultPlace]:
    with sandbox_place(vault) as place:
        yield place


class Mixed:
    """A world whose second secret is in Vault."""

    def __init__(self, vault: SandboxVault, place: VaultPlace, *, first: bool = False) -> None:
        short = Drain(quiet_for=timedelta(seconds=5), lag=timedelta(seconds=1), unproven="accept")
        self.world = MemoryWorld(playbook=quick_playbook(drain=short, soak=timedelta(seconds=6)), first=first)
        self.kv, self.path = vault.books.kv(), place.path()
        if not first:
            fields: dict[str, Any] = {FIELD: self.world.old.reveal(), **OTHERS}
            self.kv.put(self.path, fields)
        store = VaultSecretStore(VaultSecretRef("secret", self.path, FIELD), place.connection)
        ref = list(self.world.stores)[1]
        stores = {**self.world.stores, ref: cast(MemorySecretStore, store)}  # stands at the same port
        self.world.stores, self.store = stores, store

    def forward(self) -> None:
        begun = self.world.session().rotation is not None
        done(self.world.go_on(key=self.world.new) if begun else self.world.start())

    def there_and_back(self) -> None:
        rotation = self.world.session().rotation
        if rotation is None:
            done(self.world.start(horizon=Phase.OVERLAP))
        elif rotation.rolling_back is None:
            done(self.world.go_on(key=self.world.new, horizon=Phase.OVERLAP))
        rotation = self.world.session().rotation
        back = rotation is not None and rotation.rolling_back is not None
        end = self.world.go_on() if back else self.world.rollback()
        assert isinstance(end, Stop)
        assert end.exit in (Exit.DONE, Exit.ROLLED_BACK), end

    def end(self) -> tuple[object, ...]:
        fields = dict(self.kv.value(self.path) or {})
        key = {self.world.old.reveal(): "old", self.world.new.reveal(): "new"}.get(str(fields.pop(FIELD)), "foreign")
        assert fields in ({}, OTHERS)
        current = self.store.read(Label.CURRENT)
        statuses = [self.world.issuer.books.record(id).status for id in (self.world.old_id, self.world.new_id)]
        named = current is not None and current.id.startswith("key-")
        return key, self.kv.secrets[self.path].current, f"{self.path}.pending" in self.kv.secrets, statuses, named


def done(end: object) -> None:
    assert isinstance(end, Stop), end
    assert end.exit is Exit.DONE, end


@pytest.mark.parametrize("first", [False, True])
def test_a_rotation_over_both_kinds_ends_with_the_new_key_in_both_and_no_sibling(
    vault: SandboxVault, place: VaultPlace, first: bool
) -> None:
    mixed = Mixed(vault, place, first=first)
    mixed.forward()
    key, number, pending, _, _ = mixed.end()
    assert (key, number, pending) == ("new", 1 if first else 2, False)
    assert {store.read(Label.CURRENT).key for store in mixed.world.stores.values()} == {mixed.world.new}  # type: ignore[union-attr]  # a missing version fails as loudly


def test_a_rollback_over_both_kinds_brings_the_old_key_back(vault: SandboxVault, place: VaultPlace) -> None:
    mixed = Mixed(vault, place)
    mixed.there_and_back()
    key, number, pending, _, named = mixed.end()
    assert (key, number, pending, named) == ("old", 3, False, True)


@pytest.mark.parametrize("way", ["forward", "there_and_back"])
def test_a_kill_around_any_store_call_changes_nothing_in_the_end(
    vault: SandboxVault, place: VaultPlace, way: str
) -> None:
    clean = Mixed(vault, place)
    operations: list[tuple[int, Moment]] = []
    count = [0]

    def note(operation: str, moment: Moment) -> None:
        if operation.startswith("store") and operation.rpartition(".")[2] in EFFECTS:
            operations.append((count[0], moment))
        count[0] += moment == "after"

    clean.world.hook = note
    getattr(clean, way)()
    wanted = clean.end()
    assert operations
    for point in operations:
        mixed = Mixed(vault, place)
        run_killed(mixed, way, point)
        assert mixed.end() == wanted, f"killed at {point}"


def run_killed(mixed: Mixed, way: str, point: tuple[int, Moment]) -> None:
    at = [0]

    def kill(operation: str, moment: Moment) -> None:
        if operation.rpartition(".")[2] in EFFECTS:
            assert mixed.world.broken_laws() == []
        if (at[0], moment) == point:
            at[0] += 10**6  # once
            raise Killed
        at[0] += moment == "after"

    mixed.world.hook = kill
    with pytest.raises(Killed):
        getattr(mixed, way)()
    mixed.world.hook = cast(Any, lambda operation, moment: None)
    getattr(mixed, way)()
