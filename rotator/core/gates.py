"""One gate and time → whether it holds, and what to do where it does not: measure, wait, ask, take back, stop. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from rotator.core import windows
from rotator.core.approval import CONSUMER, UNPROVEN, answer, may_take_on, taken_on
from rotator.core.plan import ADOPT, DISABLE, DRAIN, SOAK
from rotator.model.decision import Ask, Decision, Do, Exit, Stop, Undo, Wait
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Evidence, Rotation


def holding(rotation: Rotation, gate: StepId, now: datetime, fresh: timedelta | None = None) -> Decision | None:
    """What to do before the gate holds; None where it does (and, with `fresh`, was measured no longer ago)."""
    evidence = rotation.gates.get(gate)
    if evidence is None:
        return _unanswered(rotation, gate) or Do(gate)
    if evidence.measurement.verdict is Verdict.PASSED or rotation.plan.optional(gate):
        return Do(gate) if fresh is not None and not windows.fresh(evidence, now, fresh) else None
    if gate == DRAIN and _taken_on_since(rotation, evidence):
        return Do(gate)
    if evidence.seq < rotation.entered_seq:
        return _unanswered(rotation, gate) or Do(gate)
    if gate == SOAK and evidence.measurement.verdict is Verdict.FAILED and not rotation.plan.playbook.leaked:
        return Undo(DISABLE, evidence.measurement.why)
    return _unanswered(rotation, gate) or _retry(rotation, gate, evidence, now)


def _taken_on_since(rotation: Rotation, evidence: Evidence) -> bool:
    """A person took on, after the last measurement, what it found not to be proven: the next one says so."""
    taken = taken_on(rotation, evidence.measurement.facts.get("missing"))
    return taken is not None and taken.seq > evidence.seq and evidence.measurement.verdict is not Verdict.FAILED


def _unanswered(rotation: Rotation, gate: StepId) -> Ask | None:
    """A consumer that a person observes waits for that person, not for time."""
    if gate.verb != "observe" or rotation.plan.optional(gate):
        return None
    consumer = rotation.plan.consumer(gate.subject)
    if consumer.asks is None or answer(rotation, consumer.name):
        return None
    if rotation.rolling_back:
        return Ask(CONSUMER + consumer.name, f"{consumer.name} should use the OLD key again. {consumer.asks}")
    return Ask(CONSUMER + consumer.name, consumer.asks)


def _unheard(rotation: Rotation, soaked: Evidence) -> Ask | Do | None:
    """The soak misses a person's word for a consumer that was made required meanwhile: asked for once the watch over
    all the others is over; where it was given since, the soak is measured again."""
    unknown = soaked.measurement.facts.get("unknown")
    for consumer in rotation.plan.consumers:
        gate = StepId("observe", consumer.name)
        if consumer.asks is not None and isinstance(unknown, Sequence) and str(gate) in unknown:
            return _unanswered(rotation, gate) or Do(SOAK)
    return None


def _retry(rotation: Rotation, gate: StepId, evidence: Evidence, now: datetime) -> Decision:
    """Measure again when it is time to; stop when waiting cannot help, or has lasted long enough."""
    measurement = evidence.measurement
    ends = windows.ends(rotation, gate, evidence)
    expected = windows.expected(rotation, gate)
    look_at = evidence.at + windows.interval(rotation, gate)
    watches = gate in (SOAK, DRAIN)
    if measurement.final or now >= ends or (watches and measurement.verdict is Verdict.FAILED):
        to_take_on = gate == DRAIN and may_take_on(rotation)
        if watches and (to_take_on or not measurement.final) and now >= look_at:
            return Do(gate)  # every run looks again: does somebody miss the old key, does somebody still use it?
        if to_take_on:
            return Ask(UNPROVEN, f"{gate}: {measurement.why}. Go on without proof that nobody uses the old key?")
        asked = _unheard(rotation, evidence) if gate == SOAK else None
        if asked is not None:
            return asked
        verdict = measurement.verdict
        return Stop(EXITS[verdict], f"{gate}: {measurement.why}", _way_out(rotation, gate, verdict))
    if expected is not None and evidence.at < expected:
        watched = gate == SOAK or (gate == DRAIN and windows.reads_usage(rotation))
        look_at = min(look_at, expected) if watched else expected
    if evidence.at <= now < look_at:
        return Wait(
            look_at, expected if expected is not None and now < expected else None, f"{gate}: {measurement.why}"
        )
    return Do(gate)


EXITS: Final = {
    Verdict.FAILED: Exit.GATE_FAILED,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Verdict.ERRORED: Exit.OUTSIDE,
}


def _way_out(rotation: Rotation, gate: StepId, verdict: Verdict) -> str:
    if gate == ADOPT:
        return "start" if rotation.plan.right is None else "rollback"
    if rotation.rolling_back or rotation.plan.playbook.leaked:
        return "resume"  # a leaked key is not rolled back to
    if gate.verb in ("observe", "probe"):
        return "verify"
    if gate == DRAIN:
        return "status"
    return "rollback" if verdict is Verdict.FAILED else "resume"  # what could not be measured is measured again
