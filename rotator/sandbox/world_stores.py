"""The secret stores of a world: AWS, Vault, or both with the same key in each."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from rotator.model.canonical import JsonObject
from rotator.model.errors import OutsideError
from rotator.model.keys import KeyText
from rotator.sandbox.instances import Spec
from rotator.sandbox.loopback import require_loopback
from rotator.sandbox.servers import VAULT_SECRET
from rotator.sandbox.serving import call

StoreKind: TypeAlias = Literal["aws", "vault", "both"]

SECRET, FIELD = "prod/anthropic", "ANTHROPIC_API_KEY"
VAULT_FIELD: Final = "api_key"
_FIELDS: Final = {"LOG_LEVEL": "info", "DATABASE_URL": "postgresql://db.internal/chat"}
_OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One store's secret. `environment`: how to find the store; `reading`: what consumers know beside it."""

    reference: str
    environment: Mapping[str, str]
    reading: Mapping[str, str] = field(default_factory=dict, repr=False)
    config: str = ""
    """What `rotate.yaml` says of the store itself."""


def servers_for(kind: StoreKind) -> Sequence[str]:
    return ("aws", "vault") if kind == "both" else (kind,)


def aws_place(facts: JsonObject, key: KeyText) -> Place:
    """Writes the secret with its first key."""
    import boto3

    url, region = require_loopback(str(facts["url"])), str(facts["region"])
    client = boto3.session.Session(
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106 - moto takes any
        region_name=region,
    ).client("secretsmanager", endpoint_url=url)
    client.create_secret(Name=SECRET, SecretString=json.dumps({FIELD: key.reveal(), **_FIELDS}))
    client.close()
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,  # a profile of the caller's could point somewhere real
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    return Place(reference=f"aws-sm://{region}/{SECRET}#{FIELD}", environment=environment)


def vault_place(facts: JsonObject, key: KeyText, secret_id_file: Path) -> Place:
    """Writes the secret with its first key. `rotate` logs in by AppRole; consumers have a token that may only read."""
    url = require_loopback(str(facts["url"]))
    status, _ = call(
        "POST",
        f"{url}/v1/secret/data/{VAULT_SECRET}",
        headers={"X-Vault-Token": str(facts["root_token"])},
        body={"data": {VAULT_FIELD: key.reveal(), **_FIELDS}, "options": {"cas": 0}},
    )
    if status != _OK:
        raise OutsideError(f"The sandbox's Vault refused its first secret ({status}).")
    login = {"approle": {"role_id": "rotator", "secret_id": f"file:{secret_id_file}"}}
    return Place(
        reference=f"vault://secret/{VAULT_SECRET}#{VAULT_FIELD}",
        environment={"VAULT_ADDR": url},
        reading={"VAULT_TOKEN": str(facts["reader_token"])},
        config=f"vault:\n  auth: {json.dumps(login)}\n",
    )


def readers(specs: Sequence[Spec], places: Sequence[Place]) -> Mapping[str, str]:
    """Consumer → what it reads: of two stores, the first consumer reads the first one and all others the second."""
    return {spec.name: places[min(number, len(places) - 1)].reference for number, spec in enumerate(specs)}
