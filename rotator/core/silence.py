"""The drain gate's verdict: what `drain.weigh` found, or why nothing could be read, under the playbook's policy. Pure.

Facts hold nothing that changes from poll to poll, so that an approval outlives a poll; the numbers are in the proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from rotator.core.drain import (
    ACCESS,
    LENGTH,
    READING,
    UNREACHED,
    UNREADABLE,
    Condition,
    Traffic,
    Weighed,
    Window,
    clock,
    known_until,
    traffic,
)
from rotator.core.periods import brief
from rotator.model.canonical import Json, JsonObject
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Approval
from rotator.model.usage import Usage

_NAMED: Final = 5
"""How many models or workspaces a sentence names."""

Policy = Literal["ask", "accept", "refuse"]


def unread(
    gate: StepId,
    now: datetime,
    window: tuple[datetime, datetime],
    policy: Policy,
    why: str = "",
    accepted: Approval | None = None,
    *,
    leaked: bool = False,
) -> Measurement:
    """Usage by key may not be read here: the quiet window's end is all there is, and it proves nothing. `ask`: then a
    person has to take that on (`accepted`), unless the key leaked: its thief's traffic is nobody's need.
    """
    opens, closes = window
    facts: dict[str, Json] = {"unproven": True, "policy": policy}
    proof: dict[str, Json] = {"opened": opens.isoformat(), "closes": closes.isoformat(), "unread": why}
    if now < closes:
        waits = f"the quiet window is open until {closes:%Y-%m-%d %H:%M:%S} UTC"
        return _measurement(gate, Verdict.INCONCLUSIVE, waits, {**facts, "passed": False}, proof)
    reason = "" if leaked else f" ({why})" if why else ""
    passed = f"{brief(closes - opens)} have passed since the last consumer moved"
    text = f"{passed}; that the old key is silent is not proven{reason}"
    if leaked:
        text += ": it leaked, and whoever has it may keep it busy"
    if policy == "refuse":
        text += ", and the playbook refuses to go on without proof"
        return _measurement(gate, Verdict.INCONCLUSIVE, text, {**facts, "passed": False}, proof, final=True)
    if policy == "accept" or leaked:
        return _measurement(gate, Verdict.PASSED, text, {**facts, "passed": True}, proof)
    facts["missing"] = [ACCESS]
    if accepted is not None:
        return _taken_on(gate, why or "its record is not known", facts, proof, accepted)
    return _measurement(gate, Verdict.INCONCLUSIVE, text, {**facts, "passed": False}, proof, final=True)


def failing(
    gate: StepId, policy: Policy, over: bool, why: str, accepted: Approval | None, *, read_before: bool
) -> Measurement:
    """The report cannot be read now. That is never taken for "it may not be read" where it was read before: it could
    have shown traffic. `over`: the quiet window has passed. `why` is what the outside said."""
    missing: list[Json] = [READING] if over else [LENGTH, READING]
    usage = UNREADABLE if read_before else UNREACHED
    facts: dict[str, Json] = {"unproven": True, "policy": policy, "usage": usage, "missing": missing}
    text = "the usage report cannot be read just now"
    if accepted is not None and over:
        return _taken_on(gate, text, facts, {"said": why}, accepted)
    return _measurement(gate, Verdict.ERRORED, f"{text}: {why}", {**facts, "passed": False}, {"said": why})


def read(
    gate: StepId, weighed: Weighed, usage: Usage, policy: Policy, accepted: Approval | None, still_old: Sequence[str]
) -> Measurement:
    """`still_old`: consumers that are not required and still hold the old key. Its traffic is never accepted."""
    missing = weighed.missing
    facts: dict[str, Json] = {
        "unproven": bool(missing),
        "policy": policy,
        "usage": usage.source.value,
        "missing": list(missing),
    }
    proof = _proof(weighed, usage)
    strangers = weighed.stray is not None
    if weighed.stray is not None:
        facts["stray"] = _coarse(weighed.stray, usage)
    if missing and weighed.stray is not None:
        text = _stranger(weighed.stray, usage, still_old)
        return _measurement(gate, Verdict.FAILED, text, {**facts, "passed": False}, proof)
    if missing and accepted is not None:
        return _taken_on(gate, _first(weighed.conditions).why, facts, proof, accepted)
    if missing:
        return _measurement(
            gate, Verdict.INCONCLUSIVE, _first(weighed.conditions).why, {**facts, "passed": False}, proof
        )
    since = clock(weighed.silent_since) if weighed.silent_since else ""
    text = f"the old key is silent since {since} by the {usage.source.value} report, which shows the new one in use"
    if strangers and weighed.stray is not None:
        text += f"; before, somebody who is not on the list made {_volume(weighed.stray, usage)} with it"
    return _measurement(gate, Verdict.PASSED, text, {**facts, "passed": True}, proof)


def to_the_end(gate: StepId, window: Window, usage: Usage, old: str, since: datetime, end: datetime) -> Measurement:
    """A part of the soak: was the old key silent until its `end`, when it was disabled, and after? What was counted
    late, or came after the last look, shows only now. `since`: from when on its silence was believed."""
    used = traffic([minute for minute in usage.minutes.get(old, ()) if minute.at >= since])
    if used is not None:
        why = f"somebody uses the old key: {_volume(used, usage)} since {clock(used.first)}{_where(used)}"
        return _measurement(gate, Verdict.FAILED, why, {"stray": _coarse(used, usage)}, {"old": exact(used)})
    until = known_until(window, usage) if old in usage.minutes else None
    if until is None or until < end:
        why = f"the {usage.source.value} report is not complete yet to {clock(end)}, when the old key was disabled"
        return _measurement(gate, Verdict.INCONCLUSIVE, why, {}, {})
    return _measurement(gate, Verdict.PASSED, "the old key was silent to its end", {}, {})


def _taken_on(
    gate: StepId, text: str, facts: dict[str, Json], proof: dict[str, Json], accepted: Approval
) -> Measurement:
    why = f"{accepted.by} takes on that it is not proven ({text})"
    facts = {**facts, "passed": True, "accepted_by": accepted.by}
    return _measurement(gate, Verdict.PASSED, why, facts, {**proof, "reason": accepted.reason})


def _first(conditions: Sequence[Condition]) -> Condition:
    return next(condition for condition in conditions if not condition.holds)


def _stranger(stray: Traffic, usage: Usage, still_old: Sequence[str]) -> str:
    """Numbers are rounded down to a power of two: the sentence is journaled anew when it doubles, not each minute."""
    text = f"somebody is not on the list: {_volume(stray, usage)} by the old key since {clock(stray.first)}"
    return text + _where(stray) + (f"; not required, but on the old key: {_named(still_old)}" if still_old else "")


def _where(used: Traffic) -> str:
    where = [f"model {_named(used.models)}"] if used.models else []
    where += [f"workspace {_named(used.workspaces)}"] if used.workspaces else []
    return f" ({', '.join(where)})" if where else ""


def _volume(used: Traffic, usage: Usage) -> str:
    least = _least(used.volume)
    unit = usage.source.unit + ("" if least == 1 else "s")
    return f"{least} {unit}" if used.volume <= 1 else f"at least {least} {unit}"


def _least(volume: int) -> int:
    return 1 << (volume.bit_length() - 1) if volume > 0 else 0


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _coarse(stray: Traffic, usage: Usage) -> JsonObject:
    return {
        "at_least": _least(stray.volume),
        "unit": usage.source.unit,
        "since": stray.first.isoformat(),
        "models": list(stray.models[:_NAMED]),
        "workspaces": list(stray.workspaces[:_NAMED]),
    }


def _proof(weighed: Weighed, usage: Usage) -> dict[str, Json]:
    return {
        "source": usage.source.value,
        "unit": usage.source.unit,
        "read_at": usage.read_at.isoformat(),
        "complete_until": _iso(usage.complete_until),
        "known_until": _iso(weighed.known_until),
        "silent_since": _iso(weighed.silent_since),
        "expected": _iso(weighed.expected),
        "conditions": [
            {"name": one.name, "holds": one.holds, "why": one.why, "at": _iso(one.at)} for one in weighed.conditions
        ],
        "old": exact(weighed.stray),
        "new": exact(weighed.control),
        "request_ids": list(usage.request_ids[:_NAMED]),
    }


def exact(used: Traffic | None) -> JsonObject | None:
    if used is None:
        return None
    return {
        "volume": used.volume,
        "first": used.first.isoformat(),
        "last": used.last.isoformat(),
        "lately": [at.isoformat() for at in used.lately],
        "models": list(used.models[:_NAMED]),
        "workspaces": list(used.workspaces[:_NAMED]),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _measurement(
    gate: StepId, verdict: Verdict, why: str, facts: JsonObject, proof: JsonObject, *, final: bool = False
) -> Measurement:
    return Measurement(gate=str(gate), verdict=verdict, why=why, facts=facts, proof=proof, final=final)
