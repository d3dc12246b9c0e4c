"""Law 7: is the old key silent, and does its silence prove anything? Pure.

Silence counts only if (a) it is counted from after the last deploy, (b) it lasts as long as the slowest consumer may
stay quiet, (c) the report is complete that far, its lag included, and (d) the new key shows traffic in the same window.
Each condition is a function of its own; `tests/simulation` takes each away in turn, and an outage follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from rotator.core.periods import brief
from rotator.model.usage import MINUTE, Minute, Source, Usage

OPENED, LENGTH, LAG, CONTROL = "opened", "length", "lag", "control"
"""The names of conditions (a) to (d), as status and journal have them."""

READING: Final = "reading"
"""What is missing where the report could be read before, and cannot now."""

ACCESS: Final = "access"
"""What is missing where nobody may read usage by key."""

UNREADABLE, UNREACHED = "unreadable", "unreached"
"""What stands in a report's place while none can be had: one was read before in this rotation, or none ever was."""

_GAPS: Final = 2
"""A stranger that calls every twenty minutes is believed gone after twice that: once could be its next call's delay."""


_LATELY: Final = 10
"""Minutes of a stranger's traffic that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is asked of the old key's silence. `opened`: when the last consumer was deployed and seen to hold the new
    key; None: one of them does not hold it. `lag`: how late the report may count what it claims to know.
    """

    opened: datetime | None
    quiet_for: timedelta
    cadence: timedelta
    slowest: str  # whose cadence it is
    lag: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`at`: the earliest time at which it can hold, where it does not and that is known."""

    name: str
    holds: bool
    why: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What one key was used for in the window. `lately`: its last minutes, oldest first: a schedule shows there."""

    volume: int
    first: datetime
    last: datetime
    lately: tuple[datetime, ...]
    models: tuple[str, ...]
    workspaces: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """`stray`: the old key's traffic after every listed consumer had moved. `expected`: when all can hold, if known."""

    conditions: tuple[Condition, ...]
    silent_since: datetime | None
    known_until: datetime | None
    stray: Traffic | None
    control: Traffic | None
    expected: datetime | None

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(condition.name for condition in self.conditions if not condition.holds)


def weigh(window: Window, usage: Usage, old: str, new: str | None) -> Weighed:
    """`old`, `new`: the keys' ids."""
    used = usage.minutes.get(old)
    since = counted_from(window, usage, used or ())
    strays = [minute for minute in used or () if window.opened is not None and minute.at >= _next_minute(window.opened)]
    needed = max(length(window), _GAPS * _longest_gap(strays, window))
    until = known_until(window, usage) if used is not None else None
    met = [minute for minute in usage.minutes.get(new or "", ()) if minute.at >= since]
    controlled = control(met, until)
    complete = since + needed + _behind(window, usage)
    conditions = (
        _opened(window, since),
        _length(window, usage, since, needed),
        _lag(usage, until, since + needed, complete, asked=used is not None),
        _control(new, controlled, since, until),
    )
    others = all(condition.holds for condition in conditions if condition.name != CONTROL)
    return Weighed(
        conditions=conditions,
        silent_since=since if window.opened is not None else None,
        known_until=until,
        stray=traffic(strays),
        control=traffic(met),
        expected=None if others or window.opened is None else max(complete, usage.read_at),
    )


# --- the four conditions, and nothing else that decides


def counted_from(window: Window, usage: Usage, used: Sequence[Minute]) -> datetime:
    """(a) From the first whole minute after the last deploy, or from the end of the old key's last use; never from
    before what the report covers."""
    last = used[-1].at + MINUTE if used else usage.since
    return max(last, _next_minute(window.opened)) if window.opened is not None else last


def length(window: Window) -> timedelta:
    """(b) A consumer that calls every half hour proves nothing by a quarter of an hour's silence."""
    return max(window.quiet_for, window.cadence)


def known_until(window: Window, usage: Usage) -> datetime | None:
    """(c) What is counted late is not silence. None: the report does not say how far it is complete."""
    if usage.complete_until is None and usage.source is Source.ANALYTICS:
        return None
    return min(usage.complete_until or usage.read_at, usage.read_at) - window.lag


def control(met: Sequence[Minute], until: datetime | None) -> bool:
    """(d) A report that shows nothing of the new key either is blind."""
    return until is not None and any(minute.at < until for minute in met)


# --- each in words


def _opened(window: Window, since: datetime) -> Condition:
    if window.opened is None:
        return Condition(name=OPENED, holds=False, why="not every consumer holds the new key")
    why = f"counted from {clock(since)}, after the last deploy was seen to be done ({window.opened:%H:%M:%S})"
    return Condition(name=OPENED, holds=True, why=why)


def _length(window: Window, usage: Usage, since: datetime, needed: timedelta) -> Condition:
    at = since + needed
    reason = f"the playbook asks for {brief(window.quiet_for)}"
    if needed > length(window):
        reason = "whoever used it before may be as rare again"
    elif window.cadence > window.quiet_for:
        reason = f"{window.slowest} calls only every {brief(window.cadence)}"
    quiet = f"quiet since {clock(since)}" if usage.read_at >= since else f"nothing counts before {clock(since)}"
    if usage.read_at < at:
        return Condition(name=LENGTH, holds=False, why=f"{quiet}; needs {_exactly(at)}: {reason}", at=at)
    return Condition(name=LENGTH, holds=True, why=f"{quiet}, for {brief(needed)} and more: {reason}")


def _lag(usage: Usage, until: datetime | None, wanted: datetime, complete: datetime, *, asked: bool) -> Condition:
    name = f"the {usage.source.value} report"
    if not asked:
        return Condition(name=LAG, holds=False, why=f"{name} was not asked about the old key yet: the next reading is")
    if until is None:
        return Condition(name=LAG, holds=False, why=f"{name} does not say how far it is complete")
    if until < wanted:
        why = f"{name} is complete to {clock(until)}, its lag allowed for; needs {clock(wanted)}"
        return Condition(name=LAG, holds=False, why=why, at=complete)
    return Condition(name=LAG, holds=True, why=f"{name} is complete to {clock(wanted)}, its lag allowed for")


def _control(new: str | None, holds: bool, since: datetime, until: datetime | None) -> Condition:
    if holds:
        return Condition(name=CONTROL, holds=True, why=f"the same report shows the new key in use since {clock(since)}")
    why = f"the same report shows no use of the new key since {clock(since)}: it may be blind"
    if until is None or until <= since:
        why = f"whether the new key is in use since {clock(since)} is not known yet"
    return Condition(
        name=CONTROL, holds=False, why=why if new else "the new key's record is not known: nothing to compare"
    )


def clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _exactly(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at.second else clock(at)


# --- counting


def traffic(minutes: Sequence[Minute]) -> Traffic | None:
    """None where there was none. `minutes`: of one key, oldest first."""
    if not minutes:
        return None
    return Traffic(
        volume=sum(minute.volume for minute in minutes),
        first=minutes[0].at,
        last=minutes[-1].at,
        lately=tuple(minute.at for minute in minutes[-_LATELY:]),
        models=tuple(sorted(frozenset().union(*(minute.models for minute in minutes)))),
        workspaces=tuple(sorted(frozenset().union(*(minute.workspaces for minute in minutes)))),
    )


def _longest_gap(strays: Sequence[Minute], window: Window) -> timedelta:
    """Between a stranger's calls, the first of them counted from the window's opening."""
    if window.opened is None:
        return timedelta()
    times = [_next_minute(window.opened), *(minute.at for minute in strays)]
    return max((after - before for before, after in pairwise(times)), default=timedelta())


def _behind(window: Window, usage: Usage) -> timedelta:
    """How late the report knows of a minute, as far as it can be told."""
    late = usage.read_at - usage.complete_until if usage.complete_until is not None else timedelta()
    return window.lag + max(late, timedelta())


def _next_minute(at: datetime) -> datetime:
    floor = at.replace(second=0, microsecond=0)
    return floor if floor == at else floor + MINUTE
