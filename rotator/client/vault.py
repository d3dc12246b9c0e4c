"""Reading one key from Vault's KV version 2, and nothing else: applications need `read` on the path, and no more."""

from __future__ import annotations

import json
import os
import ssl
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rotator.client.bounded import MAX_BODY
from rotator.client.deadline import Deadline
from rotator.model.config import VaultSecretRef
from rotator.model.errors import ConfigError, OutsideError, Refused, Unreachable
from rotator.model.keys import KeyText

if TYPE_CHECKING:
    import httpx2

_CONNECT, _READ, _ATTEMPTS = 2.0, 3.0, 2  # seconds, seconds, tries: a request may be waiting for this read
_WHOLE = 5.0  # seconds for one try, from connecting to the last byte
_TRANSIENT = {408, 412, 429, 472, 473, 500, 502, 503, 504}
"""412: not replicated yet; 429, 472, 473: a standby. https://developer.hashicorp.com/vault/api-docs#http-status-codes"""
_SETTING_UP = "non-versioned to versioned data"
"""In the 400 of a mount that is not ready yet: https://github.com/hashicorp/vault-plugin-secrets-kv/issues/75"""
_OK = 200


class VaultReader:
    """Finds Vault as its own tools do: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT; VAULT_TOKEN, else `~/.vault-token`.

    The token is looked for anew at every read: a Vault agent replaces that file while the application runs.
    """

    def __init__(self, ref: VaultSecretRef) -> None:
        self._ref = ref
        self._address = os.environ.get("VAULT_ADDR", "").rstrip("/")
        if not self._address:
            raise ConfigError("VAULT_ADDR is not set: nothing says where Vault is.", "Set it, as for the Vault CLI.")
        authority = os.environ.get("VAULT_CACERT") or None
        secure = self._address.startswith("https:")
        self._verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=authority) if secure else True

    def read(self) -> KeyText:
        """The key. Raises `Unreachable` or `Refused`, with nothing of the secret's text in it."""
        failure: OutsideError | None = None
        for _ in range(_ATTEMPTS):
            try:
                return self._once()
            except Unreachable as error:
                failure = Unreachable(error.message, error.hint)
        assert failure is not None  # noqa: S101 - there was an attempt, and it failed
        raise failure

    def _once(self) -> KeyText:
        import httpx2

        # Plain: what is packed could unfold to any size.
        headers = {"X-Vault-Token": _token(), "X-Vault-Request": "true", "Accept-Encoding": "identity"}
        if os.environ.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = os.environ["VAULT_NAMESPACE"]
        url = f"{self._address}/v1/{self._ref.mount}/data/{quote(self._ref.path)}"
        try:
            # A client a read: nothing has to be closed or to survive a fork, and reads are seconds apart.
            with httpx2.Client(verify=self._verify, timeout=httpx2.Timeout(_READ, connect=_CONNECT)) as client:
                request = client.build_request("GET", url, headers=headers)
                with Deadline(_WHOLE).on(request), closing(client.send(request, stream=True)) as response:
                    status, text = response.status_code, _bounded(response)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError) as error:
            status, text, kind = 0, "", type(error).__name__
        if status == 0:
            raise Unreachable(
                f"Vault at {self._address} did not answer for {self._ref} ({kind}).",
                "Check the network, VAULT_ADDR and VAULT_CACERT of this process.",
            )
        if status != _OK:
            raise (Unreachable if status in _TRANSIENT or _SETTING_UP in text else Refused)(
                f"Vault at {self._address} would not show {self._ref}: it answered {status}.",
                f"403: the token needs `read` on {self._ref.mount}/data/{self._ref.path}, or has expired; 404: there "
                "is no such path, or its version was deleted.",
            )
        value = _field(text, self._ref.field)
        if value is None:
            raise Refused(f"{self._ref} has no text under {self._ref.field}.", "Name one of the secret's fields.")
        return KeyText(value)


def _token() -> str:
    token = os.environ.get("VAULT_TOKEN", "").strip()
    if not token:
        try:
            with (Path.home() / ".vault-token").open(encoding="ascii", errors="replace") as file:
                token = file.read(4096).strip()
        except (OSError, RuntimeError):
            token = ""
    if not token or not token.isascii() or not token.isprintable():
        raise Refused("There is no Vault token for this process.", "Set VAULT_TOKEN, or let a Vault agent write one.")
    return token


def _bounded(response: httpx2.Response) -> str:
    """As much of the body as a secret can be long; more is no answer of Vault's."""
    content = bytearray()
    for part in response.iter_raw():
        content += part
        if len(content) > MAX_BODY:
            return ""
    return content.decode(errors="replace")


def _field(text: str, name: str) -> str | None:
    try:
        fields = json.loads(text)["data"]["data"]
    except (
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ):  # its message is not used: the exception holds the whole text
        return None
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) and value else None
