"""What wants doing: keys over their age, rotations near their deadline, debts. From the journal alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rotator.core.owed import Debt, owed
from rotator.model.canonical import JsonObject
from rotator.model.rotation import Mark, Outcome, Rotation

_LAST_PART: Final = 4
"""A rotation is near its deadline in the last quarter of its time."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One credential. `age` None: no rotation in the journal brought its key, so its age is not known here."""

    credential: str
    age: timedelta | None
    max_age: timedelta | None
    why: tuple[str, ...]
    debts: tuple[Debt, ...]
    next: str

    def to_json(self) -> JsonObject:
        """Ages are in days."""
        return {
            "credential": self.credential,
            "age": None if self.age is None else round(self.age / _DAY, 2),
            "max_age": None if self.max_age is None else round(self.max_age / _DAY, 2),
            "why": list(self.why),
            "debts": [debt.to_json() for debt in self.debts],
            "next": self.next,
        }


def due(credential: str, rotations: Sequence[Rotation], max_age: timedelta | None, now: datetime) -> Due | None:
    """What is due of this credential; None where nothing is. `rotations`: the whole log's, oldest first."""
    since = in_use_since(rotations)
    age = None if since is None else now - since
    latest = rotations[-1] if rotations else None
    opened = latest if latest is not None and latest.outcome is Outcome.OPEN else None
    debts = tuple(owed(rotations, now))
    why = (*_age(credential, age, max_age, opened), *_deadline(opened, now))
    if not why and not debts:
        return None
    following = f"rotate status {credential}" if opened is not None or not why else f"rotate start {credential}"
    return Due(credential=credential, age=age, max_age=max_age, why=why, debts=debts, next=following)


def in_use_since(rotations: Sequence[Rotation]) -> datetime | None:
    """When the rotation began that brought the key in use now; the key itself may be a little older."""
    for rotation in reversed(rotations):
        if rotation.plan.right is not None:
            continue  # it brought a key that was in use already
        if rotation.outcome is Outcome.COMPLETED or (rotation.outcome is Outcome.ABANDONED and _brought(rotation)):
            return rotation.opened_at
    return None


def _brought(rotation: Rotation) -> bool:
    """Whether every secret names the new key."""
    marks = [state.mark for step, state in rotation.steps.items() if step.verb == "promote"]
    return len(marks) == len(rotation.plan.secrets) and set(marks) == {Mark.APPLIED}


def _age(credential: str, age: timedelta | None, max_age: timedelta | None, opened: Rotation | None) -> Iterator[str]:
    if max_age is None:
        return
    going = f"; rotation {opened.id} is on its way" if opened is not None else ""
    limit = f"{max_age / _DAY:g} days"
    if age is None:
        yield f"its age is unknown to the journal, and max_age is {limit}: `rotate check {credential}` may tell{going}"
    elif age > max_age:
        yield f"the key is {age / _DAY:.1f} days old, and max_age is {limit}{going}"


def _deadline(opened: Rotation | None, now: datetime) -> Iterator[str]:
    """Past it, the debt says so."""
    if opened is None:
        return
    allowed = opened.plan.playbook.deadline
    overdue = opened.opened_at + allowed
    if overdue - allowed / _LAST_PART <= now < overdue:
        yield f"rotation {opened.id} should be complete by {overdue:%Y-%m-%d %H:%M} UTC"
