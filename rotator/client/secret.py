"""Reading one key from AWS Secrets Manager, and nothing else: applications need no write access. Vault: `vault.py`."""

from __future__ import annotations

import json
import logging
from typing import Any, Protocol

from rotator.client.bounded import bounded_session, patience, unreadable, words
from rotator.core.exposure import plain
from rotator.core.unlogged import Unlogged
from rotator.model.config import AwsSecretRef, SecretRef, VaultSecretRef
from rotator.model.errors import ConfigError, OutsideError, Refused, Unreachable
from rotator.model.keys import KeyText

_AWS, _VAULT = "aws-sm://", "vault://"
_CONNECT, _READ, _ATTEMPTS = 2.0, 3.0, 2  # seconds, seconds, tries: a request may be waiting for this read
_WHOLE = 5.0  # seconds for one try, from connecting to the last byte
_UNLOGGED = Unlogged("SecretString")
_CODE_LIMIT = 80  # characters of an error's code
_TRANSIENT = {"ThrottlingException", "InternalServiceError", "InternalFailure", "ServiceUnavailable", "RequestTimeout"}


class Reader(Protocol):
    def read(self) -> KeyText:
        """The key that readers get now. Raises `Unreachable` or `Refused`, with nothing of the secret's text in it."""
        ...


def parse_reference(text: str) -> SecretRef:
    """`aws-sm://REGION/NAME-OR-ARN[#FIELD]` or `vault://MOUNT/PATH#FIELD`. Raises `ConfigError` for anything else."""
    where, _, field = text.partition("#")
    for scheme in (_AWS, _VAULT):
        first, _, rest = where.removeprefix(scheme).partition("/")
        if where.startswith(scheme) and first and rest:
            if scheme == _AWS:
                return AwsSecretRef(first, rest, field or None)
            if field:
                return VaultSecretRef(first, rest, field)
    raise ConfigError(
        "That is not a secret that a running application can read.",  # unshown: it may be a pasted key
        "Write it as in rotate.yaml: aws-sm://REGION/NAME#FIELD (without #FIELD the whole secret is the key), or "
        "vault://MOUNT/PATH#FIELD.",
    )


def open_reader(reference: str) -> Reader:
    """Connects to nothing yet. Raises `ConfigError` where the reference, or what this process knows, cannot do."""
    ref = parse_reference(reference)
    if isinstance(ref, AwsSecretRef):
        return SecretReader(ref)
    from rotator.client.vault import VaultReader

    return VaultReader(ref)


class SecretReader:
    """Reads the version labelled `AWSCURRENT`, and says so explicitly: facts: "AWS Secrets Manager"."""

    def __init__(self, ref: AwsSecretRef) -> None:
        logging.getLogger("botocore.parsers").addFilter(_UNLOGGED)  # it tells an answer's body
        self._ref = ref
        self._client = bounded_session(_WHOLE).client(
            "secretsmanager", region_name=ref.region, config=patience(_CONNECT, _READ, _ATTEMPTS)
        )

    def read(self) -> KeyText:
        """The key. Raises `Unreachable` or `Refused`, with nothing of the secret's text in it."""
        text = self._text()
        if self._ref.field is None:
            return KeyText(text)
        value = _field(text, self._ref.field)
        if value is None:
            raise Refused(
                f"The secret {self._ref.name} in {self._ref.region} has no text under {self._ref.field}.",
                "The secret must be a JSON object, and the part after # the name of one of its fields.",
            )
        return KeyText(value)

    def _text(self) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_secret_value(SecretId=self._ref.name, VersionStage="AWSCURRENT")
            text = None if "SecretBinary" in answer else words(answer["SecretString"])[0]
        except ClientError as error:
            failure = self._refusal(error.response)
        except BotoCoreError as error:
            kind = type(error).__name__
            failure = Unreachable(
                f"AWS Secrets Manager in {self._ref.region} did not answer for {self._ref.name} ({kind}).",
                "Check the network, AWS_ENDPOINT_URL and the AWS credentials of this process.",
            )
        except unreadable() as error:  # its text may be the secret's
            failure = Refused(
                f"What answered for {self._ref.name} in {self._ref.region} is no AWS Secrets Manager "
                f"({type(error).__name__}).",
                "Check AWS_ENDPOINT_URL, and whether a proxy stands in front of it.",
            )
        else:
            if text is not None:
                return text
            failure = Refused(f"The secret {self._ref.name} in {self._ref.region} is binary; a key is text.")
        raise failure

    def _refusal(self, response: Any) -> OutsideError:
        # The code decides, not the HTTP status (facts); botocore types the answer as a bare dictionary.
        code = plain(str(response.get("Error", {}).get("Code", "unknown")), _CODE_LIMIT)
        kind = Unreachable if code in _TRANSIENT else Refused
        return kind(
            f"AWS Secrets Manager in {self._ref.region} would not show {self._ref.name}: {code}.",
            "Check the name and the region, and that this process may call secretsmanager:GetSecretValue on it.",
        )


def _field(text: str, name: str) -> str | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):  # its message is not used: the exception holds the whole text
        return None
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) and value else None
