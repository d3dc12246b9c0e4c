"""What the AWS tests share: keys made at run time, clients of a sandbox, and somebody else's hands on a secret."""

from __future__ import annotations

import secrets
import string
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rotator.model.keys import Claim, KeyText
from rotator.sandbox.aws import Fault, SandboxAws

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

_ALPHABET = string.ascii_letters + string.digits + "_-"
CLAIM = Claim(rotation="rot-1", by="alice@host", at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
REGION = "eu-west-1"
FIELD = "ANTHROPIC_API_KEY"


def make_key() -> KeyText:
    return KeyText("sk-ant-api99-" + "".join(secrets.choice(_ALPHABET) for _ in range(93)) + "AA")


def version_id() -> str:
    return str(uuid.uuid4())


def secret_name() -> str:
    return f"prod/anthropic-{uuid.uuid4().hex[:12]}"


def client_of(sandbox: SandboxAws, region: str = REGION, url: str | None = None) -> SecretsManagerClient:
    """A client that asks once: the tests decide what fails."""
    import boto3.session
    from botocore.config import Config

    return boto3.session.Session().client(
        "secretsmanager",
        region_name=region,
        endpoint_url=url or sandbox.url,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )


def stages_of(client: SecretsManagerClient, name: str) -> dict[str, set[str]]:
    """Version id → labels, as AWS describes them."""
    described = client.describe_secret(SecretId=name).get("VersionIdsToStages", {})
    return {id: set(labels) for id, labels in described.items()}


def failing(sandbox: SandboxAws, operation: str, fault: Fault, times: int = 99) -> None:
    """The operation fails in this way, at its first `times` requests."""
    left = [times]

    def faults(asked: str) -> Fault | None:
        if asked != operation or left[0] == 0:
            return None
        left[0] -= 1
        return fault

    sandbox.faults = faults


def tags_of(client: SecretsManagerClient, name: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in client.describe_secret(SecretId=name).get("Tags", [])}
