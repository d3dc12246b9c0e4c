"""The servers behind the stores under test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from rotator.sandbox.aws import SandboxAws
from rotator.sandbox.vault import SandboxVault
from tests.aws_world import client_of
from tests.vault_world import VaultPlace, has_live_vault, live_place, sandbox_place

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


@pytest.fixture(scope="module")
def client() -> Iterator[SecretsManagerClient]:
    with SandboxAws() as sandbox:
        client = client_of(sandbox)
        yield client
        client.close()


@pytest.fixture(scope="module")
def vaults() -> Iterator[Mapping[str, VaultPlace]]:
    with ExitStack() as places:
        found = {"vault": places.enter_context(sandbox_place(places.enter_context(SandboxVault())))}
        if has_live_vault():
            found["live vault"] = places.enter_context(live_place())
        yield found
