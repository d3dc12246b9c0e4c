"""The way to Vault: an address, TLS, and the state that a write has left."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
import tenacity

from rotator.adapters.store.vault import VaultSecretStore
from rotator.adapters.store.vault_connection import VaultConnection
from rotator.model.config import VaultConfig
from rotator.model.errors import ConfigError, Refused, Unreachable
from rotator.model.keys import Label
from rotator.sandbox.anthropic_faults import Fault
from rotator.sandbox.vault import SandboxVault
from rotator.sandbox.vault_wire import Answer, Request
from tests.aws_world import CLAIM, make_key, version_id
from tests.vault_world import NOWHERE, VaultSecret, connect, refused, sandbox_place, standing_clock


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


def test_a_vault_that_is_not_there_is_unreachable(secret: VaultSecret) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        connection = VaultConnection(
            VaultConfig(address=address), clock=standing_clock(), environ={"VAULT_TOKEN": "t"}, home=NOWHERE
        )
        store = VaultSecretStore(secret.ref, connection)
        refused(lambda: store.read(Label.CURRENT), Unreachable, "did not answer .*ConnectionError")


def test_no_address_at_all_is_a_fault_of_the_configuration(secret: VaultSecret) -> None:
    store = VaultSecretStore(secret.ref, VaultConnection(clock=standing_clock(), environ={"VAULT_TOKEN": "t"}))
    with pytest.raises(ConfigError, match="VAULT_ADDR is not set"):
        store.read(Label.CURRENT)


def test_an_address_that_is_none_is_refused(secret: VaultSecret) -> None:
    environ = {"VAULT_TOKEN": "t", "VAULT_ADDR": "vault.example:8200"}
    store = VaultSecretStore(secret.ref, VaultConnection(clock=standing_clock(), environ=environ))
    refused(lambda: store.read(Label.CURRENT), Refused, "could not be sent")


def test_tls_to_a_plain_port_is_told(vault: SandboxVault, secret: VaultSecret) -> None:
    store = VaultSecretStore(secret.ref, connect(vault, environ={"VAULT_ADDR": vault.url.replace("http", "https")}))
    refused(lambda: store.read(Label.CURRENT), Refused, "does not speak TLS")


class Replicating(SandboxVault):
    """Tells after each request which state it left, as Vault Enterprise does after writes."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for: list[str | None] = []

    def respond(self, request: Request) -> tuple[Answer | None, Fault | None]:
        self.asked_for.append(request.headers.get("x-vault-index"))
        answer, fault = super().respond(request)
        told = {"X-Vault-Index": f"state-{len(self.asked_for)}"} if request.method == "POST" else {}
        return (replace(answer, headers=told) if answer else None), fault


def test_reads_after_a_write_ask_for_the_state_that_it_left() -> None:
    with Replicating() as vault, sandbox_place(vault) as place:
        secret = VaultSecret(place)
        vault.asked_for.clear()
        secret.store.stage(version_id(), make_key(), CLAIM)
        secret.store.read(Label.PENDING)
        assert vault.asked_for == [None, None, None, "state-3"]
