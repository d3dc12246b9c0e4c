"""Keys that grow old: near their end, over their `max_age`, or active long after they were replaced. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.core.key_records import fits
from rotator.core.remarks import Remark, Weight
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus
from rotator.model.rotation import Outcome, Rotation

NEAR = timedelta(days=14)
"""So long before a key's end it is said."""
MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """`records` None: Anthropic's books could not be read. `made_at`: by the books, else by the secret's version."""

    credential: str
    current: Fingerprint | None
    made_at: datetime | None
    by_the_books: bool
    expires_at: datetime | None
    max_age: timedelta | None
    held: tuple[Fingerprint, ...]
    """Every key that a secret of this configuration holds, under whatever label."""
    in_use: tuple[Fingerprint, ...]
    """Those of them that are current or pending: a previous one is what a rotation leaves, and is to be retired."""
    records: Sequence[KeyRecord] | None
    rotations: Sequence[Rotation]
    now: datetime


def remarks(ages: Ages) -> Iterator[Remark]:
    yield from _age(ages)
    yield from _expiry(ages)
    yield from _left_over(ages)
    yield from _others(ages)


def _age(ages: Ages) -> Iterator[Remark]:
    fix = f"rotate start {ages.credential}"
    if ages.made_at is None or ages.current is None:
        return
    age = ages.now - ages.made_at
    source = "" if ages.by_the_books else " (by the secret's version: the key itself may be older)"
    if ages.max_age is not None and age > ages.max_age:
        what = f"The key is {age.days} days old{source}; max_age is {ages.max_age.days} days."
        yield Remark(weight=Weight.WRONG, code="over_age", what=what, fix=fix)
    elif ages.max_age is not None and age > ages.max_age - min(NEAR, ages.max_age / 4):
        what = f"The key is {age.days} days old{source}, and due at {ages.max_age.days}."
        yield Remark(weight=Weight.WARNING, code="near_max_age", what=what, fix=fix)


def _expiry(ages: Ages) -> Iterator[Remark]:
    if ages.expires_at is None:
        return
    left = ages.expires_at - ages.now
    if left < NEAR:
        when = f"expires in {left.days} days" if left > timedelta() else "has expired"
        what = f"The key {when} ({ages.expires_at:%Y-%m-%d %H:%M} UTC)."
        yield Remark(weight=Weight.WRONG, code="expiry", what=what, fix=f"rotate start {ages.credential}")


def _left_over(ages: Ages) -> Iterator[Remark]:
    """Keys that an ended rotation left behind active, by the books."""
    if ages.records is None:
        return
    by_id = {record.id: record for record in ages.records}
    for rotation in ages.rotations:
        for key, key_id in _replaced(rotation):
            if key in ages.in_use:
                continue
            record = by_id.get(key_id or "") or _only([one for one in ages.records if fits(key, one.hint)])
            if record is not None and record.status is KeyStatus.ACTIVE:
                what = f"The key {key} ({record.id}) was replaced by rotation {rotation.id} and is still active."
                fix = f"Retire it in the Console, or see `rotate status {ages.credential}`."
                yield Remark(weight=Weight.WRONG, code="old_key_active", what=what, fix=fix)


def _replaced(rotation: Rotation) -> Iterator[tuple[Fingerprint, str | None]]:
    """The keys that are left when the rotation has ended: the old one, or after a way back the new one."""
    if rotation.outcome in (Outcome.COMPLETED, Outcome.ABANDONED) and rotation.old is not None:
        yield from ((key, rotation.old.key_id) for key in rotation.old.keys)
    elif rotation.outcome is Outcome.ROLLED_BACK and rotation.new is not None and rotation.plan.right is None:
        yield rotation.new.fingerprint, rotation.new.key_id


def _others(ages: Ages) -> Iterator[Remark]:
    """Active keys that no secret of this configuration holds: spares, or keys that everybody forgot."""
    if ages.records is None:
        return
    active = [record for record in ages.records if record.status is KeyStatus.ACTIVE]
    spare = [record for record in active if not any(fits(key, record.hint) for key in ages.held)]
    if spare:
        names = ", ".join(f"{one.id} ({one.name})" for one in spare[:MOST_NAMED])
        more = f" and {len(spare) - MOST_NAMED} more" if len(spare) > MOST_NAMED else ""
        what = f"Active keys of the organisation that no secret of this configuration holds: {names}{more}."
        yield Remark(
            weight=Weight.NOTE, code="unheld_keys", what=what, fix="Spares are fine; disable what nobody knows."
        )


def _only(records: Sequence[KeyRecord]) -> KeyRecord | None:
    return records[0] if len(records) == 1 else None
