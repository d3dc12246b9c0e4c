"""When: how often a gate is looked at, how long it is waited for, and how long what it said counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rotator.core.approval import last_change
from rotator.core.plan import ADOPT, DISABLE, DRAIN, SOAK
from rotator.model.plan import StepId
from rotator.model.rotation import Evidence, Rotation

_FRESH: Final = timedelta(seconds=60)
"""How old a gate's evidence may be when an effect that needs it begins; four intervals, where those are longer."""

_FOR_EACH: Final = timedelta(seconds=5)
"""And as long for every gate, where there are many: all must be fresh at once, and they are measured in turn."""

_ADOPT_INTERVAL: Final = timedelta(seconds=2)


def interval(rotation: Rotation, gate: StepId) -> timedelta:
    playbook = rotation.plan.playbook
    if gate == ADOPT:
        return _ADOPT_INTERVAL
    return playbook.observe_interval if gate.verb in ("observe", "soak") else playbook.pings.interval


def ends(rotation: Rotation, gate: StepId, evidence: Evidence) -> datetime:
    """When patience with this gate ends."""
    playbook = rotation.plan.playbook
    if gate == ADOPT:
        return evidence.began + playbook.adopt_patience
    if gate.verb in ("test", "pings", "probe"):
        return evidence.began + playbook.pings.patience
    start = max(evidence.began, expected(rotation, gate) or evidence.began)
    return start + playbook.observe_timeout


def expected(rotation: Rotation, gate: StepId) -> datetime | None:
    """The earliest instant at which a gate that needs time can pass."""
    if gate == DRAIN:
        return drain_window(rotation)[1]
    return soak_ends(rotation) if gate == SOAK else None


def drain_window(rotation: Rotation) -> tuple[datetime, datetime]:
    """From the last deploy (law 7a), at least as long as the slowest cadence (b), and the usage report's lag (c)."""
    opens = last_change(rotation) or rotation.opened_at
    slowest = max((consumer.cadence for consumer in rotation.plan.consumers), default=timedelta())
    drain = rotation.plan.playbook.drain
    return opens, opens + max(drain.quiet_for, slowest) + drain.lag


def soak_ends(rotation: Rotation) -> datetime:
    return rotation.steps[DISABLE].since + rotation.plan.playbook.soak


def freshness(rotation: Rotation) -> timedelta:
    """How old evidence may be when an effect begins that rests on it."""
    gates = sum(not step.effect for step in rotation.plan.steps)
    return max(_FRESH, 4 * rotation.plan.playbook.observe_interval, gates * _FOR_EACH)
