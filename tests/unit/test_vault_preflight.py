"""What is known of a Vault secret before its rotation starts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rotator.adapters.store.vault import VaultSecretStore
from rotator.adapters.store.vault_preflight import policy, rights
from rotator.model.errors import Refused
from rotator.model.keys import Label
from rotator.sandbox.vault import SandboxVault
from tests.aws_world import CLAIM, make_key, version_id
from tests.vault_world import VaultSecret, connect, sandbox_place


@pytest.fixture
def vault() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        yield vault


@pytest.fixture
def secret(vault: SandboxVault) -> Iterator[VaultSecret]:
    with sandbox_place(vault) as place:
        yield VaultSecret(place)


def least(vault: SandboxVault, secret: VaultSecret, *, first: bool = False, without: str = "") -> VaultSecretStore:
    """The store with a token of the least policy, but for one path's rights."""
    needed = {path: words for path, words in rights(secret.ref, first=first).items() if path != without}
    vault.books.write_policy("rotator", needed)
    return VaultSecretStore(secret.ref, connect(vault, vault.books.create_token("rotator")))


def test_a_secret_that_is_in_order_gives_no_warning(secret: VaultSecret) -> None:
    assert list(secret.store.warnings()) == []


@pytest.mark.parametrize("first", [False, True])
def test_the_least_policy_suffices_for_a_whole_rotation_and_its_rollback(
    vault: SandboxVault, secret: VaultSecret, first: bool
) -> None:
    if first:
        vault.books.kv().forget(secret.path)
    store = least(vault, secret, first=first)
    assert list(store.warnings()) == []
    old, new, key = store.read(Label.CURRENT), version_id(), make_key()
    store.stage(new, key, CLAIM)
    store.promote(new, old.id if old else None)
    if old:
        store.restore(old.id, new)
    store.discard(new)
    assert secret.key() == (secret.original if old else key)


@pytest.mark.parametrize("kind", ["data", "metadata"])
@pytest.mark.parametrize("suffix", ["", ".pending"])
def test_a_missing_right_is_refused_beforehand_naming_it(
    vault: SandboxVault, secret: VaultSecret, kind: str, suffix: str
) -> None:
    path = f"secret/{kind}/{secret.path}{suffix}"
    store = least(vault, secret, without=path)
    with pytest.raises(Refused, match=f"{path} needs|may not read {path}") as refused:
        store.warnings()
    assert "polic" in refused.value.hint


def test_a_mount_s_settings_that_may_not_be_read_are_a_warning(vault: SandboxVault, secret: VaultSecret) -> None:
    (warning,) = least(vault, secret, without="secret/config").warnings()
    assert "cannot be told" in warning


def test_a_history_of_one_version_is_refused_beforehand(secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.update_metadata(secret.path, max_versions=1, mount_point="secret")
    with pytest.raises(Refused, match="keeps one version only") as refused:
        secret.store.warnings()
    assert "-max-versions=10" in refused.value.hint


def test_a_short_history_is_a_warning_unless_the_mount_keeps_more(vault: SandboxVault, secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.update_metadata(secret.path, max_versions=3, mount_point="secret")
    (warning,) = secret.store.warnings()
    assert "2 edits of other fields" in warning
    vault.books.kv().config.max_versions = 20
    assert list(secret.store.warnings()) == []


def test_versions_that_delete_themselves_are_a_warning(secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.update_metadata(secret.path, delete_version_after="72h", mount_point="secret")
    (warning,) = secret.store.warnings()
    assert "delete themselves after 72h" in warning


def test_a_softly_deleted_secret_is_told_beforehand(secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.delete_latest_version_of_secret(secret.path, mount_point="secret")
    with pytest.raises(Refused, match="can be brought back"):
        secret.store.warnings()


def test_the_printed_policy_says_the_same_as_the_rights(secret: VaultSecret) -> None:
    printed, wanted = policy([secret.ref]), rights(secret.ref)
    assert printed.count("path ") == len(wanted)
    for path, words in wanted.items():
        assert f'path "{path}" {{\n  capabilities = {json.dumps(list(words))}\n}}\n' in printed
