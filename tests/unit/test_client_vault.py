"""`rotator.client` against the sandbox's Vault, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.client import KeySource
from rotator.model.errors import ConfigError, Refused, Unreachable
from rotator.model.keys import KeyText
from rotator.sandbox.anthropic_faults import Fault
from rotator.sandbox.vault import SandboxVault, no_faults
from tests.aws_world import make_key

REF = "vault://secret/prod/chat#api_key"
PATH = "prod/chat"


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SandboxVault]:
    """With a token that may read this one path, and a home without a token."""
    with SandboxVault() as vault:
        for name in ("VAULT_NAMESPACE", "VAULT_CACERT"):
            monkeypatch.delenv(name, raising=False)
        vault.books.write_policy("reads", {f"secret/data/{PATH}": ["read"]})
        monkeypatch.setenv("VAULT_ADDR", vault.url)
        monkeypatch.setenv("VAULT_TOKEN", vault.books.create_token("reads"))
        monkeypatch.setenv("HOME", str(tmp_path))
        yield vault


def put(vault: SandboxVault, key: KeyText) -> KeyText:
    vault.books.kv().put(PATH, {"api_key": key.reveal(), "other": "x"})
    return key


def test_it_serves_the_current_version_and_follows_it_once_the_refresh_is_due(vault: SandboxVault) -> None:
    old = put(vault, make_key())
    source = KeySource(REF, refresh=0)
    assert source.key() == old
    new = put(vault, make_key())
    assert source.key() == new


def test_it_reads_vault_once_until_the_refresh_is_due(vault: SandboxVault) -> None:
    put(vault, make_key())
    source = KeySource(REF, refresh=3600)
    assert source.key() == source.key()
    assert dict(vault.calls) == {f"GET secret/data/{PATH}": 1}


def test_a_token_that_an_agent_has_replaced_in_its_file_is_taken_at_the_next_read(
    vault: SandboxVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(vault, make_key())
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(Refused, match="no Vault token"):
        KeySource(REF).key()
    source = KeySource(REF, refresh=0)
    for _ in range(2):
        token = vault.books.create_token("reads")
        (tmp_path / ".vault-token").write_text(f"{token}\n")
        key = put(vault, make_key())
        assert source.key() == key
        vault.books.tokens.revoke(token)


@pytest.mark.parametrize(
    ("status", "said"),
    [(412, "required index state not present"), (400, "Upgrading from non-versioned to versioned data. This backend")],
)
def test_a_passing_failure_is_asked_again_and_a_lasting_one_keeps_the_last_good_key(
    vault: SandboxVault, status: int, said: str
) -> None:
    key, turns = put(vault, make_key()), [0]

    def once(operation: str) -> Fault | None:
        turns[0] += 1
        return Fault(status=status, message=said) if turns[0] == 1 else None

    vault.faults = once
    source = KeySource(REF, refresh=0)
    assert source.key() == key
    vault.faults = lambda operation: Fault(status=503, message="Vault is sealed")
    assert source.key() == key
    vault.faults = no_faults
    vault.stop()
    assert source.key() == key
    with pytest.raises(Unreachable, match="did not answer"):
        KeySource(REF).key()


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("vault://secret/prod/absent#api_key", "answered 403"),  # the token may not even know that it is not there
        ("vault://secret/prod/chat#absent", "no text under absent"),
    ],
)
def test_the_first_read_says_what_is_missing(vault: SandboxVault, reference: str, what: str) -> None:
    key = put(vault, make_key())
    with pytest.raises(Refused, match=what) as caught:
        KeySource(reference).key()
    assert key.reveal() not in repr(caught.value) + caught.value.hint
    assert caught.value.__context__ is None


def test_a_proxy_s_page_in_vault_s_place_is_no_key(vault: SandboxVault) -> None:
    vault.faults = lambda operation: Fault(status=200, body=b"<html>hello</html>")
    with pytest.raises(Refused, match="no text under api_key"):
        KeySource(REF).key()


def test_without_an_address_it_says_which_variable_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    with pytest.raises(ConfigError, match="VAULT_ADDR"):
        KeySource(REF)
