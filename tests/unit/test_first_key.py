"""The first key of a secret that stands there already, with its other fields and an empty place for the key."""

from __future__ import annotations

import json
from typing import cast

from rotator.adapters.store.aws import AwsSecretStore
from rotator.adapters.store.vault import VaultSecretStore
from rotator.model.config import AwsSecretRef, VaultSecretRef
from rotator.model.decision import Exit, Stop
from rotator.ports import SecretStore
from rotator.sandbox.aws import SandboxAws
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.memory_world import MemoryWorld
from rotator.sandbox.vault import SandboxVault
from tests.aws_world import FIELD, REGION, client_of, secret_name
from tests.unit.engine_world import quick
from tests.vault_world import sandbox_place

EMPTY = {FIELD: "", "other": "as it was"}


def first_in(store: SecretStore) -> MemoryWorld:
    world = quick(first=True, secrets=1, consumers=())
    world.stores = {ref: cast(MemorySecretStore, store) for ref in world.stores}  # stands at the same port
    assert world.start() == Stop(Exit.DONE, "the rotation is complete")
    assert store.holder() is None
    return world


def test_in_aws_it_is_written_into_the_empty_field_and_the_others_stay() -> None:
    with SandboxAws() as aws:
        client, ref = client_of(aws), AwsSecretRef(REGION, secret_name(), FIELD)
        client.create_secret(Name=ref.name, SecretString=json.dumps(EMPTY))
        world = first_in(AwsSecretStore(ref, client=client))
        written = json.loads(client.get_secret_value(SecretId=ref.name, VersionStage="AWSCURRENT")["SecretString"])
        assert written == {**EMPTY, FIELD: world.new.reveal()}


def test_in_vault_it_is_written_into_the_empty_field_and_the_others_stay() -> None:
    with SandboxVault() as vault, sandbox_place(vault) as place:
        kv, path = place.client.secrets.kv.v2, place.path()
        kv.create_or_update_secret(path, EMPTY, mount_point="secret")
        world = first_in(VaultSecretStore(VaultSecretRef("secret", path, FIELD), place.connection))
        read = kv.read_secret_version(path, mount_point="secret", raise_on_deleted_version=True)
        assert read["data"]["data"] == {**EMPTY, FIELD: world.new.reveal()}
