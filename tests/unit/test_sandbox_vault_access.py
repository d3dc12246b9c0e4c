"""The sandbox Vault's tokens and policies, through hvac."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hvac import Client
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from rotator.sandbox.vault import SandboxVault
from rotator.sandbox.vault_policies import Policy, granted
from tests.anthropic_world import StillClock
from tests.unit.vault_sandbox import Connect, clients, raw

HOUR = timedelta(hours=1)
READER: Policy = {"secret/data/prod/*": ["read"]}
WRITER: Policy = {"secret/data/prod/*": ["create", "update"], "secret/metadata/prod/": ["list"]}


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def vault(clock: StillClock) -> Iterator[SandboxVault]:
    with SandboxVault(now=clock.now) as vault:
        vault.books.write_policy("reader", READER)
        vault.books.kv().put("prod/a", {"k": 1})
        yield vault


@pytest.fixture
def connect(vault: SandboxVault) -> Iterator[Connect]:
    with clients(vault) as connect:
        yield connect


def read(client: Client, path: str = "prod/a") -> Any:
    return client.secrets.kv.v2.read_secret_version(path, raise_on_deleted_version=True)["data"]["data"]


def write(client: Client, path: str) -> None:
    client.secrets.kv.v2.create_or_update_secret(path, {})


def lookup(client: Client) -> Any:
    return client.auth.token.lookup_self()["data"]


# Policies


@pytest.mark.parametrize(
    ("policies", "path", "expected"),
    [
        ([{"a/b": ["read"]}], "a/b", {"read"}),
        ([{"a/b": ["read"]}], "a/b/c", {"deny"}),
        ([{"a/*": ["read"]}, {"a/*": ["list"]}], "a/b/c", {"read", "list"}),
        ([{"a/*": ["read"]}, {"a/b": ["list"]}], "a/b", {"list"}),
        ([{"a/*": ["read"], "a/b*": ["list"]}], "a/bc", {"list"}),
        ([{"a/*": ["read"]}, {"a/*": ["deny"]}], "a/b", {"deny"}),
        ([{"a/+/c": ["read"]}], "a/b/c", {"read"}),
        ([{"a/+/c": ["read"]}], "a/b/d/c", {"deny"}),
        ([{"a/+/c": ["read"], "a/b/*": ["list"]}], "a/b/c", {"list"}),
        ([{"+/b/c": ["read"], "+/+/c": ["list"]}], "a/b/c", {"read"}),
        ([{"a+b": ["read"]}], "a+b", {"read"}),
        ([], "a", {"deny"}),
    ],
)
def test_the_most_specific_pattern_of_all_policies_counts(
    policies: list[Policy], path: str, expected: set[str]
) -> None:
    assert granted(policies, path) == expected


def test_what_no_policy_grants_is_a_403(connect: Connect, vault: SandboxVault) -> None:
    client = connect(vault.books.create_token("reader"))
    assert read(client) == {"k": 1}
    for path in ("prod/a", "prod/new"):
        with pytest.raises(Forbidden) as caught:
            write(client, path)
        assert caught.value.errors == ["1 error occurred:\n\t* permission denied\n\n"]


def test_what_is_not_granted_is_a_403_before_it_is_a_404(connect: Connect, vault: SandboxVault) -> None:
    client = connect(vault.books.create_token("reader"))
    with pytest.raises(InvalidPath):
        read(client, "prod/absent")
    with pytest.raises(Forbidden):
        read(client, "other/absent")


@pytest.mark.parametrize(
    ("capability", "path", "other"), [("create", "prod/new", "prod/a"), ("update", "prod/a", "prod/new")]
)
def test_creating_and_updating_are_two_capabilities(
    connect: Connect, vault: SandboxVault, capability: str, path: str, other: str
) -> None:
    vault.books.write_policy("one", {"secret/data/*": [capability]})
    client = connect(vault.books.create_token("one"))
    with pytest.raises(Forbidden):
        write(client, other)
    write(client, path)


def test_listing_is_granted_with_the_slash_at_the_end(connect: Connect, vault: SandboxVault) -> None:
    vault.books.write_policy("writer", WRITER)
    listed = connect(vault.books.create_token("writer")).secrets.kv.v2.list_secrets("prod")
    assert listed["data"]["keys"] == ["a"]
    with pytest.raises(Forbidden):
        connect(vault.books.create_token("reader")).secrets.kv.v2.list_secrets("prod")


def test_a_token_may_ask_what_it_may_do(connect: Connect, vault: SandboxVault) -> None:
    vault.books.write_policy("writer", WRITER)
    client = connect(vault.books.create_token("reader", "writer"))
    several = client.sys.get_capabilities(["secret/data/prod/a", "secret/destroy/prod/a"])
    assert several["data"] == {
        "secret/data/prod/a": ["create", "read", "update"],
        "secret/destroy/prod/a": ["deny"],
    }
    assert several["secret/destroy/prod/a"] == ["deny"]
    assert client.sys.get_capabilities(["secret/data/prod/a"])["capabilities"] == ["create", "read", "update"]
    assert connect().sys.get_capabilities(["any/thing"])["data"]["any/thing"] == ["root"]


def test_a_policy_is_written_over_http_as_json_or_as_the_hcl_that_rotate_prints(
    connect: Connect, vault: SandboxVault
) -> None:
    policy = json.dumps({"path": {"secret/data/+/a": {"capabilities": ["read"]}}})
    client = connect()
    client.sys.create_or_update_acl_policy("narrow", policy)
    assert read(connect(vault.books.create_token("narrow"))) == {"k": 1}
    client.sys.create_or_update_acl_policy("hcl", 'path "secret/data/+/a" {\n  capabilities = ["read", "list"]\n}\n')
    assert read(connect(vault.books.create_token("hcl"))) == {"k": 1}
    for written in ("neither", 'path "secret/*" {}', 'path "a" { capabilities = ["read"] } and more'):
        with pytest.raises(InvalidRequest, match="failed to parse policy"):
            client.sys.create_or_update_acl_policy("narrow", written)
    client.sys.delete_acl_policy("narrow")
    with pytest.raises(Forbidden):
        read(connect(vault.books.create_token("narrow")))


def test_a_capability_that_does_not_exist_is_refused(vault: SandboxVault) -> None:
    with pytest.raises(ValueError, match="write"):
        vault.books.write_policy("wrong", {"secret/*": ["write"]})
    policy = json.dumps({"path": {"secret/*": {"capabilities": ["write"]}}})
    status, body, _ = raw(vault, "PUT", "/v1/sys/policies/acl/wrong", {"policy": policy})
    assert (status, body) == (400, {"errors": ["failed to parse policy: invalid capability 'write'"]})


def test_the_mount_is_told_only_to_who_has_a_right_in_it(connect: Connect, vault: SandboxVault) -> None:
    vault.books.mount_kv("elsewhere")
    client = connect(vault.books.create_token("reader"))
    assert client.adapter.get("/v1/sys/internal/ui/mounts/secret")["data"]["options"] == {"version": "2"}
    for mount in ("elsewhere", "nowhere"):
        with pytest.raises(Forbidden, match="preflight capability check returned 403"):
            client.adapter.get(f"/v1/sys/internal/ui/mounts/{mount}")


# Tokens


def test_no_token_and_an_unknown_token_are_403s(connect: Connect) -> None:
    with pytest.raises(Forbidden) as caught:
        read(connect(""))
    assert caught.value.errors == ["permission denied"]
    with pytest.raises(Forbidden, match="invalid token"):
        read(connect("hvs.nonsense"))
    assert connect("hvs.nonsense").is_authenticated() is False


def test_the_root_token_never_expires(connect: Connect, clock: StillClock) -> None:
    client = connect()
    clock.sleep(timedelta(days=4000))
    found = lookup(client)
    assert (found["ttl"], found["expire_time"], found["policies"], found["renewable"]) == (0, None, ["root"], False)
    with pytest.raises(InvalidRequest, match="lease is not renewable"):
        client.auth.token.renew_self()


def test_a_token_expires_and_is_then_unknown(connect: Connect, vault: SandboxVault, clock: StillClock) -> None:
    client = connect(vault.books.create_token("reader", ttl=HOUR))
    clock.sleep(HOUR / 2)
    found = lookup(client)
    assert (found["ttl"], found["creation_ttl"], found["renewable"]) == (1800, 3600, True)
    assert found["expire_time"] == "2026-11-23T13:00:00.000000Z"
    assert found["policies"] == ["default", "reader"]
    clock.sleep(HOUR / 2)
    with pytest.raises(Forbidden, match="invalid token"):
        read(client)


def test_renewal_gives_the_first_life_again_up_to_the_longest(
    connect: Connect, vault: SandboxVault, clock: StillClock
) -> None:
    client = connect(vault.books.create_token("reader", ttl=HOUR, max_ttl=1.75 * HOUR))
    clock.sleep(HOUR / 2)
    assert client.auth.token.renew_self()["auth"]["lease_duration"] == 3600
    clock.sleep(HOUR / 2)
    assert client.auth.token.renew_self()["auth"]["lease_duration"] == 2700
    clock.sleep(0.75 * HOUR)
    assert client.is_authenticated() is False


def test_renewal_takes_an_increment(connect: Connect, vault: SandboxVault) -> None:
    client = connect(vault.books.create_token("reader", ttl=HOUR))
    assert client.auth.token.renew_self(increment="90m")["auth"]["lease_duration"] == 5400


def test_a_periodic_token_lives_as_long_as_it_is_renewed(
    connect: Connect, vault: SandboxVault, clock: StillClock
) -> None:
    client = connect(vault.books.create_token("reader", period=24 * HOUR))
    for _ in range(40):
        clock.sleep(23 * HOUR)
        client.auth.token.renew_self()
    assert lookup(client)["period"] == 86400


def test_a_token_that_is_not_renewable_says_so(connect: Connect, vault: SandboxVault) -> None:
    client = connect(vault.books.create_token("reader", renewable=False))
    assert lookup(client)["renewable"] is False
    with pytest.raises(InvalidRequest, match="lease is not renewable"):
        client.auth.token.renew_self()


def test_root_creates_tokens_over_http_and_a_token_revokes_itself(connect: Connect) -> None:
    made = connect().auth.token.create(policies=["reader"], ttl="10m", meta={"for": "rotation"}, display_name="r")
    client = connect(made["auth"]["client_token"])
    found = lookup(client)
    assert (found["ttl"], found["meta"], found["display_name"]) == (600, {"for": "rotation"}, "token-r")
    client.auth.token.revoke_self()
    assert client.is_authenticated() is False


def test_a_token_cannot_create_one_that_may_more_than_itself(connect: Connect, vault: SandboxVault) -> None:
    vault.books.write_policy("maker", {"auth/token/create": ["update"]})
    client = connect(vault.books.create_token("maker"))
    assert client.auth.token.create(policies=["maker"])["auth"]["token_policies"] == ["default", "maker"]
    with pytest.raises(InvalidRequest, match="subset of parent"):
        client.auth.token.create(policies=["root"])
    with pytest.raises(Forbidden):
        connect(vault.books.create_token("reader")).auth.token.create()


def test_no_repr_shows_a_token_or_a_secret_id(vault: SandboxVault) -> None:
    secret_id = secrets.token_hex()
    vault.books.create_approle("r", [], role_id="r-1", secret_id=secret_id)
    token = vault.books.tokens.find(vault.root_token)
    assert vault.root_token not in repr(token)
    assert secret_id not in repr(vault.books.namespaces)
