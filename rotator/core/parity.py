"""May the new key stand in for the old one? What is missing refuses it or warns. Pure.

Organisation and workspace are looked at in `judge.adopted`, which needs no records for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rotator.core.periods import brief
from rotator.model.keys import KeyRecord, KeyStatus
from rotator.model.measure import Ping, Verdict

SHORTEST_LIFE: Final = timedelta(days=30)
"""A new key that expires before the old one would, and sooner than this, is surely the wrong choice."""

_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """`refusal`: why the new key may not replace the old one; None: nothing speaks against it."""

    refusal: str | None
    warnings: tuple[str, ...]


def compare(
    now: datetime,
    ping: Ping,
    old_ping: Ping | None,
    record: KeyRecord | None,
    old_record: KeyRecord | None,
    used: Sequence[Ping],
    retires_by: timedelta,
) -> Parity:
    """`used`: the new key's pings of the models that the old key was used with. `retires_by`: the quiet window and the
    soak, after which the old key is archived: until then it must be possible to enable it again."""
    warnings: list[str] = []
    shorter = _expires_sooner(now, record, old_record)
    sooner = shorter is not None and record is not None and record.expires_at is not None
    refusal = shorter if sooner and record and record.expires_at and record.expires_at - now < SHORTEST_LIFE else None
    if shorter is not None and refusal is None:
        warnings.append(shorter)
    closed = [one for one in used if one.verdict is Verdict.FAILED]
    if closed and refusal is None:
        models = _named([one.model or "?" for one in closed])
        refusal = f"the old key was used with {models}, which the new key may not use: {closed[0].why}"
    untried = [one.model or "?" for one in used if one.verdict not in (Verdict.PASSED, Verdict.FAILED)]
    if untried:
        warnings.append(f"whether the new key may use {_named(untried)}, as the old one does, could not be told")
    unlisted = _unlisted(ping, old_ping)
    if unlisted:
        warnings.append(f"the old key lists models that the new one does not: {_named(unlisted)}")
    if record is not None and record.personal:
        warnings.append("the new key belongs to a person: it dies when that user leaves the organisation")
    warnings += _cannot_return(now, old_record, retires_by)
    return Parity(refusal=refusal, warnings=tuple(warnings))


def _expires_sooner(now: datetime, record: KeyRecord | None, old: KeyRecord | None) -> str | None:
    if record is None or record.expires_at is None:
        return None
    left = record.expires_at - now
    if old is not None and old.expires_at is not None and record.expires_at >= old.expires_at:
        return None
    text = f"the new key expires on {record.expires_at:%Y-%m-%d}, in {brief(timedelta(days=max(left.days, 0)))}"
    if old is None or old.expires_at is None:
        return f"{text}; the old one never does"
    return f"{text}, sooner than the old one ({old.expires_at:%Y-%m-%d})"


def _unlisted(ping: Ping, old_ping: Ping | None) -> list[str]:
    if old_ping is None or not old_ping.models or not ping.models:
        return []
    return sorted(set(old_ping.models) - set(ping.models))


def _cannot_return(now: datetime, old: KeyRecord | None, retires_by: timedelta) -> list[str]:
    """Anthropic enables no expired key again, and no more keys than its limit allows, which it does not tell. Two that
    are active side by side are the only proof that there is room for both.
    """
    found = []
    if old is not None and old.expires_at is not None and old.expires_at <= now + retires_by:
        found.append(
            f"the old key expires on {old.expires_at:%Y-%m-%d %H:%M} UTC: after that it cannot be enabled again"
        )
    if old is not None and old.status is KeyStatus.INACTIVE:
        found.append(
            "the old key is disabled already: whether Anthropic's limit of active keys leaves room to enable it again "
            "beside the new one is not known"
        )
    return found


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
