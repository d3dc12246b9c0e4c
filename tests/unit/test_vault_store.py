"""What the Vault store does beyond the contract: siblings, other fields, names of versions, history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.adapters.clock import SystemClock
from rotator.adapters.store.vault import VaultSecretStore
from rotator.model.config import AnthropicConfig, Config, Credential, VaultConfig, VaultSecretRef
from rotator.model.errors import Refused, StoreConflict
from rotator.model.keys import KeyText, Label
from rotator.sandbox.memory_journal import MemoryJournal
from rotator.sandbox.vault import SandboxVault
from rotator.wiring import Workplace
from tests.aws_world import CLAIM, make_key, version_id
from tests.vault_world import FIELD, OTHERS, VaultPlace, VaultSecret, sandbox_place


@pytest.fixture(scope="module")
def vault() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        yield vault


@pytest.fixture(scope="module")
def place(vault: SandboxVault) -> Iterator[VaultPlace]:
    with sandbox_place(vault) as place:
        yield place


@pytest.fixture
def secret(place: VaultPlace) -> VaultSecret:
    return VaultSecret(place)


def current_id(secret: VaultSecret) -> str:
    version = secret.store.read(Label.CURRENT)
    assert version is not None
    return version.id


def staged(secret: VaultSecret) -> tuple[str, str, KeyText]:
    """The ids of the old and of the new version, and the new key."""
    old, new, key = current_id(secret), version_id(), make_key()
    secret.store.stage(new, key, CLAIM)
    return old, new, key


def promoted(secret: VaultSecret) -> tuple[str, str, KeyText]:
    old, new, key = staged(secret)
    secret.store.promote(new, old)
    return old, new, key


def test_staging_leaves_the_secret_itself_untouched(secret: VaultSecret) -> None:
    before = secret.metadata()
    staged(secret)
    assert secret.metadata() == before


def test_the_sibling_says_whose_it_is_and_has_another_suffix_where_one_is_configured(place: VaultPlace) -> None:
    secret = VaultSecret(place, suffix="-next")
    _, new, key = staged(secret)
    found = place.client.secrets.kv.v2.read_secret_version(secret.sibling, raise_on_deleted_version=True)["data"][
        "data"
    ]
    assert secret.sibling.endswith("-next")
    assert found == {
        FIELD: key.reveal(),
        "rotator_version": new,
        "rotator_rotation": CLAIM.rotation,
        "rotator_by": CLAIM.by,
        "rotator_at": CLAIM.at.isoformat(),
    }


def test_promotion_says_in_the_metadata_which_rotation_wrote_which_key_when_and_who(secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.update_metadata(
        secret.path, custom_metadata={"team": "chat"}, mount_point="secret"
    )
    _, new, key = promoted(secret)
    assert secret.metadata()["custom_metadata"] == {
        "team": "chat",
        "rotator_version": new,
        "rotator_key": key.fingerprint.digest,
        "rotator_rotation": CLAIM.rotation,
        "rotator_by": CLAIM.by,
        "rotator_at": CLAIM.at.isoformat(),
    }


def test_an_edit_of_another_field_before_the_promotion_is_kept(secret: VaultSecret) -> None:
    old, new, key = staged(secret)
    secret.edit(other="edited meanwhile", more="new")
    secret.store.promote(new, old)
    assert secret.fields() == {**OTHERS, "other": "edited meanwhile", "more": "new", FIELD: key.reveal()}


def test_an_edit_of_another_field_after_the_promotion_changes_no_versions_name(secret: VaultSecret) -> None:
    old, new, _ = promoted(secret)
    secret.edit(other="edited later")
    assert current_id(secret) == new
    secret.store.restore(old, new)
    assert secret.fields() == {**OTHERS, "other": "edited later", FIELD: secret.original.reveal()}


def test_an_edit_of_the_keys_own_field_is_a_conflict(secret: VaultSecret) -> None:
    old, new, _ = staged(secret)
    theirs = make_key()
    secret.edit(**{FIELD: theirs.reveal()})
    with pytest.raises(StoreConflict, match="somebody else wrote the key"):
        secret.store.promote(new, old)
    assert secret.key() == theirs


def test_a_version_without_our_note_is_named_by_its_key(secret: VaultSecret) -> None:
    assert current_id(secret) == f"key-{secret.original.fingerprint.digest}"


def test_an_earlier_rotations_name_outlives_the_next_one(secret: VaultSecret) -> None:
    _, first, _ = promoted(secret)
    secret.store.discard(first)
    _, second, _ = promoted(secret)
    previous = secret.store.read(Label.PREVIOUS)
    assert previous is not None
    assert previous.id == first
    secret.store.restore(first, second)
    assert current_id(secret) == first


def test_a_wiped_note_hinders_neither_a_repeated_promotion_nor_the_rollback(secret: VaultSecret) -> None:
    old, new, _ = promoted(secret)
    wipe = {"custom_metadata": {}, "mount_point": "secret"}
    secret.place.client.secrets.kv.v2.update_metadata(secret.path, **wipe)
    secret.store.promote(new, old)
    assert (current_id(secret), secret.number) == (new, 2)
    secret.place.client.secrets.kv.v2.update_metadata(secret.path, **wipe)
    secret.store.restore(old, new)
    assert secret.key() == secret.original


def test_restoring_from_a_history_that_has_dropped_the_key_is_refused(secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.update_metadata(secret.path, max_versions=2, mount_point="secret")
    old, new, key = promoted(secret)
    for turn in range(2):
        secret.edit(other=f"edit {turn}")
    with pytest.raises(Refused, match="no longer in its history") as refused:
        secret.store.restore(old, new)
    assert "max_versions" in refused.value.hint
    assert secret.key() == key


@pytest.mark.parametrize("how", ["delete_secret_versions", "destroy_secret_versions"])
def test_restoring_a_deleted_or_destroyed_version_is_refused(secret: VaultSecret, how: str) -> None:
    old, new, key = promoted(secret)
    getattr(secret.place.client.secrets.kv.v2, how)(secret.path, versions=[1], mount_point="secret")
    with pytest.raises(Refused, match="dropped, deleted or destroyed"):
        secret.store.restore(old, new)
    assert secret.key() == key


def test_restoring_skips_versions_that_only_changed_other_fields(secret: VaultSecret) -> None:
    secret.edit(other="before")
    old, new, _ = promoted(secret)
    secret.edit(other="after")
    secret.store.restore(old, new)
    assert secret.key() == secret.original
    previous = secret.store.read(Label.PREVIOUS)
    assert previous is not None
    assert previous.id == new


def test_a_sibling_that_was_softly_deleted_is_staged_over(secret: VaultSecret) -> None:
    secret.put({"x": "y"}, secret.sibling)
    secret.place.client.secrets.kv.v2.delete_latest_version_of_secret(secret.sibling, mount_point="secret")
    assert secret.store.holder() is None
    _, new, key = staged(secret)
    pending = secret.store.read(Label.PENDING)
    assert pending is not None
    assert (pending.id, pending.key) == (new, key)


def test_a_sibling_that_rotator_did_not_write_is_somebody_elses(secret: VaultSecret) -> None:
    secret.put({"x": "y"}, secret.sibling)
    holding = secret.store.holder()
    assert holding is not None
    assert (holding.version_id, holding.claim) == ("v1", None)
    with pytest.raises(StoreConflict, match="somebody else") as refused:
        staged(secret)
    assert "vault kv metadata delete" in refused.value.hint


def test_discarding_removes_every_trace_of_the_sibling(secret: VaultSecret, vault: SandboxVault) -> None:
    old, new, _ = staged(secret)
    secret.store.discard(new)
    assert secret.sibling not in vault.books.kv().secrets
    assert secret.metadata()["custom_metadata"] is None
    assert current_id(secret) == old


def test_a_claim_with_unprintable_or_endless_text_is_still_written(secret: VaultSecret) -> None:
    claim = type(CLAIM)(rotation="rot\n1", by="é" * 999, at=datetime(2026, 11, 23, tzinfo=UTC))
    new = version_id()
    secret.store.stage(new, make_key(), claim)
    secret.store.promote(new, f"key-{secret.original.fingerprint.digest}")
    assert current_id(secret) == new


def test_a_missing_field_is_refused_with_the_nearest_name_before_anything_is_written(secret: VaultSecret) -> None:
    ref = VaultSecretRef("secret", secret.path, "api_kez")
    store = VaultSecretStore(ref, secret.place.connection)
    with pytest.raises(Refused, match="no field 'api_kez'") as refused:
        store.stage(version_id(), make_key(), CLAIM)
    assert "'api_key'" in refused.value.hint
    assert store.holder() is None


def test_a_field_that_is_no_text_is_refused(secret: VaultSecret) -> None:
    store = VaultSecretStore(VaultSecretRef("secret", secret.path, "number"), secret.place.connection)
    with pytest.raises(Refused, match="not a string"):
        store.read(Label.CURRENT)


def test_a_rotation_needs_no_more_than_ten_requests(vault: SandboxVault, secret: VaultSecret) -> None:
    old = current_id(secret)
    before = vault.calls.total()
    new, key = version_id(), make_key()
    secret.store.stage(new, key, CLAIM)
    secret.store.read(Label.PENDING)
    secret.store.promote(new, old)
    secret.store.read(Label.CURRENT)
    secret.store.discard(new)
    assert vault.calls.total() - before == 10


def test_nothing_that_prints_a_store_or_its_parts_shows_a_key(secret: VaultSecret) -> None:
    _, _, key = staged(secret)
    content, sibling = secret.store._calls.content(), secret.store._calls.sibling()
    for text in (repr(secret.store), repr(content), repr(sibling), repr(secret.place.connection)):
        assert key.reveal() not in text
        assert secret.original.reveal() not in text


def test_the_workplace_hands_out_vault_stores_that_share_one_connection(
    vault: SandboxVault, secret: VaultSecret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_TOKEN", vault.root_token)
    credentials = {"chat": Credential(name="chat", issuer=AnthropicConfig(), secrets=(secret.ref,), consumers=())}
    config = Config(
        path=str(tmp_path / "rotate.yaml"),
        journal=None,
        notify=(),
        credentials=credentials,
        vault=VaultConfig(pending_suffix="-next"),
    )
    workplace = Workplace(config, MemoryJournal(), SystemClock())
    before = vault.calls["GET auth/token/lookup-self"]
    for _ in range(2):
        store = workplace.ports(credentials["chat"]).stores[str(secret.ref)]
        version = store.read(Label.CURRENT)
        assert version is not None
        assert version.key == secret.original
    assert vault.calls["GET auth/token/lookup-self"] == before + 1
    store.stage(version_id(), make_key(), CLAIM)
    assert f"{secret.path}-next" in vault.books.kv().secrets
    workplace.vault.close()
