"""What the Vault tests share: a Vault (the sandbox's, or a live one), a mount of its own, and others' hands on it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hvac
import pytest

from rotator.adapters.clock import SystemClock
from rotator.adapters.store.vault import VaultSecretStore
from rotator.adapters.store.vault_connection import VaultConnection
from rotator.model.config import VaultConfig, VaultSecretRef
from rotator.model.errors import OutsideError
from rotator.model.keys import KeyText
from rotator.ports import Clock
from rotator.sandbox.clock import VirtualClock
from rotator.sandbox.vault import SandboxVault
from tests.aws_world import make_key

FIELD = "api_key"
NOWHERE = Path("/nonexistent")
"""A home without a token in it."""
OTHERS = {"number": 1.5, "other": "as it was", "list": [1, {"deep": None}], "unicode": "\u00e9<&>"}


@dataclass(frozen=True)
class VaultPlace:
    """A KV version 2 mount that is the test's own."""

    client: hvac.Client
    connection: VaultConnection
    mount: str

    def path(self) -> str:
        """One that nobody else uses."""
        return f"prod/chat-{uuid.uuid4().hex[:12]}"


def connect(vault: SandboxVault, token: str | None = None, clock: Clock | None = None, **more: Any) -> VaultConnection:
    """With the given token, else the root's; `more`: of the constructor's."""
    environ = {"VAULT_ADDR": vault.url, "VAULT_TOKEN": vault.root_token if token is None else token}
    config = more.pop("config", VaultConfig())
    return VaultConnection(
        config, clock=clock or SystemClock(), environ=environ | more.pop("environ", {}), home=NOWHERE
    )


@contextmanager
def sandbox_place(vault: SandboxVault) -> Iterator[VaultPlace]:
    client, connection = hvac.Client(url=vault.url, token=vault.root_token), connect(vault)
    try:
        yield VaultPlace(client, connection, "secret")
    finally:
        client.adapter.close()
        connection.close()


def has_live_vault() -> bool:
    return bool(os.environ.get("VAULT_ADDR") and os.environ.get("VAULT_TOKEN"))


@contextmanager
def live_place() -> Iterator[VaultPlace]:
    """In the Vault or OpenBao of VAULT_ADDR, whose VAULT_TOKEN may mount and unmount; the mount is gone afterwards."""
    client, connection = hvac.Client(namespace=os.environ.get("VAULT_NAMESPACE")), VaultConnection(clock=SystemClock())
    mount = f"rotator-test-{uuid.uuid4().hex[:12]}"
    client.sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})
    try:
        yield VaultPlace(client, connection, mount)
    finally:
        client.sys.disable_secrets_engine(mount)
        client.adapter.close()
        connection.close()


class VaultSecret:
    """One secret, and what others do to it and see of it, who know nothing of rotator."""

    def __init__(self, place: VaultPlace, *, empty: bool = False, suffix: str = ".pending") -> None:
        self.original = make_key()
        self.place, self.path, self.sibling = place, place.path(), ""
        self.sibling = f"{self.path}{suffix}"
        self.ref = VaultSecretRef(place.mount, self.path, FIELD)
        self.store = VaultSecretStore(self.ref, place.connection, pending_suffix=suffix)
        if not empty:
            self.put({FIELD: self.original.reveal(), **OTHERS})

    def put(self, fields: Mapping[str, Any], path: str | None = None) -> None:
        self.place.client.secrets.kv.v2.create_or_update_secret(
            path or self.path, dict(fields), mount_point=self.place.mount
        )

    def fields(self, version: int | None = None) -> dict[str, Any]:
        answer = self.place.client.secrets.kv.v2.read_secret_version(
            self.path, version, mount_point=self.place.mount, raise_on_deleted_version=False
        )
        return dict(answer["data"]["data"])

    def edit(self, **fields: Any) -> None:
        """Somebody changes these fields, and leaves the others."""
        self.put(self.fields() | fields)

    def key(self) -> KeyText:
        return KeyText(self.fields()[FIELD])

    def metadata(self) -> dict[str, Any]:
        answer = self.place.client.secrets.kv.v2.read_secret_metadata(self.path, mount_point=self.place.mount)
        return dict(answer["data"])

    @property
    def number(self) -> int:
        return int(self.metadata()["current_version"])


def standing_clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 11, 23, tzinfo=UTC))


def refused(call: Callable[[], object], kind: type[OutsideError], match: str) -> OutsideError:
    """The error, which must say what to do next, and carry no request's body with it."""
    with pytest.raises(kind, match=match) as raised:
        call()
    assert raised.value.hint
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    return raised.value
