"""A secret in Vault's KV version 2, and how its versions get their names.

KV numbers versions and labels none, and an edit of any field makes a new number. What this tool rotates is one field,
so a version is named by the key in it: two numbers with the same key are the same version to us. Its name is
`key-<digest>`, or, where we wrote the key, the rotation's own id, which the path's `custom_metadata` gives for that
digest. The note is written *before* the promoting write and only says which key bears which name: so from the very
instant of that one write, and for whoever comes after a crash, the version has its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rotator.adapters.store.fields import Document, member_text
from rotator.adapters.store.vault_errors import Answer, no_answer
from rotator.core.exposure import plain
from rotator.model.config import VaultSecretRef
from rotator.model.keys import Claim, KeyText

VERSION, KEY, ROTATION, BY, AT = "rotator_version", "rotator_key", "rotator_rotation", "rotator_by", "rotator_at"
BEFORE_VERSION, BEFORE_KEY = "rotator_before_version", "rotator_before_key"
NOTE = (VERSION, KEY, ROTATION, BY, AT, BEFORE_VERSION, BEFORE_KEY)
NO_KEY = "without-a-key"
_LONGEST = 512
"""Bytes of one value of `custom_metadata`: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One version of the path with its fields."""

    number: int
    created_at: datetime | None
    document: Document
    custom: Mapping[str, str] = field(repr=False)
    key: KeyText | None

    @classmethod
    def of(cls, answer: Answer, ref: VaultSecretRef) -> Content:
        """From a successful read. Raises `Refused` where the field is no text."""
        # The text of the fields themselves: parsed and written anew, a number like 1.10 would not stay what it was.
        document = Document(member_text(answer.text, "data", "data") or "{}", ref.field, str(ref))
        about = answer.part("data", "metadata")
        return cls(
            number=_number(about, str(ref)),
            created_at=moment(about.get("created_time")),
            document=document,
            custom=custom_of(about),
            key=document.key(),
        )

    @property
    def id(self) -> str:
        """Without a key it is one and the same version to us, however often its other fields change."""
        return name_of(self.key, self.custom) if self.key else NO_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What the sibling path holds: the key and, written with it in one go, whose it is."""

    id: str
    key: KeyText | None
    claim: Claim | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sibling:
    """The sibling path. `number` is what a write to it must name: 0 where there is none."""

    number: int
    pending: Pending | None


def name_of(key: KeyText, custom: Mapping[str, str]) -> str:
    digest = key.fingerprint.digest
    for noted, name in ((KEY, VERSION), (BEFORE_KEY, BEFORE_VERSION)):
        if custom.get(noted) == digest and custom.get(name):
            return plain(custom[name], _LONGEST)
    return f"key-{digest}"


def noted(content: Content | None, pending: Pending) -> dict[str, str]:
    """`custom_metadata` that names the pending key, keeps the current one's name, and all that is not ours."""
    custom = dict(content.custom) if content else {}
    others = {name: said for name, said in custom.items() if name not in NOTE}
    note = {VERSION: pending.id, KEY: pending.key.fingerprint.digest if pending.key else ""}
    if pending.claim:
        note |= _said(pending.claim)
    if content and content.key and not content.id.startswith("key-"):
        note |= {BEFORE_VERSION: content.id, BEFORE_KEY: content.key.fingerprint.digest}
    return others | note


def pending_text(field: str, version_id: str, key: KeyText, claim: Claim) -> str:
    """The sibling's fields. One write holds key and claim, so there is never one without the other."""
    return json.dumps({VERSION: version_id, **_said(claim), field: key.reveal()})


def pending_of(answer: Answer, ref: VaultSecretRef) -> Sibling:
    """From a read of the sibling that found a version."""
    about, fields = answer.part("data", "metadata"), answer.part("data", "data")
    number = _number(about, f"what waits beside {ref}")
    id, rotation, by = (plain(str(fields.get(name) or ""), _LONGEST) for name in (VERSION, ROTATION, BY))
    text, at = fields.get(ref.field), moment(fields.get(AT))
    claim = Claim(rotation=rotation, by=by, at=at) if rotation and at else None
    pending = Pending(
        id=id or f"v{number}",
        key=KeyText(text) if isinstance(text, str) and text else None,
        claim=claim,
        created_at=moment(about.get("created_time")),
    )
    return Sibling(number, pending)


def custom_of(about: Mapping[str, object]) -> dict[str, str]:
    found = about.get("custom_metadata")
    return {str(name): str(said) for name, said in found.items()} if isinstance(found, dict) else {}


def moment(text: object) -> datetime | None:
    """Vault's RFC 3339; None where there is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and text else None
    except ValueError:
        return None
    return found if found and found.utcoffset() is not None else None


def _number(about: Mapping[str, object], what: str) -> int:
    """Of a version that was read. It is what a write is compared with: it is not guessed."""
    found = about.get("version")
    if not isinstance(found, int) or found < 1:
        raise no_answer(f"for {what}")
    return found


def _said(claim: Claim) -> dict[str, str]:
    said = {ROTATION: claim.rotation, BY: claim.by, AT: claim.at.isoformat()}
    return {name: _legal(value) for name, value in said.items()}


def _legal(value: str) -> str:
    printable = "".join(c if c.isprintable() else "_" for c in value) or "_"
    return printable.encode()[:_LONGEST].decode(errors="ignore")
