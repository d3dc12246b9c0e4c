"""What Vault refuses, and how each refusal is told: which place, which right, what to do."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import tenacity

from rotator.adapters.store.vault import VaultSecretStore
from rotator.model.config import VaultConfig, VaultSecretRef
from rotator.model.errors import OutsideError, Refused, Unreachable
from rotator.model.keys import Label
from rotator.sandbox.anthropic_faults import Fault
from rotator.sandbox.vault import SandboxVault
from rotator.sandbox.vault_books import Condition
from tests.aws_world import CLAIM, make_key, version_id
from tests.vault_world import FIELD, VaultSecret, connect, refused, sandbox_place

SETTING_UP = (
    "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will "
    "resume service shortly."
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=lambda seconds: None))


@pytest.fixture
def vault() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        yield vault


@pytest.fixture
def secret(vault: SandboxVault) -> Iterator[VaultSecret]:
    with sandbox_place(vault) as place:
        yield VaultSecret(place)


def reading(secret: VaultSecret) -> Callable[[], object]:
    return lambda: secret.store.read(Label.CURRENT)


def store_by(vault: SandboxVault, secret: VaultSecret, policy: dict[str, list[str]]) -> VaultSecretStore:
    """The store, with a token of this policy."""
    vault.books.write_policy("narrow", {path.replace("PATH", secret.path): words for path, words in policy.items()})
    return VaultSecretStore(secret.ref, connect(vault, vault.books.create_token("narrow")))


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        (Condition.SEALED, "is sealed"),
        (Condition.STANDBY, "is a standby and knows no active node"),
        (Condition.DR_SECONDARY, "disaster-recovery secondary"),
    ],
)
def test_a_node_that_does_not_serve_says_why_and_may_later(
    vault: SandboxVault, secret: VaultSecret, condition: Condition, match: str
) -> None:
    vault.books.condition = condition
    error = refused(reading(secret), Unreachable, match)
    assert vault.url in error.message
    vault.books.unseal()
    assert secret.store.read(Label.CURRENT)


def test_a_standby_that_knows_the_active_node_leads_to_it(vault: SandboxVault, secret: VaultSecret) -> None:
    with SandboxVault() as standby:
        standby.books.stand_by(vault.url)
        store = VaultSecretStore(secret.ref, connect(standby, vault.root_token))
        version = store.read(Label.CURRENT)
        assert version is not None
        assert version.key == secret.original
        store.stage(version_id(), make_key(), CLAIM)
        assert store.holder()


@pytest.mark.parametrize(
    ("status", "said", "match"),
    [
        (400, SETTING_UP, "still being set up"),
        (412, "required index state not present", "has not replicated yet"),
        (429, "request path: rate limit quota exceeded", "limits the rate"),
        (472, "", "disaster-recovery secondary"),
        (473, "", "performance standby"),
        (500, "internal error", r"did not carry out GET secret/data/.* \(500\)"),
        (502, "bad gateway", r"\(502\)"),
        (503, "Vault is sealed", "is sealed"),
        (503, "overloaded", r"\(503\)"),
    ],
)
def test_what_may_pass_is_tried_again_and_then_told_apart(
    vault: SandboxVault, secret: VaultSecret, status: int, said: str, match: str
) -> None:
    reading(secret)()
    before = vault.calls.total()
    vault.faults = lambda operation: Fault(status=status, message=said)
    refused(reading(secret), Unreachable, match)
    assert vault.calls.total() - before == 4


def test_a_write_that_met_a_mount_being_set_up_is_made_again(vault: SandboxVault, secret: VaultSecret) -> None:
    times = [0]

    def setting_up(operation: str) -> Fault | None:
        if not operation.startswith("POST secret/data"):
            return None
        times[0] += 1
        return Fault(status=400, message=SETTING_UP) if times[0] == 1 else None

    vault.faults = setting_up
    secret.store.stage(version_id(), make_key(), CLAIM)
    assert secret.store.holder()


def test_a_node_that_lags_behind_is_asked_again(vault: SandboxVault, secret: VaultSecret) -> None:
    reading(secret)()
    vault.books.behind = 2
    assert secret.store.read(Label.CURRENT)


@pytest.mark.parametrize(
    ("status", "said", "match"),
    [
        (400, "Client sent an HTTP request to an HTTPS server.", "must be addressed by https"),
        (400, "check-and-set parameter required for this call", "demands check-and-set"),
        (405, "unsupported operation", "no KV version 2"),
        (501, "", "is not initialised"),
        (418, "hvs.CAESIJlongtoken and sk-ant-api99-something", "Vault says: .a secret. and .a secret."),
    ],
)
def test_a_clear_refusal_is_not_repeated(
    vault: SandboxVault, secret: VaultSecret, status: int, said: str, match: str
) -> None:
    reading(secret)()
    before = vault.calls.total()
    vault.faults = lambda operation: Fault(status=status, message=said)
    refused(reading(secret), Refused, match)
    assert vault.calls.total() - before == 1


def test_check_and_set_that_the_mount_requires_is_what_we_always_do(vault: SandboxVault, secret: VaultSecret) -> None:
    vault.books.kv().config.cas_required = True
    new, key = version_id(), make_key()
    secret.store.stage(new, key, CLAIM)
    secret.store.promote(new, f"key-{secret.original.fingerprint.digest}")
    assert secret.key() == key


def test_a_version_one_engine_is_recognised_and_refused_before_anything_is_written(
    vault: SandboxVault, secret: VaultSecret
) -> None:
    vault.books.mount_kv_v1("old")
    store = VaultSecretStore(VaultSecretRef("old", "prod/chat", FIELD), secret.place.connection)
    error = refused(lambda: store.stage(version_id(), make_key(), CLAIM), Refused, "KV version 1")
    assert "enable-versioning" in error.hint
    refused(lambda: store.read(Label.CURRENT), Refused, "KV version 1")
    assert not [operation for operation in vault.calls if operation.startswith("POST old")]


def test_a_softly_deleted_secret_is_refused_with_the_command_that_brings_it_back(secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.delete_latest_version_of_secret(secret.path, mount_point="secret")
    error = refused(reading(secret), Refused, "Version 1 of .* is deleted, and can be brought back")
    assert f"vault kv undelete -mount=secret -versions=1 {secret.path}" in error.hint


def test_a_destroyed_secret_is_refused(secret: VaultSecret) -> None:
    secret.place.client.secrets.kv.v2.destroy_secret_versions(secret.path, versions=[1], mount_point="secret")
    refused(reading(secret), Refused, "is destroyed: nothing brings it back")


def test_a_mount_that_is_not_there_is_refused(secret: VaultSecret) -> None:
    store = VaultSecretStore(VaultSecretRef("secrets", "prod/chat", FIELD), secret.place.connection)
    refused(lambda: store.read(Label.CURRENT), Refused, "nothing mounted")


def test_a_wrong_namespace_is_refused_naming_it(vault: SandboxVault, secret: VaultSecret) -> None:
    connection = connect(vault, environ={"VAULT_NAMESPACE": "team"})
    store = VaultSecretStore(secret.ref, connection)
    error = refused(lambda: store.read(Label.CURRENT), Refused, "namespace team: there is no such namespace")
    assert "VAULT_NAMESPACE" in error.hint


def test_a_secret_in_a_namespace_is_reached_through_it(vault: SandboxVault) -> None:
    vault.books.add_namespace("team")
    kv = vault.books.mount_kv("secret", namespace="team")
    key = make_key()
    kv.put("chat", {FIELD: key.reveal()})
    connection = connect(vault, config=VaultConfig(namespace="team"))
    version = VaultSecretStore(VaultSecretRef("secret", "chat", FIELD), connection).read(Label.CURRENT)
    assert version is not None
    assert version.key == key


def test_a_denied_read_names_path_and_capability_and_what_may_be_done(vault: SandboxVault, secret: VaultSecret) -> None:
    store = store_by(vault, secret, {"secret/data/PATH": ["list"]})
    error = refused(lambda: store.read(Label.CURRENT), Refused, f"may not read secret/data/{secret.path}")
    assert "it may do list there" in error.message
    assert f'path "secret/data/{secret.path}" {{ capabilities = ["read"] }}' in error.hint


@pytest.mark.parametrize(
    ("policy", "match"),
    [
        ({"secret/data/PATH": ["read"]}, "may not create or update secret/data/.*pending"),
        ({"secret/data/PATH": ["read"], "secret/data/PATH.pending": ["read", "update"]}, "may not create secret/data"),
    ],
)
def test_a_denied_write_names_the_capability_that_is_missing(
    vault: SandboxVault, secret: VaultSecret, policy: dict[str, list[str]], match: str
) -> None:
    store = store_by(vault, secret, policy)
    refused(lambda: store.stage(version_id(), make_key(), CLAIM), Refused, match)


def test_a_denied_note_leaves_the_secret_as_it_was(vault: SandboxVault, secret: VaultSecret) -> None:
    store = store_by(
        vault, secret, {"secret/data/PATH": ["read", "update"], "secret/data/PATH.pending": ["create", "read"]}
    )
    new, old = version_id(), f"key-{secret.original.fingerprint.digest}"
    store.stage(new, make_key(), CLAIM)
    refused(lambda: store.promote(new, old), Refused, "may not create or update secret/metadata/")
    assert (secret.key(), secret.number) == (secret.original, 1)


def test_a_denied_removal_of_the_sibling_is_told(vault: SandboxVault, secret: VaultSecret) -> None:
    store = store_by(
        vault, secret, {"secret/data/PATH": ["read"], "secret/data/PATH.pending": ["create", "read", "update"]}
    )
    new = version_id()
    store.stage(new, make_key(), CLAIM)
    refused(lambda: store.discard(new), Refused, "may not delete secret/metadata/.*pending")


def test_a_refused_write_says_nothing_of_the_key(vault: SandboxVault, secret: VaultSecret) -> None:
    key = make_key()
    for fault in (Fault(status=400, message="no"), Fault(drop=True), Fault(status=500, message="no")):
        vault.faults = lambda operation, fault=fault: fault if operation.startswith("POST") else None  # type: ignore[misc]  # a default binds the loop's value
        with pytest.raises(OutsideError) as raised:
            secret.store.stage(version_id(), key, CLAIM)
        shown = "".join(traceback.TracebackException.from_exception(raised.value).format())
        assert key.reveal() not in shown
        assert vault.root_token not in shown
