"""What the secret of a ground says at this moment, asked of the store itself, past the proxies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from rotator.model.canonical import Json
from rotator.model.keys import Fingerprint
from rotator.sandbox.servers import VAULT_SECRET
from rotator.sandbox.serving import call
from rotator.sandbox.world_stores import FIELD, SECRET, VAULT_FIELD

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

Store: TypeAlias = Literal["aws", "vault"]

_CURRENT, _PENDING = "AWSCURRENT", "AWSPENDING"
_OK, _FORBIDDEN = 200, 403
_SECRET_ID: Final = "vault.secret-id"  # noqa: S105 - a file's name


class Place(Protocol):
    """Every call raises `OSError`, or the client's own error, where the server does not answer."""

    def current(self) -> str:
        """The digest of the key that the secret names now."""
        ...

    def pending(self) -> bool:
        """Whether a key waits there to become current."""
        ...

    def close(self) -> None: ...


def place_of(store: Store, environment: Mapping[str, str], directory: Path) -> Place:
    """`environment`, `directory`: the world's."""
    return AwsPlace(environment) if store == "aws" else VaultPlace(environment["VAULT_ADDR"], directory / _SECRET_ID)


class AwsPlace:
    def __init__(self, environment: Mapping[str, str]) -> None:
        import boto3

        self._client: SecretsManagerClient = boto3.session.Session(
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",  # noqa: S106 - moto takes any
            region_name=environment["AWS_REGION"],
        ).client("secretsmanager", endpoint_url=environment["AWS_ENDPOINT_URL"])

    def current(self) -> str:
        said = self._client.get_secret_value(SecretId=SECRET, VersionStage=_CURRENT)
        return Fingerprint.of(json.loads(said["SecretString"])[FIELD]).digest

    def pending(self) -> bool:
        said = self._client.describe_secret(SecretId=SECRET)
        return any(_PENDING in labels for labels in said.get("VersionIdsToStages", {}).values())

    def close(self) -> None:
        self._client.close()


class VaultPlace:
    """Logs in as `rotate` does: consumers' tokens do not show what is pending."""

    def __init__(self, url: str, secret_id: Path) -> None:
        self._url, self._secret_id = url, secret_id
        self._token = ""

    def current(self) -> str:
        fields = self._fields(VAULT_SECRET)
        if fields is None:
            raise OSError("Vault has no current secret")
        return Fingerprint.of(str(fields[VAULT_FIELD])).digest

    def pending(self) -> bool:
        return self._fields(f"{VAULT_SECRET}.pending") is not None

    def close(self) -> None:
        """Nothing is kept open."""

    def _fields(self, path: str) -> dict[str, Json] | None:
        status, said = self._read(path)
        if status == _FORBIDDEN:
            self._log_in()
            status, said = self._read(path)
        if status not in (_OK, 404):
            raise OSError(f"Vault answered {status}")
        data = said.get("data")
        fields = data.get("data") if isinstance(data, dict) and status == _OK else None
        return fields if isinstance(fields, dict) else None

    def _read(self, path: str) -> tuple[int, dict[str, Json]]:
        return call("GET", f"{self._url}/v1/secret/data/{path}", headers={"X-Vault-Token": self._token})

    def _log_in(self) -> None:
        body: Json = {"role_id": "rotator", "secret_id": self._secret_id.read_text().strip()}
        _, said = call("POST", f"{self._url}/v1/auth/approle/login", body=body)
        auth = said.get("auth")
        self._token = str(auth.get("client_token")) if isinstance(auth, dict) else ""
