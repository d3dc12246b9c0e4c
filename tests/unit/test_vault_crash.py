"""Vault fails, or is gone, at every single request of every verb: done again, it ends the same, written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest
import tenacity

from rotator.adapters.store.vault import VaultSecretStore
from rotator.model.errors import Unreachable
from rotator.model.keys import KeyText, Label
from rotator.sandbox.anthropic_faults import Fault
from rotator.sandbox.vault import SandboxVault, no_faults
from tests.aws_world import CLAIM, make_key, version_id
from tests.vault_world import FIELD, OTHERS, VaultPlace, VaultSecret, sandbox_place

MOST = 20  # requests of one verb: more would mean that the search for its last one never ends


@pytest.fixture(scope="module")
def vault() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        yield vault


@pytest.fixture(scope="module")
def place(vault: SandboxVault) -> Iterator[VaultPlace]:
    with sandbox_place(vault) as place:
        yield place


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=lambda seconds: None))


class Rotation:
    """One secret on its way, and what must be true at each verb's end."""

    def __init__(self, place: VaultPlace) -> None:
        self.secret = VaultSecret(place)
        self.store: VaultSecretStore = self.secret.store
        self.old, self.new, self.key = f"key-{self.secret.original.fingerprint.digest}", version_id(), make_key()

    def stage(self) -> None:
        self.store.stage(self.new, self.key, CLAIM)

    def promote(self) -> None:
        self.store.promote(self.new, self.old)

    def restore(self) -> None:
        self.store.restore(self.old, self.new)

    def discard(self) -> None:
        self.store.discard(self.new)

    def seen(self) -> tuple[object, ...]:
        """Ids by label, the claim, the key, the other fields; the numbers of versions: of the path, of the sibling."""
        versions = [self.store.read(label) for label in Label]
        books, fields = self.secret, self.secret.fields()
        key = KeyText(fields.pop(FIELD))
        assert fields == OTHERS
        held = self.store.holder()
        return (
            *(version.id if version else None for version in versions),
            held.claim if held else None,
            "old" if key == books.original else "new" if key == self.key else "foreign",
            books.number,
        )


VERBS: dict[str, list[Callable[[Rotation], None]]] = {
    "stage": [Rotation.stage],
    "promote": [Rotation.stage, Rotation.promote],
    "restore": [Rotation.stage, Rotation.promote, Rotation.restore],
    "discard": [Rotation.stage, Rotation.promote, Rotation.discard],
    "discard after restore": [Rotation.stage, Rotation.promote, Rotation.restore, Rotation.discard],
}


def at(number: int, fault: Fault, then: Fault | None) -> Callable[[str], Fault | None]:
    """`fault` at the request of this number, counted from 1; `then` at every later one."""
    asked = [0]

    def faults(operation: str) -> Fault | None:
        asked[0] += 1
        if asked[0] == number:
            return fault
        return then if asked[0] > number else None

    return faults


def ended(place: VaultPlace, steps: list[Callable[[Rotation], None]]) -> tuple[Rotation, tuple[object, ...]]:
    rotation = Rotation(place)
    for step in steps:
        step(rotation)
    return rotation, rotation.seen()


def shape(rotation: Rotation, seen: tuple[object, ...]) -> tuple[object, ...]:
    names = {rotation.old: "the old id", rotation.new: "the new id"}
    return tuple(names.get(str(one), one) for one in seen)


@pytest.mark.parametrize("carried_out", [False, True], ids=["request lost", "answer lost"])
@pytest.mark.parametrize("down", [False, True], ids=["once", "and Vault stays away"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_was_cut_off_anywhere_ends_the_same_when_it_is_done_again(
    vault: SandboxVault, place: VaultPlace, verb: str, down: bool, carried_out: bool
) -> None:
    steps = VERBS[verb]
    wanted = shape(*ended(place, steps))
    lost, gone = Fault(drop=True, carried_out=carried_out), Fault(drop=True) if down else None
    for number in range(1, MOST):
        rotation, _ = ended(place, steps[:-1])
        before = vault.calls.total()
        vault.faults = at(number, lost, gone)
        with suppress(Unreachable):  # anything else would need a person
            steps[-1](rotation)
        vault.faults = no_faults
        if vault.calls.total() - before < number:
            assert number > 1
            break  # the verb needs no such request: every one has been lost once
        current = rotation.store.read(Label.CURRENT)
        assert current is not None
        assert current.id == (rotation.new if current.key == rotation.key else rotation.old), f"named wrong at {number}"
        for turn in ("done again", "and once more"):
            steps[-1](rotation)
            assert shape(rotation, rotation.seen()) == wanted, f"request {number} lost, {turn}"
    else:
        pytest.fail(f"{verb} took more than {MOST} requests")


@pytest.mark.parametrize("status", [412, 429, 473, 500, 502, 503])
@pytest.mark.parametrize("verb", ["stage", "promote", "restore", "discard"])
def test_a_passing_failure_at_any_request_is_got_over_without_writing_twice(
    vault: SandboxVault, place: VaultPlace, verb: str, status: int
) -> None:
    steps = VERBS[verb]
    wanted = shape(*ended(place, steps))
    for number in range(1, MOST):
        rotation, _ = ended(place, steps[:-1])
        before = vault.calls.total()
        vault.faults = at(number, Fault(status=status, message="a passing failure"), None)
        try:
            steps[-1](rotation)
        finally:
            vault.faults = no_faults
        if vault.calls.total() - before < number:
            break
        assert shape(rotation, rotation.seen()) == wanted, f"after {status} at request {number}"


def test_an_edit_of_another_field_right_before_the_promoting_write_is_not_lost(
    vault: SandboxVault, place: VaultPlace
) -> None:
    rotation = Rotation(place)
    rotation.stage()
    turns = [0]

    def somebody(operation: str) -> Fault | None:
        if operation == f"POST secret/data/{rotation.secret.path}" and turns[0] < 2:
            turns[0] += 1
            fields = dict(vault.books.kv().value(rotation.secret.path) or {})
            vault.books.kv().put(rotation.secret.path, fields | {"other": f"edit {turns[0]}"})
        return None

    vault.faults = somebody
    try:
        rotation.promote()
    finally:
        vault.faults = no_faults
    assert rotation.secret.fields() == {**OTHERS, "other": "edit 2", FIELD: rotation.key.reveal()}
    assert rotation.secret.number == 4
