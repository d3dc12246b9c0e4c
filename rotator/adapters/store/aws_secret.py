"""What `DescribeSecret` says of a secret, in our words, and the tags that carry a claim."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rotator.client.bounded import words
from rotator.core.exposure import plain
from rotator.model.keys import Claim

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"

ROTATION_TAG, BY_TAG, AT_TAG, VERSION_TAG = "rotator:rotation", "rotator:by", "rotator:at", "rotator:version"
CLAIM_TAGS = (ROTATION_TAG, BY_TAG, AT_TAG, VERSION_TAG)
_TAG_VALUE_LIMIT = 256  # characters: Secrets Manager API reference, Tag
_SHOWN = 400  # characters: more than any id, tag or ARN here has
_TAG_PUNCTUATION = "_.:/=+-@"


@dataclass(frozen=True, slots=True)
class Replica:
    region: str
    status: str
    """InSync, InProgress or Failed."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret without its values."""

    labels: Mapping[str, tuple[str, ...]]
    """Version id → staging labels. Versions without a label are not listed by AWS."""
    tags: Mapping[str, str]
    replicas: tuple[Replica, ...]
    deleted: bool
    primary_region: str | None
    rotated_by: str | None
    """The Lambda function that AWS's own rotation calls; None where that rotation is off."""

    @classmethod
    def of(cls, answer: DescribeSecretResponseTypeDef) -> Secret:
        """Raises `TypeError` and its like where it is none."""
        words(answer["ARN"])  # the one field that every description has: `{}` is none
        rotates, primary = answer.get("RotationEnabled", False), answer.get("PrimaryRegion")
        return cls(
            labels={said(id): words(*labels) for id, labels in answer.get("VersionIdsToStages", {}).items()},
            tags={said(tag.get("Key", "")): said(tag.get("Value", "")) for tag in answer.get("Tags", [])},
            replicas=tuple(
                Replica(said(one.get("Region", "")), said(one.get("Status", "")), said(one.get("StatusMessage", "")))
                for one in answer.get("ReplicationStatus", [])
            ),
            deleted=answer.get("DeletedDate") is not None,
            primary_region=said(primary) if primary is not None else None,
            rotated_by=said(answer.get("RotationLambdaARN") or "AWS itself") if rotates else None,
        )

    def carrying(self, label: str) -> str | None:
        """The id of the version that carries the label."""
        return next((id for id, labels in self.labels.items() if label in labels), None)

    @property
    def current(self) -> str | None:
        return self.carrying(CURRENT)

    @property
    def held(self) -> str | None:
        """The pending version that somebody still works on.

        Rotation functions leave `AWSPENDING` behind on the version that they made current: that one is nobody's,
        unless our tags claim it. Then a rotation has promoted it and has not ended.
        """
        pending = self.carrying(PENDING)
        return pending if pending != self.current or self.tags.get(VERSION_TAG) == pending else None

    def claim(self, version_id: str) -> Claim | None:
        """Our claim on this version; None where the tags speak of none, of another one, or cannot be read."""
        if self.tags.get(VERSION_TAG) != version_id:
            return None
        try:
            at = datetime.fromisoformat(self.tags.get(AT_TAG, ""))
        except ValueError:
            return None
        if at.utcoffset() is None:
            return None
        return Claim(rotation=self.tags.get(ROTATION_TAG, ""), by=self.tags.get(BY_TAG, ""), at=at)


def said(text: object) -> str:
    """What stands there, fit to be shown: anybody who may tag the secret may have written it. Raises `TypeError`."""
    return plain(words(text)[0], _SHOWN)


def claim_tags(version_id: str, claim: Claim) -> dict[str, str]:
    """The claim as tags that AWS accepts."""
    claimed = {
        ROTATION_TAG: claim.rotation,
        BY_TAG: claim.by,
        AT_TAG: claim.at.isoformat(),
        VERSION_TAG: version_id,
    }
    return {name: _legal(value) for name, value in claimed.items()}


def _legal(value: str) -> str:
    """Letters, digits, spaces and `_.:/=+-@` of any script; anything else becomes `_`."""
    kept = (c if c in _TAG_PUNCTUATION or unicodedata.category(c)[0] in "LNZ" else "_" for c in value)
    return "".join(kept)[:_TAG_VALUE_LIMIT]
