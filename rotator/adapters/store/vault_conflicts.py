"""What a Vault secret is refused for: somebody else's key, somebody else's pending version, a lost history."""

from __future__ import annotations

from rotator.adapters.store.vault_secret import Content, Pending
from rotator.model.config import VaultSecretRef
from rotator.model.errors import Refused, StoreConflict
from rotator.model.keys import KeyText


def other_current(ref: VaultSecretRef, current: Content | None, expected: str | None) -> StoreConflict:
    found = current.id if current else "absent"
    return StoreConflict(
        f"The current version of {ref} is {found}, not {expected or 'absent'} as expected: somebody else wrote the "
        "key. Nothing was overwritten.",
        "Find out who wrote it; `rotate rollback` leaves their version alone.",
    )


def not_pending(ref: VaultSecretRef, version_id: str, pending: Pending | None, sibling: str) -> StoreConflict:
    return StoreConflict(
        f"Version {version_id} of {ref} is no longer pending: {sibling} holds "
        f"{pending.id if pending else 'nothing'}. Nothing was changed.",
        "Somebody else removed it: find out who, then `rotate rollback`.",
    )


def foreign(ref: VaultSecretRef, pending: Pending, sibling: str) -> StoreConflict:
    claim, since = pending.claim, pending.claim.at if pending.claim else pending.created_at
    whose = f"rotation {claim.rotation} of {claim.by}" if claim else "somebody else (no claim beside it)"
    return StoreConflict(
        f"{ref} has a pending version {pending.id} that belongs to {whose}, since "
        f"{since.isoformat() if since else 'an unknown time'}.",
        f"Let them finish or abandon it. If nobody does: `vault kv metadata delete -mount={ref.mount} {sibling}`.",
    )


def forgotten(ref: VaultSecretRef, version_id: str, looked_at: int) -> Refused:
    return Refused(
        f"Version {version_id} of {ref} is no longer in its history: Vault has dropped, deleted or destroyed it (the "
        f"last {looked_at} versions are looked at). Nothing was changed.",
        f"Undelete it if it is only deleted (`vault kv metadata get -mount={ref.mount} {ref.path}` shows that); else "
        "write the key there by hand. More versions are kept with a higher max_versions.",
    )


def refuse_other_key(ref: VaultSecretRef, version_id: str, found: KeyText | None, key: KeyText) -> None:
    if found != key:
        raise StoreConflict(f"Version {version_id} of {ref} holds another key than the one to be staged.")
