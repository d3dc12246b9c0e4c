from __future__ import annotations

from pathlib import Path

import pytest

from rotator.loader import config_schema, load_config
from rotator.model.config import (
    EnvSource,
    FileSource,
    VaultAppRole,
    VaultAuth,
    VaultAws,
    VaultConfig,
    VaultJwt,
    VaultKubernetes,
)
from rotator.model.errors import ConfigError
from tests.unit.test_loader_config import SMALL, a_key, refused, write


def read(folder: Path, block: str) -> VaultConfig | None:
    return load_config(write(folder, SMALL + block)).vault


def test_without_a_vault_block_there_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, "") is None


def test_everything_that_may_be_said_is_read(tmp_path: Path) -> None:
    block = """\
vault:
  address: https://vault.internal:8200
  namespace: team/chat/
  ca_cert: ca.pem
  pending_suffix: -next
  auth: {approle: {role_id: 5f3b-1, secret_id: "file:secret-id", mount: ci/approle}}
"""
    assert read(tmp_path, block) == VaultConfig(
        address="https://vault.internal:8200",
        namespace="team/chat",
        ca_cert=str(tmp_path / "ca.pem"),
        pending_suffix="-next",
        auth=VaultAppRole(role_id="5f3b-1", secret_id=FileSource(str(tmp_path / "secret-id")), mount="ci/approle"),
    )


@pytest.mark.parametrize(
    ("auth", "wanted"),
    [
        (
            "{approle: {role_id: env:R, secret_id: env:S}}",
            VaultAppRole(role_id=EnvSource("R"), secret_id=EnvSource("S")),
        ),
        ("{kubernetes: {role: rotator}}", VaultKubernetes(role="rotator")),
        (
            "{kubernetes: {role: rotator, token: file:/t}}",
            VaultKubernetes(role="rotator", token=FileSource("/t")),
        ),
        ("{jwt: {role: ci, token: env:CI_JWT}}", VaultJwt(role="ci", token=EnvSource("CI_JWT"))),
        ("{aws: {role: rotator}}", VaultAws(role="rotator")),
    ],
)
def test_every_login_is_read(tmp_path: Path, auth: str, wanted: VaultAuth) -> None:
    assert read(tmp_path, f"vault: {{auth: {auth}}}\n") == VaultConfig(auth=wanted)


@pytest.mark.parametrize(
    ("block", "place", "meant"),
    [
        ("vault: {adress: https://v}", "vault.adress", "did you mean `address`"),
        ("vault: {auth: {aprole: {role_id: a, secret_id: env:S}}}", "vault.auth.aprole", "did you mean `approle`"),
        (
            "vault: {auth: {approle: {roleid: a, secret_id: env:S}}}",
            "vault.auth.approle.roleid",
            "did you mean `role_id`",
        ),
        ("vault: {kubernetes: {role: r}}", "vault.kubernetes", "unknown key; known here: address"),
        ("vault: {auth: {}}", "vault.auth", "exactly one of `approle`, `kubernetes`, `jwt`, `aws`"),
        ("vault: {auth: {aws: {role: a}, jwt: {role: b, token: env:T}}}", "vault.auth", "exactly one of"),
        ("vault: {auth: {jwt: {role: b}}}", "vault.auth.jwt.token", "is missing"),
        ("vault: {auth: {jwt: {role: b, token: vault://a/b#c}}}", "vault.auth.jwt.token", "needed to reach the store"),
        ("vault: {address: vault.internal:8200}", "vault.address", "not an http"),
        ("vault: {pending_suffix: /x}", "vault.pending_suffix", "cannot follow"),
        ("vault: {namespace: a//b}", "vault.namespace", "not the path"),
        ("vault:", "vault", "is empty"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_meant(tmp_path: Path, block: str, place: str, meant: str) -> None:
    error = refused(tmp_path, SMALL + block + "\n")
    text = f"{error.message} {error.hint}"
    assert place in text
    assert meant in text


@pytest.mark.parametrize("field", ["secret_id", "role_id"])
def test_a_secret_value_in_the_file_itself_is_refused_and_not_repeated(tmp_path: Path, field: str) -> None:
    value = a_key()
    other = "role_id: a" if field == "secret_id" else "secret_id: env:S"
    block = f"vault: {{auth: {{approle: {{{field}: 'hvs/{value}', {other}}}}}}}\n"
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, block)
    assert value not in str(raised.value)


def test_the_schema_knows_the_vault_block(tmp_path: Path) -> None:
    schema = config_schema()
    assert "vault" in schema["properties"]
    assert set(schema["$defs"]["AuthShape"]["properties"]) == {"approle", "kubernetes", "jwt", "aws"}
    assert schema["$defs"]["AppRoleShape"]["properties"]["secret_id"]["type"] == "string"
