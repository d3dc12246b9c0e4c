"""Keys that grow old: near their end, over their `max_age`, or active long after they were replaced. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.core.check.remarks import Remark, Weight
from rotator.core.key_records import NEAR_ITS_END, fits
from rotator.core.periods import brief
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus
from rotator.model.rotation import Outcome, Rotation

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """`made_at`: by Anthropic's record, else by the secret's version. `record`: the current key's."""

    credential: str
    current: Fingerprint | None
    made_at: datetime | None
    by_the_books: bool
    record: KeyRecord | None
    max_age: timedelta | None
    previous: tuple[Fingerprint, ...]
    """What a rotation left in the secrets for the way back, and somebody is to retire."""
    in_use: tuple[Fingerprint, ...]
    """Every key that is current or pending here, or current in another credential of the configuration."""
    records: Sequence[KeyRecord] | None
    """All of the organisation's; None: they could not be read."""
    rotations: Sequence[Rotation]
    now: datetime


def remarks(ages: Ages) -> Iterator[Remark]:
    yield from _age(ages)
    if ages.record is not None:
        yield from _end(ages, ages.record)
    if ages.records is not None:
        yield from _old_ones(ages, ages.records)
        yield from _unheld(ages, ages.records)


def _age(ages: Ages) -> Iterator[Remark]:
    if ages.made_at is None or ages.current is None or ages.max_age is None:
        return
    fix = f"rotate start {ages.credential}"
    age = ages.now - ages.made_at
    source = "" if ages.by_the_books else " (by the secret's version: the key itself may be older)"
    if age > ages.max_age:
        what = f"The key is {_lasting(age)} old{source}; max_age is {brief(ages.max_age)}."
        yield Remark(weight=Weight.WRONG, code="over_age", what=what, fix=fix)
    elif age > ages.max_age - min(NEAR_ITS_END, ages.max_age / 4):
        what = f"The key is {_lasting(age)} old{source}, and due at {brief(ages.max_age)}."
        yield Remark(weight=Weight.WARNING, code="near_max_age", what=what, fix=fix)


def _end(ages: Ages, record: KeyRecord) -> Iterator[Remark]:
    if record.expires_at is not None and record.expires_at - ages.now < NEAR_ITS_END:
        left = record.expires_at - ages.now
        when = f"expires in {_lasting(left)}" if left > timedelta() else "has expired"
        what = f"The key {when} ({record.expires_at:%Y-%m-%d %H:%M} UTC)."
        yield Remark(weight=Weight.WRONG, code="expiry", what=what, fix=f"rotate start {ages.credential}")
    if record.personal:
        what = "The key belongs to a person: it dies when that user leaves the organisation."
        fix = "Rotate to a key of the workspace's own, or of a service account."
        yield Remark(weight=Weight.WARNING, code="personal", what=what, fix=fix)


def _old_ones(ages: Ages, records: Sequence[KeyRecord]) -> Iterator[Remark]:
    """Keys that were replaced and are active all the same, by the books. While a rotation is open, that is its plan."""
    by_id = {record.id: record for record in records}
    open_now = any(rotation.outcome is Outcome.OPEN for rotation in ages.rotations)
    said: set[str] = set()
    for rotation, key, key_id in _replaced(ages.rotations):
        record = by_id.get(key_id or "") or _only(records, key)
        if key in ages.in_use or record is None or record.status is not KeyStatus.ACTIVE or record.id in said:
            continue
        said.add(record.id)
        what = f"The key {key} ({record.id}) was replaced by rotation {rotation.id} and is still active."
        fix = f"Retire it in the Console, or see `rotate status {ages.credential}`."
        yield Remark(weight=Weight.WRONG, code="old_key_active", what=what, fix=fix)
    for key in () if open_now else dict.fromkeys(ages.previous):
        record = _only(records, key)
        if key in ages.in_use or record is None or record.status is not KeyStatus.ACTIVE or record.id in said:
            continue
        said.add(record.id)
        what = f"The previous key {key} ({record.id}) was replaced, by no rotation of ours, and is still active."
        fix = "Disable it in the Console once nobody uses it."
        yield Remark(weight=Weight.WARNING, code="old_key_active", what=what, fix=fix)


def _replaced(past: Sequence[Rotation]) -> Iterator[tuple[Rotation, Fingerprint, str | None]]:
    """The keys that ended rotations left, with their records' ids: the old one, or after a way back the new one."""
    for rotation in past:
        if rotation.outcome in (Outcome.COMPLETED, Outcome.ABANDONED) and rotation.old is not None:
            old = rotation.old
            yield from ((rotation, key, old.key_id if key == old.fingerprint else None) for key in old.keys)
        elif rotation.outcome is Outcome.ROLLED_BACK and rotation.new is not None and rotation.plan.right is None:
            yield rotation, rotation.new.fingerprint, rotation.new.key_id


def _unheld(ages: Ages, records: Sequence[KeyRecord]) -> Iterator[Remark]:
    """Active keys that are current nowhere in this configuration: spares, or keys that everybody forgot."""
    held = (*ages.in_use, *ages.previous)
    active = [record for record in records if record.status is KeyStatus.ACTIVE]
    spare = [record for record in active if not any(fits(key, record.hint) for key in held)]
    if spare:
        names = ", ".join(f"{one.id} ({one.name})" for one in spare[:MOST_NAMED])
        more = f" and {len(spare) - MOST_NAMED} more" if len(spare) > MOST_NAMED else ""
        count = "1 active key" if len(spare) == 1 else f"{len(spare)} active keys"
        what = f"{count} of the organisation that no credential here uses: {names}{more}."
        yield Remark(
            weight=Weight.NOTE, code="unheld_keys", what=what, fix="Spares are fine; disable what nobody knows."
        )


def _only(records: Sequence[KeyRecord], key: Fingerprint) -> KeyRecord | None:
    """The one record that fits; None also where several do."""
    fitting = [record for record in records if fits(key, record.hint)]
    return fitting[0] if len(fitting) == 1 else None


def _lasting(length: timedelta) -> str:
    return "1 day" if length.days == 1 else f"{length.days} days" if length.days else "less than a day"
