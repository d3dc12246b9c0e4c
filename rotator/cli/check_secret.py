"""Reads one secret for a check, and where its field is wrong, finds the one that was meant."""

from __future__ import annotations

from functools import partial

from rotator.core.check.sample import Origin, Sample
from rotator.core.check.slips import field_with_key
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
        if _is_absent(refusal):
            return sample(text=None, missing=refusal.message, hint=refusal.hint)
        whole = _whole(place, ref)
        if whole is None:
            raise
        if ref.field is None:
            return sample(text=whole)
        return sample(text=None, missing=refusal.message, hint=refusal.hint)
    if version is None:
        return sample(text=None, missing=f"The secret {ref} has no current version.")
    if version.key is None:
        meant = field_with_key(_whole(place, ref) or "")
        hint = f"Its field `{meant[0]}` looks like a key: write #{meant[0]}." if meant else ""
        return sample(text=None, missing=f"The secret {ref} has no such field, or it is empty.", hint=hint)
    return sample(text=version.key.reveal())


def _is_absent(refusal: Refused) -> bool:
    """Whether AWS knows no such secret; Vault says so by giving no version."""
    from rotator.adapters.store.aws_errors import Absent

    return isinstance(refusal, Absent)


def _whole(place: Workplace, ref: SecretRef) -> str | None:
    """The whole text of the current version; None where the store does not give it."""
    try:
        if isinstance(ref, AwsSecretRef):
            from rotator.adapters.store.aws_calls import SecretCalls
            from rotator.adapters.store.aws_secret import CURRENT

            stored = SecretCalls(ref, None).content(CURRENT)
            return stored.document.reveal() if stored else None
        from rotator.adapters.store.vault_calls import SecretCalls as VaultCalls

        fields = VaultCalls(ref, place.vault, "").content()
        return fields.document.reveal() if fields else None
    except OutsideError:
        return None
