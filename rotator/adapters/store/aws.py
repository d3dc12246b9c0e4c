"""AWS Secrets Manager as a `SecretStore`. Facts: "AWS Secrets Manager"; API: https://docs.aws.amazon.com/secretsmanager/

Labels are the states: `AWSPENDING` beside `AWSCURRENT`, one move of `AWSCURRENT` with `RemoveFromVersionId` as the
compare-and-swap. Every call names its label, for an omitted one means `AWSCURRENT`, on a write too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rotator.adapters.store.aws_calls import SecretCalls
from rotator.adapters.store.aws_errors import Invalid
from rotator.adapters.store.aws_secret import CURRENT, PENDING, PREVIOUS, VERSION_TAG, Secret
from rotator.adapters.store.fields import Document
from rotator.model.config import AwsSecretRef
from rotator.model.errors import OutsideError, Refused, StoreConflict
from rotator.model.keys import Claim, Holding, KeyText, Label, Version

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

_LABELS = {Label.PENDING: PENDING, Label.CURRENT: CURRENT, Label.PREVIOUS: PREVIOUS}


class AwsSecretStore:
    """One secret. Makes its client at the first call, by boto's own rules (AWS_PROFILE, AWS_ENDPOINT_URL and so on)."""

    def __init__(self, ref: AwsSecretRef, *, client: SecretsManagerClient | None = None) -> None:
        self._ref = ref
        self._calls = SecretCalls(ref, client)

    def read(self, label: Label) -> Version | None:
        content = self._calls.content(_LABELS[label])
        if content is None:
            return None
        return Version(id=content.id, key=content.document.key(), created_at=content.created_at)

    def stage(self, version_id: str, key: KeyText, claim: Claim) -> None:
        secret = self._calls.describe()
        self._refuse_foreign(secret, version_id)
        for label in (PENDING, CURRENT):
            if secret.carrying(label) == version_id:
                self._verify(label, version_id, key)
                return
        current = self._calls.content(CURRENT, secret.current) if secret.current else None
        document = current.document.with_key(key) if current else Document.first(key, self._ref.field, str(self._ref))
        # Tags first: where the permission for them is missing, that is known before anything has happened.
        self._calls.tag(version_id, claim)
        self._calls.put(version_id, document)
        self._verify(PENDING, version_id, key)

    def promote(self, version_id: str, expected_current: str | None) -> None:
        secret = self._calls.describe()
        if secret.current == version_id:
            return
        self._refuse_other_current(secret, expected_current)
        # A description may lag behind the staging: only a read says that the label is gone.
        if secret.carrying(PENDING) != version_id and self._calls.content(PENDING, version_id) is None:
            raise StoreConflict(
                f"Version {version_id} of {self._ref} is no longer pending: AWSPENDING is on "
                f"{secret.carrying(PENDING) or 'no version'}. Nothing was changed.",
                "Somebody else took the label: find out who, then `rotate rollback`.",
            )
        if secret.current is not None:
            self._refuse_edited(secret.current, version_id)
        self._calls.make_current(version_id, secret.current)

    def restore(self, version_id: str, expected_current: str) -> None:
        secret = self._calls.describe()
        if secret.current == version_id:
            return
        self._refuse_other_current(secret, expected_current)
        self._calls.make_current(version_id, secret.current)

    def discard(self, version_id: str) -> None:
        secret = self._calls.describe()
        if secret.carrying(PENDING) == version_id:
            try:
                self._calls.relabel(PENDING, remove_from=version_id)
            except Invalid:
                # Taken off meanwhile, or by the first of two attempts whose answer was lost.
                secret = self._calls.describe()
                if secret.carrying(PENDING) == version_id:
                    raise
        if secret.tags.get(VERSION_TAG) == version_id:
            self._calls.untag()

    def holder(self) -> Holding | None:
        """As in the port. A version that is current already is held until the rotation that claims it has ended."""
        secret = self._calls.describe()
        return self._holding(secret, secret.held) if secret.held else None

    def lagging(self) -> Sequence[str]:
        """As in the port. Raises `Refused` where a replication has failed: it does not mend itself."""
        replicas = self._calls.describe().replicas
        for replica in replicas:
            if replica.status == "Failed":
                raise Refused(
                    f"The copy of {self._ref} in {replica.region} failed: {replica.message or 'AWS gives no reason'}.",
                    "Mend or remove that replica (`aws secretsmanager remove-regions-from-replication`), then repeat.",
                )
        return [replica.region for replica in replicas if replica.status != "InSync"]

    def warnings(self) -> Sequence[str]:
        """Empty. Raises `Refused` where nothing can be staged: the secret is a replica, or AWS itself rotates it."""
        self._refuse_unwritable(self._calls.describe())
        return ()

    # What may not be overwritten

    def _refuse_unwritable(self, secret: Secret) -> None:
        if secret.primary_region and secret.primary_region != self._ref.region:
            raise Refused(
                f"{self._ref} is a replica: it can only be written in its primary region, {secret.primary_region}.",
                f"Name region {secret.primary_region} in rotate.yaml; its replicas follow.",
            )
        if secret.rotated_by:
            raise Refused(
                f"AWS's own rotation is on for {self._ref}, by {secret.rotated_by}: two rotations would fight.",
                "Turn it off with `aws secretsmanager cancel-rotate-secret`, then repeat the command.",
            )

    def _refuse_foreign(self, secret: Secret, version_id: str) -> None:
        self._refuse_unwritable(secret)
        if secret.held is None or secret.held == version_id:
            return
        holding = self._holding(secret, secret.held)
        whose = (
            f"rotation {holding.claim.rotation} of {holding.claim.by}"
            if holding.claim
            else f"somebody else ({holding.detail})"
        )
        since = holding.since.isoformat() if holding.since else "an unknown time"
        raise StoreConflict(
            f"{self._ref} has a pending version {holding.version_id} that belongs to {whose}, since {since}.",
            "Let them finish or abandon it. If nobody does: `aws secretsmanager update-secret-version-stage "
            f"--version-stage AWSPENDING --remove-from-version-id {holding.version_id}`; remove the rotator:* tags.",
        )

    def _refuse_other_current(self, secret: Secret, expected: str | None) -> None:
        if secret.current != expected:
            raise StoreConflict(
                f"The current version of {self._ref} is {secret.current or 'absent'}, not {expected or 'absent'} "
                "as expected: somebody else wrote it. Nothing was overwritten.",
                "Find out who wrote it; `rotate rollback` leaves their version alone.",
            )

    def _refuse_edited(self, current_id: str, version_id: str) -> None:
        current, pending = self._calls.content(CURRENT, current_id), self._calls.content(PENDING, version_id)
        if current and pending and current.document.same_surroundings(pending.document):
            return
        raise StoreConflict(
            f"Another field of {self._ref} was edited after the new key was staged. Nothing was overwritten.",
            "`rotate rollback`, then start again: the new version is then made from the edited secret.",
        )

    def _verify(self, label: str, version_id: str, key: KeyText) -> None:
        content = self._calls.content(label, version_id)
        if content is None or content.document.key() != key:
            raise StoreConflict(f"Version {version_id} of {self._ref} holds another key than the one to be staged.")

    def _holding(self, secret: Secret, version_id: str) -> Holding:
        claim = secret.claim(version_id)
        if claim:
            return Holding(version_id=version_id, claim=claim, since=claim.at)
        try:
            content = self._calls.content(PENDING, version_id)
        except OutsideError:
            content = None  # theirs need not be readable for us; that it is there is what counts
        return Holding(
            version_id=version_id,
            claim=None,
            since=content.created_at if content else None,
            detail=f"by AWS's rotation through {secret.rotated_by}" if secret.rotated_by else "no rotator:* tags",
        )
