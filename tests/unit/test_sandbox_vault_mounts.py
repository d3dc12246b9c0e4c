"""The sandbox Vault's mounts through hvac: lists, KV version 1 beside version 2, and what a mount refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hvac.exceptions import InvalidPath, InvalidRequest, UnexpectedError

from rotator.sandbox.vault import SandboxVault
from tests.unit.vault_sandbox import Connect, clients, raw

PATH = "prod/anthropic"


@pytest.fixture
def vault() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        yield vault


@pytest.fixture
def connect(vault: SandboxVault) -> Iterator[Connect]:
    with clients(vault) as connect:
        yield connect


@pytest.fixture
def kv(connect: Connect) -> Any:
    return connect().secrets.kv.v2


def test_a_folder_is_listed_by_the_verb_and_by_the_query(kv: Any, vault: SandboxVault) -> None:
    for path in ("prod/b", "prod/a", "prod/deep/c", "top"):
        kv.create_or_update_secret(path, {})
    assert kv.list_secrets("prod")["data"]["keys"] == ["a", "b", "deep/"]
    assert kv.list_secrets("")["data"]["keys"] == ["prod/", "top"]
    assert raw(vault, "GET", "/v1/secret/metadata/prod?list=true")[1]["data"]["keys"] == ["a", "b", "deep/"]
    for nothing in ("nowhere", "top"):
        with pytest.raises(InvalidPath):
            kv.list_secrets(nothing)


def test_a_path_without_data_is_a_404_with_the_warning_of_version_2(connect: Connect) -> None:
    with pytest.raises(InvalidPath) as caught:
        connect().secrets.kv.v1.read_secret(PATH)
    assert "Invalid path for a versioned K/V secrets engine" in caught.value.json["warnings"][0]


def test_version_1_is_served_and_told_from_version_2(connect: Connect, vault: SandboxVault) -> None:
    vault.books.mount_kv_v1("old")
    client = connect()
    client.secrets.kv.v1.create_or_update_secret(PATH, {"api_key": "one"}, mount_point="old")
    assert client.secrets.kv.v1.read_secret(PATH, mount_point="old")["data"] == {"api_key": "one"}
    assert client.secrets.kv.v1.list_secrets("prod", mount_point="old")["data"]["keys"] == ["anthropic"]
    with pytest.raises(InvalidPath):
        client.secrets.kv.v2.read_secret_version(PATH, mount_point="old", raise_on_deleted_version=True)
    for mount, version in (("old", "1"), ("secret", "2")):
        assert client.sys.read_mount_configuration(mount)["data"]["options"] == {"version": version}
        seen = client.adapter.get(f"/v1/sys/internal/ui/mounts/{mount}/{PATH}")["data"]
        assert (seen["type"], seen["options"], seen["path"]) == ("kv", {"version": version}, f"{mount}/")
        assert client.sys.list_mounted_secrets_engines()["data"][f"{mount}/"]["options"] == {"version": version}
    with pytest.raises(InvalidRequest, match="cannot fetch sysview"):
        client.sys.read_mount_configuration("nowhere")
    client.secrets.kv.v1.delete_secret(PATH, mount_point="old")
    with pytest.raises(InvalidPath):
        client.secrets.kv.v1.read_secret(PATH, mount_point="old")


def test_an_engine_is_mounted_and_taken_away_over_http(connect: Connect) -> None:
    client = connect()
    client.sys.enable_secrets_engine("kv", path="team/kv", options={"version": "2"})
    client.secrets.kv.v2.create_or_update_secret(PATH, {"a": 1}, mount_point="team/kv")
    with pytest.raises(InvalidRequest, match="already in use"):
        client.sys.enable_secrets_engine("kv", path="team/kv")
    client.sys.disable_secrets_engine("team/kv")
    with pytest.raises(InvalidPath, match="no handler for route"):
        client.secrets.kv.v2.read_secret_version(PATH, mount_point="team/kv", raise_on_deleted_version=True)


def test_a_verb_that_a_path_does_not_know_is_a_405_which_hvac_calls_unexpected(connect: Connect) -> None:
    with pytest.raises(UnexpectedError, match="unsupported operation"):
        connect().adapter.delete(f"/v1/secret/destroy/{PATH}")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("data/p", {}, "no data provided"),
        ("data/p", {"data": [1]}, "expected a map"),
        ("delete/p", {}, "No version number provided"),
        ("destroy/p", {"versions": ["all"]}, "expected an integer"),
        ("metadata/p", {"max_versions": "many"}, "expected an integer"),
        ("metadata/p", {"cas_required": "yes"}, "expected a boolean"),
        ("metadata/p", {"delete_version_after": "soon"}, "expected a duration"),
        ("metadata/p", {"custom_metadata": {str(n): "x" for n in range(65)}}, "at most 64 keys"),
        ("metadata/p", {"custom_metadata": {"a": "\x00"}}, "unprintable"),
        ("metadata/p", {"custom_metadata": {"a": ["x"]}}, "custom_metadata"),
    ],
)
def test_what_cannot_be_read_is_a_400(vault: SandboxVault, path: str, body: object, message: str) -> None:
    status, answer, _ = raw(vault, "POST", f"/v1/secret/{path}", body)
    assert status == 400
    assert message in answer["errors"][0]
