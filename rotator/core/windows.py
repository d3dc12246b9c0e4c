"""When: how often a gate is looked at, how long it is waited for, and how long what it said counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rotator.core.approval import last_change
from rotator.core.drain import UNREACHED, Window
from rotator.core.plan import ADOPT, DISABLE, DRAIN, SOAK
from rotator.model.canonical import Json
from rotator.model.measure import Verdict
from rotator.model.plan import Plan, StepId
from rotator.model.rotation import Evidence, Rotation

_FRESH: Final = timedelta(seconds=60)
"""How old a gate's evidence may be when an effect that needs it begins; four intervals, where those are longer."""

_FOR_EACH: Final = timedelta(seconds=5)
"""And as long for every gate, where there are many: all must be fresh at once, and they are measured in turn."""

USAGE_INTERVAL: Final = timedelta(minutes=1)
"""Anthropic asks that its usage reports be polled at most once a minute. Facts: Per-key usage."""

_USAGE_PATIENCE: Final = timedelta(minutes=10)
"""A report that is asked once a minute, and counts by the minute, gets some minutes at least."""

_LOOKS: Final = 60
"""How often a long quiet window is looked into: one of a week is not polled every minute."""

_ADOPT_INTERVAL: Final = timedelta(seconds=2)


def interval(rotation: Rotation, gate: StepId) -> timedelta:
    playbook = rotation.plan.playbook
    if gate == ADOPT:
        return _ADOPT_INTERVAL
    if gate == DRAIN and reads_usage(rotation):
        opens, closes = drain_window(rotation)
        unknown = rotation.gates[DRAIN].measurement.proof.get("known_until") is None
        return USAGE_INTERVAL if unknown else max(USAGE_INTERVAL, (closes - opens) / _LOOKS)
    return playbook.observe_interval if gate.verb in ("observe", "soak") else playbook.pings.interval


def ends(rotation: Rotation, gate: StepId, evidence: Evidence) -> datetime:
    """When patience with this gate ends."""
    playbook = rotation.plan.playbook
    if gate == ADOPT:
        return evidence.began + playbook.adopt_patience
    if gate.verb in ("test", "pings", "probe"):
        return evidence.began + playbook.pings.patience
    if gate == DRAIN and reads_usage(rotation):
        return max(evidence.began, drain_window(rotation)[1]) + max(playbook.observe_timeout, _USAGE_PATIENCE)
    known = expected(rotation, gate)
    start = max(evidence.began, known or evidence.began)
    return start + playbook.observe_timeout


def expected(rotation: Rotation, gate: StepId) -> datetime | None:
    """The earliest instant at which a gate that needs time can pass."""
    if gate == DRAIN and reads_usage(rotation):
        told = rotation.gates[DRAIN].measurement.proof.get("expected")
        return datetime.fromisoformat(told) if isinstance(told, str) else None
    if gate == DRAIN:
        return drain_window(rotation)[1]
    return soak_ends(rotation) if gate == SOAK else None


def reads_usage(rotation: Rotation) -> bool:
    """Whether the drain gate was last measured by usage (law 7), or was to be, and not by the clock alone."""
    return _usage(rotation) is not None


def has_read_usage(rotation: Rotation) -> bool:
    """Whether a report was ever read for it: then one that may not be read any more could have shown traffic."""
    return _usage(rotation) not in (None, UNREACHED)


def _usage(rotation: Rotation) -> Json:
    evidence = rotation.gates.get(DRAIN)
    return evidence.measurement.facts.get("usage") if evidence is not None else None


def silence(rotation: Rotation) -> Window:
    """What law 7 asks of the old key's silence. It is counted from when the last required consumer was seen to have
    moved, too: one that reloads by itself uses the old key for a while after the last deploy."""
    consumers, drain = rotation.plan.consumers, rotation.plan.playbook.drain
    seen = [rotation.gates.get(StepId("observe", consumer.name)) for consumer in consumers if consumer.required]
    moved = [one.held_since or one.at for one in seen if one is not None and one.measurement.verdict is Verdict.PASSED]
    deployed = last_change(rotation)
    slowest = max(consumers, key=lambda consumer: consumer.cadence, default=None)
    return Window(
        opened=max([deployed, *moved]) if deployed is not None and len(moved) == len(seen) else None,
        quiet_for=drain.quiet_for,
        cadence=slowest.cadence if slowest else timedelta(),
        slowest=slowest.name if slowest else "",
        lag=drain.lag,
    )


def drain_window(rotation: Rotation) -> tuple[datetime, datetime]:
    """From the last deploy (law 7a), and from when the last consumer was seen to have moved."""
    opens = silence(rotation).opened or last_change(rotation) or rotation.opened_at
    return opens, opens + rotation.plan.quiet


def retires_after(plan: Plan) -> timedelta:
    """From the last deploy to the old key's end, at least: the quiet window and the soak."""
    return plan.quiet + plan.playbook.soak


def soak_ends(rotation: Rotation) -> datetime:
    return rotation.steps[DISABLE].since + rotation.plan.playbook.soak


def fresh(evidence: Evidence, now: datetime, age: timedelta) -> bool:
    """Whether the evidence still counts for an effect. One from the future, by a clock that was wrong, has no age."""
    return timedelta() <= now - evidence.at <= age


def freshness(rotation: Rotation) -> timedelta:
    """How old evidence may be when an effect begins that rests on it."""
    gates = sum(not step.effect for step in rotation.plan.steps)
    return max(_FRESH, 4 * rotation.plan.playbook.observe_interval, gates * _FOR_EACH)
