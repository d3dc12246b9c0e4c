"""What a person does by hand in a sandbox that they started themselves: make a key, put the first one into a secret."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from pathlib import Path

from rotator.model.canonical import JsonObject
from rotator.model.config import VaultSecretRef
from rotator.model.errors import OutsideError, UsageError
from rotator.model.keys import KeyText
from rotator.sandbox.anthropic_control import PREFIX, TOKEN_HEADER
from rotator.sandbox.loopback import require_loopback
from rotator.sandbox.serving import HOST, call

_OK = 200
_SECONDS, _TRIES = 5, 2  # for each request to the sandbox's AWS


def make_key(url: str, token: str, name: str) -> KeyText:
    """A fresh active key, as from the Console. Raises `OutsideError` where the server is gone or refuses the token."""
    body = {"name": name}
    try:
        status, made = call("POST", f"{require_loopback(url)}{PREFIX}keys", headers={TOKEN_HEADER: token}, body=body)
    except OSError:
        raise OutsideError(f"nothing answers at {url}", "rotate sandbox anthropic") from None
    if status != _OK:
        raise OutsideError(
            f"the sandbox's Anthropic at {url} refused to make a key ({status}): is that token of another run?",
            "take the export lines that the running `rotate sandbox anthropic` printed",
        )
    return KeyText(str(made["key"]))


def create_secret(url: str, *, region: str, name: str, field: str, key: KeyText) -> str:
    """A new JSON secret with the key in one field; returns its reference for `rotate.yaml`.

    Raises `UsageError` where there is one of that name, `OutsideError` where the server is gone or refuses.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    patience = Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": _TRIES})
    where = require_loopback(url)
    try:
        session = boto3.session.Session(
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",  # noqa: S106 - moto takes any
            region_name=region,
        )
        with closing(session.client("secretsmanager", endpoint_url=where, config=patience)) as client:
            client.create_secret(Name=name, SecretString=json.dumps({field: key.reveal()}))
    except ClientError as error:
        code = error.response["Error"].get("Code")
        if code == "ResourceExistsException":
            raise UsageError(f"there is a secret {name} in {region} already", "give the new one another name") from None
        raise OutsideError(f"the sandbox's AWS refused: {code}") from None
    except HTTPClientError:
        raise OutsideError(f"nothing answers at {url}", "rotate sandbox aws") from None
    except BotoCoreError as error:  # such as a profile that does not exist; the secret's text is not in it
        raise UsageError(f"boto3 cannot begin: {error}", "take the lines that `rotate sandbox aws` printed") from None
    return f"aws-sm://{region}/{name}#{field}"


def create_vault_secret(url: str, token: str, ref: VaultSecretRef, key: KeyText) -> str:
    """A new secret in a KV version 2 mount; returns its reference. Raises as `create_secret` does."""
    where = f"{require_loopback(url).rstrip('/')}/v1/{ref.mount}/data/{ref.path}"
    body: JsonObject = {"data": {ref.field: key.reveal()}, "options": {"cas": 0}}
    try:
        status, said = call("POST", where, headers={"X-Vault-Token": token}, body=body)
    except OSError:
        raise OutsideError(f"nothing answers at {url}", "rotate sandbox vault") from None
    errors = said.get("errors")
    why = "; ".join(str(error) for error in errors) if isinstance(errors, list) else ""
    if "check-and-set" in why:
        raise UsageError(f"there is a secret {ref.path} in {ref.mount} already", "give the new one another name")
    if status != _OK:
        raise OutsideError(f"the sandbox's Vault refused ({status}): {why or 'it gives no reason'}")
    return str(ref)


def private_file(path: Path, text: str) -> Path:
    """Readable by this user only. Raises `UsageError` where it is there already: it may be somebody's."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already", "name another --directory, or remove the file") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "name another --directory") from None
    return path


def require_free(port: int) -> int:
    """The port as it is. Raises `UsageError` where it is taken (0, which means any, never is)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = error.strerror or "it is taken"
            raise UsageError(f"port {port} cannot be used: {why}", "--port 0 takes any free one") from None
    return port
