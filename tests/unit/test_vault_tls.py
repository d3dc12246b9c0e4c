"""Vault behind TLS: an authority of one's own is trusted where it is named, by rotate and by the client."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rotator.adapters.store import vault_transport
from rotator.adapters.store.vault import VaultSecretStore
from rotator.adapters.store.vault_errors import Place
from rotator.adapters.store.vault_transport import Ask, Transport
from rotator.client import KeySource
from rotator.model.config import VaultConfig, VaultSecretRef
from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import Label
from tests.aws_world import CLAIM, make_key, version_id
from tests.vault_tls import TlsVault, certificate
from tests.vault_world import FIELD, connect

REF = VaultSecretRef("secret", "prod/chat", FIELD)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[TlsVault]:
    with TlsVault(tmp_path) as vault:
        yield vault


def store(vault: TlsVault, config: VaultConfig, environ: dict[str, str]) -> VaultSecretStore:
    return VaultSecretStore(REF, connect(vault, config=config, environ=environ))


@pytest.mark.parametrize("named_by", ["VAULT_CACERT", "rotate.yaml"])
def test_an_authority_of_ones_own_is_trusted_where_it_is_named(vault: TlsVault, named_by: str) -> None:
    key = make_key()
    vault.books.kv().put(REF.path, {FIELD: key.reveal()})
    file = str(vault.authority)
    by_file = named_by == "rotate.yaml"
    trusting = store(vault, VaultConfig(ca_cert=file if by_file else None), {} if by_file else {"VAULT_CACERT": file})
    current = trusting.read(Label.CURRENT)
    assert current is not None
    assert current.key == key
    trusting.stage(version_id(), make_key(), CLAIM)
    assert trusting.holder()


def test_a_certificate_that_nobody_vouches_for_is_refused_with_what_to_name(vault: TlsVault) -> None:
    with pytest.raises(Refused, match=r"TLS connection .* was not trusted") as raised:
        store(vault, VaultConfig(), {}).read(Label.CURRENT)
    assert "VAULT_CACERT" in raised.value.hint
    assert "ca_cert" in raised.value.hint


@pytest.fixture
def dripping(tmp_path: Path) -> Iterator[str]:
    """An address behind TLS whose answers never end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))

    def drip(listener: socket.socket) -> None:
        while True:
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True) as client:
                    client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                    while True:
                        time.sleep(0.01)
                        client.sendall(b"y")
            except OSError:
                if listener.fileno() < 0:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def test_an_answer_behind_tls_that_drips_is_given_up_in_time(
    dripping: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_transport, "WHOLE_SECONDS", 0.2)
    authority = str(tmp_path / "server.pem")
    transport = Transport(Place(dripping, None), authority=authority, mine=None)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer"):
        transport.once(Ask("GET", "secret/data/prod/chat"), "a token")
    assert time.monotonic() - began < 5
    transport.close()


def test_a_ca_file_that_is_not_there_is_told(vault: TlsVault) -> None:
    with pytest.raises(Refused, match=r"certificates .* cannot be read"):
        store(vault, VaultConfig(), {"VAULT_CACERT": "/nonexistent/ca.pem"}).read(Label.CURRENT)


def test_an_application_trusts_the_same_authority(vault: TlsVault, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make_key()
    vault.books.kv().put(REF.path, {FIELD: key.reveal()})
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_TOKEN", vault.root_token)
    monkeypatch.delenv("VAULT_CACERT", raising=False)
    with pytest.raises(Unreachable, match="did not answer"):
        KeySource(str(REF)).key()
    monkeypatch.setenv("VAULT_CACERT", str(vault.authority))
    assert KeySource(str(REF)).key() == key
