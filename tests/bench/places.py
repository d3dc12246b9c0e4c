"""The sandbox's AWS and Anthropic as processes of their own, and secrets and keys in them."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.model.keys import KeyText
from rotator.sandbox.console import Console
from rotator.sandbox.loopback import clean_environment
from rotator.sandbox.processes import Child, stop_all

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

REGION: Final = "eu-west-1"
FIELD: Final = "ANTHROPIC_API_KEY"
_START_SECONDS: Final = 60.0


@dataclass(slots=True)
class Places:
    aws: str
    console: Console
    client: SecretsManagerClient

    @property
    def environment(self) -> Mapping[str, str]:
        """What a child process needs to find both."""
        return clean_environment(
            {
                "AWS_ENDPOINT_URL": self.aws,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "sandbox",
                "AWS_SECRET_ACCESS_KEY": "sandbox",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "ANTHROPIC_BASE_URL": self.console.url,
            }
        )

    def secret(self) -> str:
        """A new secret with a new key in it; its name."""
        name = f"prod/bench-{uuid.uuid4().hex[:8]}"
        text = json.dumps({FIELD: self.console.new_key("old").reveal(), "LOG_LEVEL": "info"})
        self.client.create_secret(Name=name, SecretString=text)
        return name


@contextmanager
def places(folder: Path) -> Iterator[Places]:
    children = [
        Child("rotator.sandbox.servers", [name], environment=clean_environment({}), log=folder / f"{name}.log")
        for name in ("aws", "anthropic")
    ]
    try:
        aws, anthropic = (child.ready(_START_SECONDS) for child in children)
        import boto3.session

        session = boto3.session.Session(
            aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name=REGION
        )
        client = session.client("secretsmanager", endpoint_url=str(aws["url"]))
        admin = KeyText(str(anthropic["admin_key"]))
        yield Places(str(aws["url"]), Console(str(anthropic["url"]), str(anthropic["control_token"]), admin), client)
        client.close()
    finally:
        stop_all(children)
