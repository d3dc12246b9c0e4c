"""One key in many places: whatever one promotion does, every place names an active key at every instant (law 2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from rotator.adapters.store.aws import AwsSecretStore
from rotator.adapters.store.vault import VaultSecretStore
from rotator.model.config import AwsSecretRef, Drain, VaultSecretRef
from rotator.model.decision import Exit, Stop
from rotator.model.errors import Refused, StoreConflict, Unreachable
from rotator.model.keys import KeyStatus, Label
from rotator.model.plan import Phase
from rotator.opening import open_rotation
from rotator.ports import SecretStore
from rotator.sandbox.aws import SandboxAws
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.memory_world import MemoryWorld, quick_playbook
from rotator.sandbox.vault import SandboxVault
from rotator.sandbox.watched import Killed, Moment
from tests.aws_world import FIELD, REGION, client_of, secret_name
from tests.vault_world import VaultPlace, sandbox_place

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

PLACES = 5
EFFECTS = ("stage", "promote", "restore", "discard", "set_status")


class Sandboxes:
    """AWS and Vault on loopback."""

    def __init__(self, aws: SandboxAws, client: SecretsManagerClient, place: VaultPlace) -> None:
        self.aws, self.place = aws, place
        self._client = client

    def aws_store(self, key: str) -> AwsSecretStore:
        ref = AwsSecretRef(REGION, secret_name(), FIELD)
        self._client.create_secret(Name=ref.name, SecretString=json.dumps({FIELD: key, "other": "as it was"}))
        return AwsSecretStore(ref, client=self._client)

    def vault_store(self, key: str) -> VaultSecretStore:
        path = self.place.path()
        self.place.client.secrets.kv.v2.create_or_update_secret(path, {FIELD: key, "other": 1}, mount_point="secret")
        return VaultSecretStore(VaultSecretRef("secret", path, FIELD), self.place.connection)


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Sandboxes]:
    with SandboxAws() as aws, SandboxVault() as vault, sandbox_place(vault) as place:
        client = client_of(aws)
        yield Sandboxes(aws, client, place)
        client.close()


def a_world(secrets: int = PLACES) -> MemoryWorld:
    short = Drain(quiet_for=timedelta(seconds=5), lag=timedelta(seconds=1), unproven="accept")
    return MemoryWorld(playbook=quick_playbook(drain=short, soak=timedelta(seconds=6)), secrets=secrets)


def in_memory(sandboxes: Sandboxes) -> MemoryWorld:
    return a_world()


def in_both(sandboxes: Sandboxes) -> MemoryWorld:
    """By turns in AWS and in Vault, by the real adapters; the first stays where the consumers of the world read."""
    return with_stores(a_world(), sandboxes, "memory", "aws", "vault", "aws", "vault")


def with_stores(world: MemoryWorld, sandboxes: Sandboxes, *kinds: str) -> MemoryWorld:
    key, stores = world.old.reveal(), dict(world.stores)
    for ref, kind in zip(world.stores, kinds, strict=True):
        if kind != "memory":
            made: SecretStore = sandboxes.aws_store(key) if kind == "aws" else sandboxes.vault_store(key)
            stores[ref] = cast(MemorySecretStore, made)  # stands at the same port
    world.stores = stores
    return world


def the_third_promotion_fails(world: MemoryWorld, failure: Callable[[], BaseException]) -> None:
    """From now on; and the laws are looked at around every effect."""
    third = f"store {list(world.stores)[2]}.promote"

    def hook(operation: str, moment: Moment) -> None:
        if operation.rpartition(".")[2] in EFFECTS:
            assert world.broken_laws() == [], f"{moment} {operation}"
        if (operation, moment) == (third, "before"):
            raise failure()

    world.hook = hook


def mended(world: MemoryWorld) -> None:
    def hook(operation: str, moment: Moment) -> None:
        if operation.rpartition(".")[2] in EFFECTS:
            assert world.broken_laws() == [], f"{moment} {operation}"

    world.hook = hook


def keys(world: MemoryWorld) -> list[str]:
    names = {world.old: "old", world.new: "new"}
    found = [store.read(Label.CURRENT) for store in world.stores.values()]
    return [names.get(version.key, "?") if version and version.key else "none" for version in found]


def statuses(world: MemoryWorld) -> list[KeyStatus]:
    return [world.issuer.books.record(id).status for id in (world.old_id, world.new_id)]


def nothing_is_pending(world: MemoryWorld) -> bool:
    return all(store.holder() is None and store.read(Label.PENDING) is None for store in world.stores.values())


FAILURES: dict[str, Callable[[], BaseException]] = {
    "refused": lambda: Refused("permission denied", "ask for it"),
    "unreachable": lambda: Unreachable("it does not answer"),
    "killed": Killed,
}

many = pytest.mark.parametrize("make", [in_memory, in_both])
failing = pytest.mark.parametrize("failure", FAILURES)


def stopped_at_the_third(make: Callable[[Sandboxes], MemoryWorld], sandboxes: Sandboxes, failure: str) -> MemoryWorld:
    world = make(sandboxes)
    the_third_promotion_fails(world, FAILURES[failure])
    with suppress(Killed):
        end = world.start(stay=timedelta(minutes=1))
        assert not (isinstance(end, Stop) and end.exit is Exit.DONE)
    assert keys(world) == ["new", "new", "old", "old", "old"]
    assert statuses(world) == [KeyStatus.ACTIVE, KeyStatus.ACTIVE]
    mended(world)
    return world


@many
@failing
def test_a_rotation_whose_third_promotion_fails_goes_on_when_it_is_run_again(
    sandboxes: Sandboxes, make: Callable[[Sandboxes], MemoryWorld], failure: str
) -> None:
    world = stopped_at_the_third(make, sandboxes, failure)
    end = world.go_on()
    assert isinstance(end, Stop), end
    assert end.exit is Exit.DONE, end
    assert keys(world) == ["new"] * PLACES
    assert statuses(world) == [KeyStatus.ARCHIVED, KeyStatus.ACTIVE]
    assert nothing_is_pending(world)


@many
@failing
def test_a_rotation_whose_third_promotion_fails_can_be_rolled_back_everywhere(
    sandboxes: Sandboxes, make: Callable[[Sandboxes], MemoryWorld], failure: str
) -> None:
    world = stopped_at_the_third(make, sandboxes, failure)
    end = world.rollback()
    assert isinstance(end, Stop), end
    assert end.exit is Exit.ROLLED_BACK, end
    assert keys(world) == ["old"] * PLACES
    assert statuses(world)[0] is KeyStatus.ACTIVE
    assert nothing_is_pending(world)


def test_all_places_are_staged_and_the_new_key_is_tested_before_any_is_promoted() -> None:
    world = a_world()
    seen: list[str] = []

    def hook(operation: str, moment: Moment) -> None:
        verb = operation.rpartition(".")[2]
        if moment == "after" and verb in ("stage", "promote", "ping"):
            seen.append(verb)

    world.hook = hook
    world.start(horizon=Phase.EXPAND)
    first = seen.index("promote")
    assert seen.count("stage") == seen[:first].count("stage") == PLACES
    assert "ping" in seen[seen.index("stage") : first]
    assert seen.count("promote") == PLACES


def test_places_that_hold_different_keys_are_shown_one_by_one_and_nothing_is_begun() -> None:
    world = a_world(3)
    other, _ = world.issuer.issue(name="drifted")
    drifted = list(world.stores)[1]
    world.stores = {**world.stores, drifted: MemorySecretStore(drifted, world.clock, other)}
    with pytest.raises(StoreConflict) as caught:
        world.start()
    for ref, key in zip(world.stores, (world.old, other, world.old), strict=True):
        assert f"{ref} holds {key.fingerprint}" in caught.value.message
    assert other.reveal() not in caught.value.message + caught.value.hint
    assert world.session().rotation is None
    assert all(store.holder() is None for store in world.stores.values())


def test_what_a_store_warns_of_is_told_when_the_rotation_opens_and_what_it_refuses_opens_none(
    sandboxes: Sandboxes,
) -> None:
    world = with_stores(a_world(2), sandboxes, "memory", "vault")
    vault, store = sandboxes.place.client.secrets.kv.v2, list(world.stores.values())[1]
    path = cast(VaultSecretStore, store)._ref.path
    vault.update_metadata(path, max_versions=1, mount_point="secret")
    sandboxes.place.client.write_data("secret/config", data={"max_versions": 1})
    try:
        session = world.session()
        with session, pytest.raises(Refused, match="keeps one version only"):
            open_rotation(session, world.ports(), world.plan, "tester")
        assert session.rotation is None
        vault.update_metadata(path, max_versions=2, mount_point="secret")
        with session:
            [warning] = open_rotation(session, world.ports(), world.plan, "tester")
        assert "keeps 2 versions only" in warning
    finally:
        sandboxes.place.client.write_data("secret/config", data={"max_versions": 0})


# Both kinds together, killed around every promotion and every way back


def whole(world: MemoryWorld, way: str) -> None:
    rotation = world.session().rotation
    begun = rotation is not None
    if way == "forward":
        end = world.go_on(key=world.new) if begun else world.start()
    else:
        back = rotation is not None and rotation.rolling_back is not None
        if not back:
            overlap = Phase.OVERLAP
            world.go_on(key=world.new, horizon=overlap) if begun else world.start(horizon=overlap)
        end = world.go_on() if back else world.rollback()
    assert isinstance(end, Stop), end
    assert end.exit in (Exit.DONE, Exit.ROLLED_BACK), end


@pytest.mark.parametrize("way", ["forward", "there and back"])
def test_a_kill_around_any_move_of_a_key_changes_nothing_in_the_end_in_aws_and_vault(
    sandboxes: Sandboxes, way: str
) -> None:
    moves = ("promote", "restore")
    points = {"forward": 2, "there and back": 4}[way]
    for point in range(points):
        for moment in ("before", "after"):
            world = with_stores(a_world(2), sandboxes, "aws", "vault")
            seen = [0]

            def kill(
                operation: str,
                now: Moment,
                world: MemoryWorld = world,
                seen: list[int] = seen,
                at: object = (point, moment),
            ) -> None:
                if operation.rpartition(".")[2] not in moves:
                    return
                assert world.broken_laws() == []
                if (seen[0], now) == at:
                    seen[0] += 100  # once
                    raise Killed
                seen[0] += now == "after"

            world.hook = kill
            with pytest.raises(Killed):
                whole(world, way)
            mended(world)
            whole(world, way)
            assert keys(world) == (["new"] * 2 if way == "forward" else ["old"] * 2), (point, moment)
            assert nothing_is_pending(world)


def test_the_actions_of_the_iam_policy_are_exactly_those_that_a_rotation_and_its_rollback_call(
    sandboxes: Sandboxes,
) -> None:
    from rotator.adapters.store.aws_policy import policy

    worlds = [with_stores(a_world(2), sandboxes, "aws", "memory") for _ in range(2)]
    sandboxes.aws.calls.clear()
    whole(worlds[0], "forward")
    whole(worlds[1], "there and back")
    [statement] = json.loads(policy([AwsSecretRef(REGION, "prod/chat", FIELD)]))["Statement"]
    assert {f"secretsmanager:{operation}" for operation in sandboxes.aws.calls} == set(statement["Action"])
