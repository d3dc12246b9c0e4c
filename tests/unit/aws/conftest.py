"""One sandbox for the tests of a file; a secret of its own, and a store on it, for each test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from rotator.adapters.store.aws import AwsSecretStore
from rotator.model.config import AwsSecretRef
from rotator.sandbox.aws import SandboxAws, no_faults
from tests.aws_world import FIELD, REGION, client_of, make_key, secret_name

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxAws]:
    with SandboxAws() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(running: SandboxAws) -> Iterator[SecretsManagerClient]:
    client = client_of(running)
    yield client
    client.close()


@pytest.fixture
def sandbox(running: SandboxAws) -> Iterator[SandboxAws]:
    running.calls.clear()
    yield running
    running.faults = no_faults


@pytest.fixture
def name(client: SecretsManagerClient) -> str:
    """A JSON secret with the key and a password of somebody else's."""
    name = secret_name()
    client.create_secret(
        Name=name,
        SecretString=json.dumps({FIELD: make_key().reveal(), "DB_PASSWORD": "hunter2-sentinel"}),
        Tags=[{"Key": "team", "Value": "chat"}],
    )
    return name


@pytest.fixture
def store(client: SecretsManagerClient, sandbox: SandboxAws, name: str) -> AwsSecretStore:
    return AwsSecretStore(AwsSecretRef(REGION, name, FIELD), client=client)
