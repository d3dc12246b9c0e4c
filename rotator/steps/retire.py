"""What disabling and archiving have in common: the last look before it, and whether the old key is dead, told by its
record, or where nobody may read that, by pinging it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from rotator.core import judge
from rotator.model.errors import OutsideError, Refused
from rotator.model.keys import KeyStatus, Label
from rotator.model.measure import Cause
from rotator.model.rotation import Standing
from rotator.steps.context import Context

DEAD_PINGS: Final = 3
"""So many refusals in a row, two seconds apart, say that a key is dead: one may be a straggling server's."""

_APART: Final = timedelta(seconds=2)

PATIENCE: Final = timedelta(minutes=8)
"""The longest that a change of status takes in bad weather: read the record, change it, read it once more."""


def last_look(context: Context, otherwise: str) -> None:
    """Evidence is some seconds old by now: no secret may name another key than the new one (law 2).

    Raises `Refused`, which begins with `otherwise`.
    """
    for secret, store in context.ports.stores.items():
        current = store.read(Label.CURRENT)
        found = current.key.fingerprint if current is not None and current.key is not None else None
        wrong = judge.stored(context.step, secret, found, context.new, "current")
        if wrong is not None:
            raise Refused(f"{otherwise}: {wrong.why}", "find out who wrote it, then `rotate resume`")


def status(context: Context) -> KeyStatus | None:
    """The old key's status by its record; None where no record can be read."""
    return context.ports.issuer.record(context.record_id).status if context.record_id is not None else None


def seen_active(context: Context) -> KeyStatus | None:
    """ACTIVE where one ping with the old key is accepted: somebody enabled it again. Else nothing can be told."""
    try:
        key = context.read_key(context.old.fingerprint, Label.PREVIOUS, Label.CURRENT)
    except OutsideError:
        return None
    accepted = context.ports.issuer.ping(key, inference=False).cause is Cause.ACCEPTED
    return KeyStatus.ACTIVE if accepted else None


def by_ping(context: Context) -> Standing:
    """APPLIED: refused several times in a row. ABSENT: accepted. UNKNOWN: neither could be told."""
    try:
        key = context.read_key(context.old.fingerprint, Label.PREVIOUS, Label.CURRENT)
    except OutsideError:
        return Standing.UNKNOWN
    for number in range(DEAD_PINGS):
        if number:
            context.ports.clock.sleep(_APART)
        ping = context.ports.issuer.ping(key, inference=False)
        if ping.cause is not Cause.UNAUTHENTICATED:
            return Standing.ABSENT if ping.cause is Cause.ACCEPTED else Standing.UNKNOWN
    return Standing.APPLIED
