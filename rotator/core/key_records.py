"""Which of the issuer's records is this key's, and which changes of status are possible (facts: Admin API)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from rotator.model.errors import AmbiguousKey, Refused
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus

NEAR_ITS_END = timedelta(days=14)
"""So long before a key expires it is said."""
MAX_NAMED = 10
"""How many candidates an error names before it only counts them."""

_HINT = re.compile(r"^([A-Za-z0-9_-]+)(?:\.{2,}|…|\*{2,})([A-Za-z0-9_-]+)$")
_DONE_BY_ANTHROPIC = "Keys expire by themselves; nobody can set that status. To retire the key, disable or archive it."


def fits(fingerprint: Fingerprint, hint: str | None) -> bool:
    """Whether the record's hint may be this key's: beginning and end must both agree, as far as both are known.

    The hint's usual form is 16 + `...` + 4 characters; other lengths are compared over what both sides show.
    """
    split = _HINT.match(hint or "")
    if split is None or not fingerprint.head:
        return False
    begins, ends = split.group(1)[: len(fingerprint.head)], split.group(2)[-len(fingerprint.tail) :]
    return fingerprint.head.startswith(begins) and fingerprint.tail.endswith(ends)


def choose(fingerprint: Fingerprint, records: Iterable[KeyRecord]) -> KeyRecord | None:
    """The one record that fits; None where none does. Raises `AmbiguousKey` where several do."""
    fitting = [record for record in records if fits(fingerprint, record.hint)]
    if len(fitting) > 1:
        named = ", ".join(f"{record.id} ({record.name}, {record.status.value})" for record in fitting[:MAX_NAMED])
        more = f" and {len(fitting) - MAX_NAMED} more" if len(fitting) > MAX_NAMED else ""
        raise AmbiguousKey(
            f"{len(fitting)} of Anthropic's key records fit the key {fingerprint}: {named}{more}.",
            "Look the key up in the Console and name its record: `key_id:` under `issuer: anthropic:` in rotate.yaml, "
            "or --key-id.",
        )
    return fitting[0] if fitting else None


def confirm(fingerprint: Fingerprint, record: KeyRecord) -> KeyRecord:
    """The record that a person named, if it can be this key's. Raises `AmbiguousKey` where its hint says otherwise."""
    if record.hint is not None and not fits(fingerprint, record.hint):
        raise AmbiguousKey(
            f"The record {record.id} ({record.name}) is another key's: its hint is {record.hint}, "
            f"the key at hand is {fingerprint}.",
            "Correct `key_id:` in rotate.yaml (or --key-id): it must name the record of the key that the secret holds.",
        )
    return record


def needs_change(record: KeyRecord, wanted: KeyStatus) -> bool:
    """Whether a write is needed for the key to be `wanted`. Raises `Refused` where Anthropic cannot do it.

    A record may be behind: that a key is active already is no reason not to enable it, for somebody may miss it.
    `archived` is final, and an expired key can only be archived (facts: What shapes the design, 2).
    """
    if record.status is wanted:
        return wanted is KeyStatus.ACTIVE
    if wanted is KeyStatus.EXPIRED:
        raise Refused(f"The key {record.id} ({record.name}) cannot be made to expire.", _DONE_BY_ANTHROPIC)
    if record.status is KeyStatus.ARCHIVED:
        raise Refused(
            f"The key {record.id} ({record.name}) is archived, and that is final: it cannot become {wanted.value}.",
            "Make a new key in the Console and rotate to it.",
        )
    if record.status is KeyStatus.EXPIRED and wanted is not KeyStatus.ARCHIVED:
        raise Refused(
            f"The key {record.id} ({record.name}) has expired: it can only be archived, not become {wanted.value}.",
            "Make a new key in the Console and rotate to it.",
        )
    return True


def unmanaged(wanted: str) -> Refused:
    """The refusal where there is no Admin key. `wanted`: what was asked for, as the end of a sentence."""
    return Refused(
        f"Without an Admin key rotator cannot {wanted}.",
        "Do it by hand: Console, Settings, API keys, the key's menu. Or give an Admin key: `admin_key:` in rotate.yaml "
        "(individual accounts have none).",
    )
