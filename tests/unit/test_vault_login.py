"""How a Vault token is come by, renewed, replaced, and found to be too short-lived for a plan."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from rotator.adapters.store.vault import VaultSecretStore
from rotator.adapters.store.vault_connection import VaultConnection
from rotator.adapters.store.vault_login import TokenLife, login
from rotator.model.config import (
    EnvSource,
    FileSource,
    VaultAppRole,
    VaultAuth,
    VaultAws,
    VaultConfig,
    VaultJwt,
    VaultKubernetes,
    VaultSecretRef,
)
from rotator.model.errors import ConfigError, Refused
from rotator.model.keys import KeyText, Label
from rotator.sandbox.clock import VirtualClock
from rotator.sandbox.vault import SandboxVault
from tests.aws_world import make_key
from tests.vault_world import FIELD, NOWHERE, connect, standing_clock

HOUR = timedelta(hours=1)
LOOKUP, RENEWAL = "GET auth/token/lookup-self", "POST auth/token/renew-self"


class Vaulted:
    """A sandbox whose time is ours, with one secret in it."""

    def __init__(self, vault: SandboxVault, clock: VirtualClock) -> None:
        self.vault, self.clock, self.key = vault, clock, make_key()
        vault.books.kv().put("chat", {FIELD: self.key.reveal()})
        vault.books.write_policy("reader", {"secret/data/chat": ["read"]})

    def reads(self, connection: VaultConnection) -> KeyText | None:
        version = VaultSecretStore(VaultSecretRef("secret", "chat", FIELD), connection).read(Label.CURRENT)
        return version.key if version else None

    def logging_in(self, auth: VaultAuth, **environ: str) -> VaultConnection:
        config = VaultConfig(address=self.vault.url, auth=auth)
        return VaultConnection(config, clock=self.clock, environ=environ, home=NOWHERE)


@pytest.fixture
def world() -> Iterator[Vaulted]:
    clock = standing_clock()
    with SandboxVault(now=clock.now) as vault:
        yield Vaulted(vault, clock)


def approle(world: Vaulted, folder: Path, ttl: timedelta = HOUR, max_ttl: timedelta = timedelta()) -> VaultAppRole:
    secret = secrets.token_urlsafe(16)
    world.vault.books.create_approle(
        "rotator", ["reader"], role_id="role-1", secret_id=secret, ttl=ttl, max_ttl=max_ttl
    )
    (folder / "secret-id").write_text(secret + "\n")
    return VaultAppRole(role_id="role-1", secret_id=FileSource(str(folder / "secret-id")))


def test_a_given_token_is_used(world: Vaulted) -> None:
    token = world.vault.books.create_token("reader")
    assert world.reads(connect(world.vault, token, world.clock)) == world.key


def test_the_cli_s_token_file_is_used_where_nothing_else_is_said(world: Vaulted, tmp_path: Path) -> None:
    (tmp_path / ".vault-token").write_text(world.vault.root_token + "\n")
    environ = {"VAULT_ADDR": world.vault.url}
    assert world.reads(VaultConnection(clock=world.clock, environ=environ, home=tmp_path)) == world.key


def test_rotate_yaml_outranks_the_cli_s_token_file_and_vault_token_outranks_both(
    world: Vaulted, tmp_path: Path
) -> None:
    (tmp_path / ".vault-token").write_text("hvs.somebody-elses")
    config = VaultConfig(address=world.vault.url, auth=approle(world, tmp_path))
    assert world.reads(VaultConnection(config, clock=world.clock, environ={}, home=tmp_path)) == world.key
    assert world.vault.calls["POST auth/approle/login"] == 1
    given = VaultConnection(config, clock=world.clock, environ={"VAULT_TOKEN": world.vault.root_token}, home=tmp_path)
    assert world.reads(given) == world.key
    assert world.vault.calls["POST auth/approle/login"] == 1


def test_no_token_and_no_login_is_a_fault_of_the_configuration(world: Vaulted) -> None:
    connection = VaultConnection(clock=world.clock, environ={"VAULT_ADDR": world.vault.url}, home=NOWHERE)
    with pytest.raises(ConfigError, match="no token") as raised:
        world.reads(connection)
    assert "VAULT_TOKEN" in raised.value.hint
    assert not world.vault.calls


def test_an_approle_logs_in_once_for_many_requests(world: Vaulted, tmp_path: Path) -> None:
    connection = world.logging_in(approle(world, tmp_path))
    assert [world.reads(connection) for _ in range(3)] == [world.key] * 3
    assert world.vault.calls["POST auth/approle/login"] == 1


def test_an_approle_s_ids_may_both_come_from_the_environment(
    world: Vaulted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLE", "role-1")
    auth = approle(world, tmp_path)
    assert world.reads(world.logging_in(VaultAppRole(role_id=EnvSource("ROLE"), secret_id=auth.secret_id))) == world.key


@pytest.mark.parametrize("mount", ["kubernetes", "clusters/blue"])
def test_a_service_account_logs_in(world: Vaulted, tmp_path: Path, mount: str) -> None:
    jwt = secrets.token_urlsafe(30)
    world.vault.books.create_jwt_role("rotator", ["reader"], jwt=jwt, mount=mount)
    (tmp_path / "token").write_text(jwt)
    auth = VaultKubernetes(role="rotator", mount=mount, token=FileSource(str(tmp_path / "token")))
    assert world.reads(world.logging_in(auth)) == world.key


def test_a_jwt_logs_in(world: Vaulted, monkeypatch: pytest.MonkeyPatch) -> None:
    jwt = secrets.token_urlsafe(30)
    monkeypatch.setenv("CI_JWT", jwt)
    world.vault.books.create_jwt_role("rotator", ["reader"], jwt=jwt, kind="jwt")
    assert world.reads(world.logging_in(VaultJwt(role="rotator", token=EnvSource("CI_JWT")))) == world.key


def test_an_aws_identity_is_sent_as_a_signed_request_for_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    secret, session = secrets.token_urlsafe(20), secrets.token_urlsafe(20)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", session)
    ask = login(VaultAws(role="rotator"))
    sent = json.loads(ask.body or "")
    headers = json.loads(base64.b64decode(sent["iam_request_headers"]))
    assert (str(ask), sent["role"], sent["iam_http_request_method"]) == ("POST auth/aws/login", "rotator", "POST")
    assert base64.b64decode(sent["iam_request_url"]) == b"https://sts.amazonaws.com/"
    assert parse_qs(base64.b64decode(sent["iam_request_body"]).decode())["Action"] == ["GetCallerIdentity"]
    assert headers["Authorization"][0].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert headers["X-Amz-Security-Token"] == [session]
    assert secret not in (ask.body or "")
    assert sent["iam_request_body"] not in repr(ask)


def test_a_refused_login_names_its_path_and_says_what_vault_said(world: Vaulted, tmp_path: Path) -> None:
    auth = approle(world, tmp_path)
    with pytest.raises(Refused, match=r"refused the login at auth/approle/login.*invalid role or secret ID") as raised:
        world.reads(world.logging_in(VaultAppRole(role_id="role-2", secret_id=auth.secret_id)))
    assert "vault: auth:" in raised.value.hint


def test_a_secret_that_is_not_there_is_told_before_anything_is_sent(world: Vaulted) -> None:
    auth = VaultAppRole(role_id="role-1", secret_id=FileSource("/nonexistent/secret-id"))
    with pytest.raises(ConfigError, match="does not exist"):
        world.reads(world.logging_in(auth))
    assert not world.vault.calls


def test_a_renewable_token_is_renewed_in_the_second_half_of_its_life(world: Vaulted) -> None:
    connection = connect(world.vault, world.vault.books.create_token("reader", ttl=HOUR), world.clock)
    for minutes in (0, 29, 2, 31, 31, 31):
        world.clock.advance(timedelta(minutes=minutes))
        assert world.reads(connection) == world.key
    assert (world.vault.calls[LOOKUP], world.vault.calls[RENEWAL]) == (1, 4)


def test_a_renewal_that_gives_nothing_more_is_not_asked_for_again(world: Vaulted) -> None:
    token = world.vault.books.create_token("reader", ttl=HOUR, max_ttl=HOUR)
    connection = connect(world.vault, token, world.clock)
    world.reads(connection)
    world.clock.advance(timedelta(minutes=40))
    for _ in range(5):
        assert world.reads(connection) == world.key
    assert world.vault.calls[RENEWAL] == 1


@pytest.mark.parametrize("renewable", [True, False])
def test_a_given_token_that_has_expired_is_a_clear_error(world: Vaulted, renewable: bool) -> None:
    token = world.vault.books.create_token("reader", ttl=HOUR, max_ttl=HOUR, renewable=renewable)
    connection = connect(world.vault, token, world.clock)
    world.reads(connection)
    world.clock.advance(timedelta(minutes=61))
    with pytest.raises(Refused, match=r"token from VAULT_TOKEN for .* has expired") as raised:
        world.reads(connection)
    assert "vault login" in raised.value.hint
    assert token not in raised.value.message


def test_a_token_that_was_never_one_is_a_clear_error(world: Vaulted) -> None:
    with pytest.raises(Refused, match="has expired, or was never a token there"):
        world.reads(connect(world.vault, "hvs.nobodys-token", world.clock))


def test_a_login_s_token_is_replaced_by_another_login_when_it_can_be_renewed_no_more(
    world: Vaulted, tmp_path: Path
) -> None:
    connection = world.logging_in(approle(world, tmp_path, ttl=HOUR, max_ttl=2 * HOUR))
    for _ in range(12 * 6):  # three days, every hour
        world.clock.advance(HOUR)
        assert world.reads(connection) == world.key
    for _ in range(20):
        world.clock.advance(timedelta(minutes=25))
        assert world.reads(connection) == world.key
    assert world.vault.calls[RENEWAL] > 0


def test_a_login_s_token_that_was_revoked_is_replaced_at_once(world: Vaulted, tmp_path: Path) -> None:
    connection = world.logging_in(approle(world, tmp_path))
    world.reads(connection)
    for token in [id for id in world.vault.books.tokens._tokens if id != world.vault.root_token]:
        world.vault.books.tokens.revoke(token)
    assert world.reads(connection) == world.key
    assert world.vault.calls["POST auth/approle/login"] == 2


def test_a_periodic_token_lasts_as_long_as_it_is_used(world: Vaulted) -> None:
    connection = connect(world.vault, world.vault.books.create_token("reader", period=HOUR), world.clock)
    for _ in range(100):
        world.clock.advance(timedelta(minutes=45))
        assert world.reads(connection) == world.key


def test_a_token_without_an_end_needs_no_warning(world: Vaulted) -> None:
    life = connect(world.vault, clock=world.clock).life()
    assert (life.remaining, life.warning(1000 * HOUR)) == (None, None)


def test_a_plan_that_outlives_the_token_is_warned_of(world: Vaulted) -> None:
    token = world.vault.books.create_token("reader", ttl=8 * HOUR, renewable=False)
    life = connect(world.vault, token, world.clock).life()
    assert (life.origin, life.remaining, life.renewable) == ("VAULT_TOKEN", 8 * HOUR, False)
    assert life.warning(8 * HOUR) is None
    warning = life.warning(48 * HOUR)
    assert warning
    assert "VAULT_TOKEN expires in 8h; the plan may take 2d." in warning
    assert "cannot be renewed" in warning


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(45, "45s"), (599, "599s"), (7199, "2h"), (86399, "24h"), (200_000, "56h")],
)
def test_how_long_a_token_lives_is_told_in_fitting_units(seconds: int, said: str) -> None:
    life = TokenLife("VAULT_TOKEN", timedelta(seconds=seconds), renewable=False, lasts=False)
    warning = life.warning(timedelta(days=30, minutes=1))
    assert warning
    assert f"expires in {said}; the plan may take 721h." in warning


def test_a_renewable_token_s_warning_says_who_renews_it(world: Vaulted) -> None:
    life = connect(world.vault, world.vault.books.create_token("reader", ttl=HOUR), world.clock).life()
    warning = life.warning(2 * HOUR)
    assert warning
    assert "renewed whenever `rotate` runs" in warning


def test_a_login_lasts_for_any_plan(world: Vaulted, tmp_path: Path) -> None:
    life = world.logging_in(approle(world, tmp_path)).life()
    assert life.lasts
    assert life.warning(1000 * HOUR) is None


def test_no_token_is_shown(world: Vaulted, tmp_path: Path) -> None:
    connection = world.logging_in(approle(world, tmp_path))
    world.reads(connection)
    assert connection._token is not None
    assert connection._token.text not in repr(connection._token) + repr(connection)


def test_threads_share_one_connection_and_one_login(world: Vaulted, tmp_path: Path) -> None:
    connection = world.logging_in(approle(world, tmp_path))
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda turn: world.reads(connection), range(24))) == {world.key}
    assert world.vault.calls["POST auth/approle/login"] == 1
