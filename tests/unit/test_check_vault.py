"""A credential in Vault: its token's capabilities and its history are looked at before a rotation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.cli.check_credential import CredentialCheck, check_credential
from rotator.cli.check_secret import read_secret
from rotator.cli.check_whereabouts import current_keys
from rotator.core.check.diagnosis import Finding
from rotator.core.check.readiness import Answer
from rotator.sandbox.anthropic import SandboxAnthropic
from rotator.sandbox.vault import SandboxVault
from rotator.wiring import open_workplace
from tests.aws_world import make_key
from tests.unit.vault_sandbox import clients, raw

CONFIG = """\
version: 1
journal: sqlite:///journal.db
credentials:
  prod:
    issuer: {anthropic: {}}
    secrets: ["vault://secret/prod/anthropic#api_key"]
    consumers:
      - name: laptops
        manual: {ask: "Reloaded?"}
"""


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxVault]:
    with SandboxVault() as vault, SandboxAnthropic() as anthropic:
        key, _ = anthropic.books.issue("prod")
        with clients(vault) as connect:
            connect().secrets.kv.v2.create_or_update_secret("prod/anthropic", {"api_key": key.reveal()})
        (tmp_path / "rotate.yaml").write_text(CONFIG)
        monkeypatch.setenv("VAULT_ADDR", vault.url)
        monkeypatch.setenv("VAULT_TOKEN", vault.root_token)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", anthropic.url)
        monkeypatch.delenv("ROTATOR_JOURNAL", raising=False)
        yield vault


def checked(tmp_path: Path) -> CredentialCheck:
    place = open_workplace(str(tmp_path / "rotate.yaml"))
    return check_credential(place, place.credential("prod"), current_keys(place))


def state(vault: SandboxVault) -> object:
    """The secret with all its versions, its metadata, and the sibling where a rotation stages."""
    paths = ("data/prod/anthropic", "metadata/prod/anthropic", "data/prod/anthropic.pending", "config")
    return [raw(vault, "GET", f"/v1/secret/{path}")[:2] for path in paths]


def without_request_ids(said: object) -> str:
    return re.sub(r"'request_id': '[^']*'", "", repr(said))


def test_nothing_is_changed_and_no_write_is_asked(vault: SandboxVault, tmp_path: Path) -> None:
    before, counted = without_request_ids(state(vault)), dict(vault.calls)
    assert checked(tmp_path).finding is Finding.FINE
    asked = {name for name, count in vault.calls.items() if count != counted.get(name, 0)}
    assert without_request_ids(state(vault)) == before
    assert {name for name in asked if not name.startswith("GET ")} == {"POST sys/capabilities-self"}
    assert [path.name for path in tmp_path.iterdir()] == ["rotate.yaml"]


def test_a_token_that_may_do_all_is_ready(vault: SandboxVault, tmp_path: Path) -> None:
    check = checked(tmp_path)
    answers = {need.what: need.answer for need in check.needs}
    assert answers["permissions"] is Answer.YES
    assert answers["disable, archive"] is Answer.UNTRIED
    assert check.finding is Finding.FINE


def test_a_token_that_may_only_read_is_named_before_the_rotation(
    vault: SandboxVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.books.write_policy("reader", {"secret/data/prod/anthropic": ["read"]})
    _, made, _ = raw(vault, "POST", "/v1/auth/token/create", {"policies": ["reader"]})
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    check = checked(tmp_path)
    assert check.finding is Finding.WRONG
    [refused] = [need for need in check.needs if need.what == "permissions"]
    assert refused.answer is Answer.NO
    assert "update" in refused.why


def test_of_a_wrong_field_the_right_one_is_named(vault: SandboxVault, tmp_path: Path) -> None:
    place = open_workplace(str(tmp_path / "rotate.yaml"))
    sample = read_secret(place, "vault://secret/prod/anthropic#key")
    assert (sample.text, "#api_key" in sample.hint) == (None, True)
    assert read_secret(place, "vault://secret/prod/anthropic#api_key").text is not None


def test_anothers_pending_version_is_in_the_way(vault: SandboxVault, tmp_path: Path) -> None:
    raw(vault, "POST", "/v1/secret/data/prod/anthropic.pending", {"data": {"api_key": make_key().reveal()}})
    check = checked(tmp_path)
    assert check.finding is Finding.WRONG
    assert [need.what for need in check.needs if need.answer is Answer.NO] == ["another's pending version"]
