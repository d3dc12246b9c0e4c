"""Logging in to the sandbox Vault, and its namespaces, through hvac."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hvac import Client
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from rotator.sandbox.vault import SandboxVault
from rotator.sandbox.vault_policies import Policy
from tests.unit.vault_sandbox import Connect, clients

HOUR = timedelta(hours=1)
READER: Policy = {"secret/data/prod/*": ["read"]}


@pytest.fixture
def vault() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        vault.books.write_policy("reader", READER)
        vault.books.kv().put("prod/a", {"k": 1})
        yield vault


@pytest.fixture
def connect(vault: SandboxVault) -> Iterator[Connect]:
    with clients(vault) as connect:
        yield connect


def read(client: Client) -> Any:
    return client.secrets.kv.v2.read_secret_version("prod/a", raise_on_deleted_version=True)["data"]["data"]


def lookup(client: Client) -> Any:
    return client.auth.token.lookup_self()["data"]


# Logging in


def test_approle_lets_in_by_role_id_and_secret_id(connect: Connect, vault: SandboxVault) -> None:
    secret_id = secrets.token_hex()
    vault.books.create_approle("rotator", ["reader"], role_id="r-1", secret_id=secret_id, ttl=HOUR)
    client = connect("")
    answer = client.auth.approle.login("r-1", secret_id)
    assert (answer["auth"]["lease_duration"], answer["auth"]["metadata"]) == (3600, {"role_name": "rotator"})
    assert read(client) == {"k": 1}
    for role_id, given in (("r-1", "wrong"), ("r-2", secret_id), ("r-1", "")):
        with pytest.raises(InvalidRequest, match="invalid role or secret ID"):
            connect("").auth.approle.login(role_id, given)


@pytest.mark.parametrize(
    ("kind", "wrong_token", "wrong_role"),
    [("kubernetes", Forbidden, InvalidRequest), ("jwt", InvalidRequest, InvalidRequest)],
)
def test_kubernetes_and_jwt_let_in_the_registered_token(
    connect: Connect, vault: SandboxVault, kind: Any, wrong_token: type[Exception], wrong_role: type[Exception]
) -> None:
    jwt = secrets.token_hex()
    vault.books.create_jwt_role("rotator", ["reader"], jwt=jwt, kind=kind, ttl=HOUR)

    def login(role: str, given: str) -> Client:
        client = connect("")
        method = client.auth.jwt.jwt_login if kind == "jwt" else client.auth.kubernetes.login
        method(role=role, jwt=given)
        return client

    assert read(login("rotator", jwt)) == {"k": 1}
    with pytest.raises(wrong_token):
        login("rotator", "other")
    with pytest.raises(wrong_role):
        login("nobody", jwt)


def test_a_login_can_be_mounted_elsewhere(connect: Connect, vault: SandboxVault) -> None:
    vault.books.create_jwt_role("rotator", ["reader"], jwt="j", kind="kubernetes", mount="eu-cluster")
    client = connect("")
    client.auth.kubernetes.login(role="rotator", jwt="j", mount_point="eu-cluster")
    assert lookup(client)["path"] == "auth/eu-cluster/login"
    with pytest.raises(ValueError, match="mounted for kubernetes"):
        vault.books.create_approle("r", [], role_id="r", secret_id="s", mount="eu-cluster")


def test_the_aws_login_is_not_configured(connect: Connect) -> None:
    with pytest.raises(InvalidRequest, match="not configured"):
        connect("").auth.aws.iam_login("AKIA", "secret", role="rotator")


def test_a_login_that_is_not_mounted_is_a_403(connect: Connect) -> None:
    with pytest.raises(Forbidden, match="permission denied"):
        connect("").auth.approle.login("r-1", "s")


# Namespaces


@pytest.fixture
def teams(vault: SandboxVault) -> SandboxVault:
    for name in ("a", "b"):
        vault.books.add_namespace(name)
        vault.books.mount_kv("secret", namespace=name).put("prod/a", {"in": name})
        vault.books.write_policy("reader", READER, namespace=name)
    return vault


def test_each_namespace_has_secrets_of_its_own(connect: Connect, teams: SandboxVault) -> None:
    assert [read(connect(namespace=name)) for name in ("", "a", "b")] == [{"k": 1}, {"in": "a"}, {"in": "b"}]


def test_a_token_of_one_namespace_is_refused_in_another(connect: Connect, teams: SandboxVault) -> None:
    token = teams.books.create_token("reader", namespace="a")
    assert read(connect(token, "a")) == {"in": "a"}
    assert lookup(connect(token, "a"))["namespace_path"] == "a/"
    for wrong in ("b", None):
        with pytest.raises(Forbidden, match="permission denied"):
            read(connect(token, wrong))


def test_a_policy_of_the_outer_namespace_names_the_inner_one(connect: Connect, teams: SandboxVault) -> None:
    teams.books.write_policy("outer", {"a/secret/data/*": ["read"]})
    token = teams.books.create_token("outer")
    assert read(connect(token, "a")) == {"in": "a"}
    for wrong in ("b", None):
        with pytest.raises(Forbidden):
            read(connect(token, wrong))


def test_logins_belong_to_a_namespace(connect: Connect, teams: SandboxVault) -> None:
    teams.books.create_approle("r", ["reader"], role_id="r", secret_id="s", namespace="a")
    client = connect("", "a")
    client.auth.approle.login("r", "s")
    assert read(client) == {"in": "a"}
    with pytest.raises(Forbidden):
        connect("", "b").auth.approle.login("r", "s")


def test_a_namespace_that_does_not_exist_is_a_404(connect: Connect) -> None:
    with pytest.raises(InvalidPath, match="namespace not found"):
        read(connect(namespace="nowhere"))
