"""The Secrets Manager calls that one secret needs: bounded, every label explicit, no boto exception let out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from rotator.adapters.store.aws_errors import Absent, Exists, Invalid, deleted, explain, no_answer
from rotator.adapters.store.aws_secret import CLAIM_TAGS, CURRENT, PENDING, Secret, claim_tags, said
from rotator.adapters.store.fields import Document
from rotator.client.bounded import WHOLE_SECONDS, bounded_session, patience, unreadable, words
from rotator.core.unlogged import Unlogged
from rotator.model.config import AwsSecretRef
from rotator.model.errors import OutsideError, Refused, StoreConflict, Unreachable
from rotator.model.keys import Claim

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import GetSecretValueResponseTypeDef

T = TypeVar("T")

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
ATTEMPTS = 3
"""Per call, botocore's "standard" mode: throttling, 5xx and lost connections, a few seconds between them. With
`bounded.WHOLE_SECONDS` for each a call ends within some 100 s, whatever answers."""
_READS, _READS_SECONDS = 6, 60.0
"""How often a version that AWS lists is asked for until it can be read, some 3 s of waiting in all; and until when."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds, doubling


@dataclass(frozen=True, slots=True)
class Content:
    """One version with its text."""

    id: str
    created_at: datetime | None
    document: Document


class _NotYet(Unreachable):
    """AWS lists the version and cannot serve it yet: it is eventually consistent after a write."""


class SecretCalls:
    """Errors are `OutsideError`s, without a cause: botocore's own may hold a request's body."""

    def __init__(self, ref: AwsSecretRef, client: SecretsManagerClient | None) -> None:
        self._ref = ref
        self._client = client

    def describe(self) -> Secret:
        """Raises `Refused` where the secret is absent or scheduled for deletion."""
        secret = self._do("DescribeSecret", lambda client: Secret.of(client.describe_secret(SecretId=self._ref.name)))
        if secret.deleted:
            raise deleted(self._ref)
        return secret

    def content(self, label: str, version_id: str | None = None) -> Content | None:
        """The version with this label; None where no version, or not `version_id`, carries it."""
        from tenacity import (
            Retrying,
            retry_if_exception_type,
            stop_after_attempt,
            stop_after_delay,
            wait_exponential,
        )

        patient = Retrying(
            retry=retry_if_exception_type(_NotYet),
            stop=stop_after_attempt(_READS) | stop_after_delay(_READS_SECONDS),
            wait=wait_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
            reraise=True,
        )
        return patient(self._content, label, version_id)

    def _content(self, label: str, version_id: str | None) -> Content | None:
        try:
            return self._do("GetSecretValue", lambda client: self._told(self._get(client, label, version_id)))
        except (Absent, Invalid):
            secret = self.describe()
        carrier = secret.carrying(label)
        if carrier is None or version_id not in (None, carrier):
            return None
        raise _NotYet(
            f"Version {carrier} of {self._ref} is listed by AWS, but cannot be read yet.",
            "Repeat the command in a minute: AWS makes a new version readable with a delay.",
        )

    def _get(self, client: SecretsManagerClient, label: str, version_id: str | None) -> GetSecretValueResponseTypeDef:
        if version_id is None:
            return client.get_secret_value(SecretId=self._ref.name, VersionStage=label)
        return client.get_secret_value(SecretId=self._ref.name, VersionStage=label, VersionId=version_id)

    def _told(self, answer: GetSecretValueResponseTypeDef) -> Content:
        if "SecretBinary" in answer:
            raise Refused(
                f"{self._ref} holds binary data, not text.",
                "Store the key as text: a bare string, or a field of a JSON object.",
            )
        (text,) = words(answer["SecretString"])
        return Content(
            said(answer["VersionId"]), answer.get("CreatedDate"), Document(text, self._ref.field, str(self._ref))
        )

    def put(self, version_id: str, document: Document) -> None:
        """Write the pending version. A repeat with the same id and text changes nothing."""
        try:
            labels = self._do("PutSecretValue", lambda client: self._put(client, version_id, document))
        except Exists:
            taken = True
        else:
            taken = False
        if taken:
            raise StoreConflict(
                f"Version {version_id} of {self._ref} already exists with another text. Nothing was overwritten.",
                "`rotate rollback`, then start a new rotation: it writes a version of its own.",
            )
        if PENDING not in labels:
            # The version was there from before, without its label: AWS ignores the repeated put, labels included.
            self.relabel(PENDING, move_to=version_id)

    def _put(self, client: SecretsManagerClient, version_id: str, document: Document) -> tuple[str, ...]:
        """The labels of the version as it is then."""
        answer = client.put_secret_value(
            SecretId=self._ref.name,
            ClientRequestToken=version_id,
            SecretString=document.reveal(),
            VersionStages=[PENDING],
        )
        return words(*answer.get("VersionStages", []))

    def relabel(self, label: str, *, move_to: str | None = None, remove_from: str | None = None) -> None:
        """Move a label. Raises `Invalid` where it is not, or no longer, on `remove_from`."""
        ends = {"MoveToVersionId": move_to, "RemoveFromVersionId": remove_from}
        given = {name: id for name, id in ends.items() if id is not None}
        self._do(
            "UpdateSecretVersionStage",
            lambda client: client.update_secret_version_stage(SecretId=self._ref.name, VersionStage=label, **given),
        )

    def make_current(self, version_id: str, current: str | None) -> None:
        """The compare-and-swap. `AWSPREVIOUS` follows by itself, `AWSPENDING` stays."""
        try:
            self.relabel(CURRENT, move_to=version_id, remove_from=current)
        except (Absent, Invalid) as refusal:
            refused: OutsideError = refusal
        else:
            return
        # Somebody was faster; or it was us, where the answer to a first attempt got lost.
        found = self.describe()
        if found.current == version_id:
            return
        if found.current != current:
            raise StoreConflict(
                f"Version {found.current} of {self._ref} became current meanwhile. Nothing was overwritten.",
                "Find out who wrote it before anything else.",
            )
        raise refused

    def tag(self, version_id: str, claim: Claim) -> None:
        """Write the claim beside the secret's other tags, which stay.

        An earlier claim is taken off first: it is nobody's by then, and where the permission to untag, needed at the
        rotation's very end, is missing, that is known before the first effect.
        """
        self.untag()
        tags = claim_tags(version_id, claim)
        self._do(
            "TagResource",
            lambda client: client.tag_resource(
                SecretId=self._ref.name, Tags=[{"Key": name, "Value": value} for name, value in tags.items()]
            ),
        )

    def untag(self) -> None:
        self._do(
            "UntagResource",
            lambda client: client.untag_resource(SecretId=self._ref.name, TagKeys=list(CLAIM_TAGS)),
        )

    def _do(self, operation: str, request: Callable[[SecretsManagerClient], T]) -> T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            # ValueError: botocore's word for an AWS_ENDPOINT_URL that is no URL.
            client = self._connected()
        except (BotoCoreError, ValueError) as failure:
            error = explain(failure, operation, self._ref)
        else:
            try:
                return request(client)
            except (ClientError, BotoCoreError) as failure:
                error = explain(failure, operation, self._ref)
            except unreadable() as failure:
                error = no_answer(failure, operation, self._ref)
        # Outside the `except`: a chained exception would carry the request, and with it a key.
        raise error

    def _connected(self) -> SecretsManagerClient:
        if self._client is None:
            self._client = _connect(self._ref)
        return self._client


_UNLOGGED: Final = Unlogged("SecretString")
_TELLING: Final = ("botocore.endpoint", "botocore.parsers")
"""Loggers of botocore that tell a request's and an answer's body."""


def _connect(ref: AwsSecretRef) -> SecretsManagerClient:
    parts = ref.name.split(":")
    if parts[0] == "arn" and len(parts) > 3 and parts[3] != ref.region:
        raise Refused(
            f"The ARN in {ref} names region {parts[3]}, the reference region {ref.region}.",
            "Correct the one that is wrong in rotate.yaml.",
        )
    for name in _TELLING:
        logging.getLogger(name).addFilter(_UNLOGGED)
    config = patience(CONNECT_SECONDS, READ_SECONDS, ATTEMPTS)
    return bounded_session(WHOLE_SECONDS).client("secretsmanager", region_name=ref.region, config=config)
