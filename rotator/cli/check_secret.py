"""Reads one secret for a check, and where its field is wrong, finds the one that was meant."""

from __future__ import annotations

from functools import partial

from rotator.core.sample import Origin, Sample
from rotator.core.slips import field_with_key
from rotator.loader import parse_secret
from rotator.model.config import AwsSecretRef, SecretRef
from rotator.model.errors import OutsideError, Refused
from rotator.model.keys import Label
from rotator.wiring import Workplace


def read_secret(place: Workplace, reference: str) -> Sample:
    """The current key as it is stored. Raises `ConfigError` for the reference, `OutsideError` where none can be read.

    A secret that answers, but is not as the reference says, is a finding and no error.
    """
    ref = parse_secret(reference)
    sample = partial(Sample, origin=Origin.SECRET, name=str(ref))
    try:
        version = place.store(ref).read(Label.CURRENT)
    except Refused as refusal:
        whole = _whole(ref)
        if whole is None:
            raise
        if ref.field is None:
            return sample(text=whole)
        return sample(text=None, missing=refusal.message, hint=refusal.hint)
    if version is None:
        return sample(text=None, missing=f"The secret {ref} has no current version.")
    if version.key is None:
        meant = field_with_key(_whole(ref) or "")
        hint = f"Its field `{meant[0]}` looks like a key: write #{meant[0]}." if meant else ""
        return sample(text=None, missing=f"The secret {ref} has no such field, or it is empty.", hint=hint)
    return sample(text=version.key.reveal())


def _whole(ref: SecretRef) -> str | None:
    """The whole text of the current version, where the store keeps one text (AWS) and gives it."""
    if not isinstance(ref, AwsSecretRef):
        return None
    from rotator.adapters.store.aws_calls import SecretCalls
    from rotator.adapters.store.aws_secret import CURRENT

    try:
        content = SecretCalls(ref, None).content(CURRENT)
    except OutsideError:
        return None
    return content.document.reveal() if content else None
