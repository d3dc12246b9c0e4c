"""Rotation and time → what to do next. Pure, and total: for every state there is exactly one answer.

Forward, the plan's steps are walked in order and the first that is not done decides. Backward (`rollback`), what was
done is taken back in an order of its own: the old key works again before anything points to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from rotator.core import windows
from rotator.core.approval import CONSUMER, UNPROVEN, answer, approved, may_take_on, scheduled, taken_on
from rotator.core.plan import ADOPT, ARCHIVE, DISABLE, DRAIN, SOAK, overlap_gates
from rotator.model.decision import Ask, Close, Decision, Do, Exit, Stop, Undo, Wait
from rotator.model.measure import Verdict
from rotator.model.plan import Phase, PlannedStep, StepId
from rotator.model.rotation import Evidence, Mark, Outcome, Rotation, StepState

MAX_ATTEMPTS: Final = 6
"""How often an effect is tried before a person is asked to look (law 8); `rotate resume` allows as many again."""

_SLOWEST_RETRY: Final = timedelta(seconds=30)


def decide(rotation: Rotation, now: datetime, horizon: Phase = Phase.CONTRACT) -> Decision:
    """What to do next, going no further than the phase `horizon`."""
    if rotation.outcome is not Outcome.OPEN:
        return outcome(rotation)
    return _back(rotation, now) if rotation.rolling_back else _forward(rotation, now, horizon)


def outcome(rotation: Rotation) -> Stop:
    """How a rotation ended."""
    match rotation.outcome:
        case Outcome.COMPLETED:
            return Stop(Exit.DONE, "the rotation is complete")
        case Outcome.ROLLED_BACK:
            return Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
        case Outcome.ABANDONED:
            return Stop(Exit.OWED, "the rotation was abandoned")
        case Outcome.OPEN:
            raise ValueError("an open rotation has no outcome yet")


def _forward(rotation: Rotation, now: datetime, horizon: Phase) -> Decision:
    if rotation.reenabled is not None:
        return Stop(Exit.GATE_FAILED, f"the old key was enabled again by itself: {rotation.reenabled}", "verify")
    overdue = rotation.opened_at + rotation.plan.playbook.deadline
    is_late, taken = now >= overdue > rotation.entered, retiring(rotation)
    if is_late and taken is None:
        return _late(overdue)
    missed = _missed(rotation, now) if taken == DISABLE and horizon < Phase.CONTRACT else None
    if missed is not None:
        return missed
    for step in _ahead(rotation.plan.steps, taken):
        if step.phase > horizon:
            return _held_to(rotation, now, horizon)
        decision = _effect(rotation, step, now) if step.effect else _gate(rotation, step.id, now)
        if decision is not None:
            takes_away = isinstance(decision, Ask) or decision == Do(ARCHIVE)
            return _late(overdue) if is_late and step.id == ARCHIVE != taken and takes_away else decision
    return Close(completed=True)


def _late(overdue: datetime) -> Stop:
    return Stop(Exit.GATE_FAILED, f"the rotation's deadline has passed ({overdue:%Y-%m-%d %H:%M} UTC)", "resume")


def retiring(rotation: Rotation) -> StepId | None:
    """The last step that took the old key away, or may have; None while nothing of ours keeps it from working."""
    for step in (ARCHIVE, DISABLE):
        state = rotation.steps.get(step)
        if state is not None and state.mark in (Mark.OPEN, Mark.APPLIED, Mark.UNDOING):
            return step
    return None


def _ahead(steps: Sequence[PlannedStep], taken: StepId | None) -> Sequence[PlannedStep]:
    """Once the old key may be dead, no gate that comes earlier, and no deadline, may stand before the soak's watch."""
    return steps if taken is None else steps[[step.id for step in steps].index(taken) :]


def _missed(rotation: Rotation, now: datetime) -> Decision | None:
    """Whatever command runs while the old key is disabled: first it looks whether somebody misses it."""
    decision = _effect(rotation, rotation.plan.step(DISABLE), now)
    if decision is not None:
        return decision
    evidence = rotation.gates.get(SOAK)
    if evidence is None or now - evidence.at > windows.freshness(rotation):
        return Do(SOAK)
    decision = _gate(rotation, SOAK, now)
    return decision if isinstance(decision, Undo) else None


def _held_to(rotation: Rotation, now: datetime, horizon: Phase) -> Decision:
    """A phase's steps are all done. OVERLAP is left only with every one of its gates fresh."""
    if horizon is Phase.OVERLAP:
        fresh = windows.freshness(rotation)
        for gate in overlap_gates(rotation.plan.consumers):
            decision = _gate(rotation, gate, now, fresh)
            if decision is not None:
                return decision
    return Stop(Exit.DONE, f"{horizon.name} is done", "verify" if horizon is Phase.EXPAND else "finish")


# --- gates


def _gate(rotation: Rotation, gate: StepId, now: datetime, fresh: timedelta | None = None) -> Decision | None:
    """None where the gate holds (and, with `fresh`, was measured no longer than that ago)."""
    evidence = rotation.gates.get(gate)
    if evidence is None:
        return _unanswered(rotation, gate) or Do(gate)
    if evidence.measurement.verdict is Verdict.PASSED or optional(rotation, gate):
        stale = fresh is not None and now - evidence.at > fresh
        return Do(gate) if stale else None
    if gate == DRAIN and _taken_on_since(rotation, evidence):
        return Do(gate)
    if evidence.at < rotation.entered:
        return _unanswered(rotation, gate) or Do(gate)
    if gate == SOAK and evidence.measurement.verdict is Verdict.FAILED and not rotation.plan.playbook.leaked:
        return Undo(DISABLE, evidence.measurement.why)
    return _unanswered(rotation, gate) or _retry(rotation, gate, evidence, now)


def _taken_on_since(rotation: Rotation, evidence: Evidence) -> bool:
    """A person took on, after the last measurement, what it found not to be proven: the next one says so."""
    taken = taken_on(rotation, evidence.measurement.facts.get("missing"))
    return taken is not None and taken.at >= evidence.at and evidence.measurement.verdict is not Verdict.FAILED


def optional(rotation: Rotation, gate: StepId) -> bool:
    """What a consumer that is not required says is shown, and holds nothing up."""
    return gate.verb in ("observe", "probe") and not rotation.plan.consumer(gate.subject).required


def _unanswered(rotation: Rotation, gate: StepId) -> Ask | None:
    """A consumer that a person observes waits for that person, not for time."""
    if gate.verb != "observe" or optional(rotation, gate):
        return None
    consumer = rotation.plan.consumer(gate.subject)
    if consumer.asks is None or answer(rotation, consumer.name):
        return None
    if rotation.rolling_back:
        return Ask(CONSUMER + consumer.name, f"{consumer.name} should use the OLD key again. {consumer.asks}")
    return Ask(CONSUMER + consumer.name, consumer.asks)


def _retry(rotation: Rotation, gate: StepId, evidence: Evidence, now: datetime) -> Decision:
    """Measure again when it is time to; stop when waiting cannot help, or has lasted long enough."""
    measurement = evidence.measurement
    ends = windows.ends(rotation, gate, evidence)
    expected = windows.expected(rotation, gate)
    look_at = evidence.at + windows.interval(rotation, gate)
    watches = gate in (SOAK, DRAIN)
    if measurement.final or now >= ends or (watches and measurement.verdict is Verdict.FAILED):
        if watches and not measurement.final and now >= look_at:
            return Do(gate)  # every run looks again: does somebody miss the old key, does somebody still use it?
        if gate == DRAIN and may_take_on(rotation):
            return Ask(UNPROVEN, f"{gate}: {measurement.why}. Go on without proof that nobody uses the old key?")
        return Stop(_EXITS[measurement.verdict], f"{gate}: {measurement.why}", _way_out(rotation, gate))
    if expected is not None and evidence.at < expected:
        watched = gate == SOAK or (gate == DRAIN and windows.reads_usage(rotation))
        look_at = min(look_at, expected) if watched else expected
    if now < look_at:
        return Wait(
            look_at, expected if expected is not None and now < expected else None, f"{gate}: {measurement.why}"
        )
    return Do(gate)


_EXITS: Final = {
    Verdict.FAILED: Exit.GATE_FAILED,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Verdict.ERRORED: Exit.OUTSIDE,
}


def _way_out(rotation: Rotation, gate: StepId) -> str:
    if gate == ADOPT:
        return "start"
    if rotation.rolling_back or rotation.plan.playbook.leaked:
        return "resume"  # a leaked key is not rolled back to
    return "verify" if gate.verb in ("observe", "probe") else "status" if gate == DRAIN else "rollback"


# --- effects


def _effect(rotation: Rotation, step: PlannedStep, now: datetime) -> Decision | None:
    """None where the effect is known to have happened."""
    state = rotation.steps.get(step.id)
    if state is not None and state.mark is Mark.APPLIED:
        return None
    if state is not None:
        held = _held(rotation, step.id, state, now)
        if held is not None:
            return held
        if state.mark is Mark.UNDOING:
            return Undo(step.id, str(state.data.get("why", "")))
        if state.mark is Mark.OPEN:
            return Do(step.id)
    fresh = windows.freshness(rotation)
    for need in step.needs:
        decision = _gate(rotation, need, now, fresh)
        if decision is not None:
            return decision
    if step.id in (DISABLE, ARCHIVE) and not approved(rotation, step.id):
        return Ask(str(step.id), _question(rotation, step.id), scheduled(rotation, step.id))
    return Do(step.id)


def _held(rotation: Rotation, step: StepId, state: StepState, now: datetime) -> Decision | None:
    """Why an effect that was tried before is not simply tried again."""
    if state.unclear and state.mark is Mark.UNDOING:
        remedy = "enable the old key in the Console" if step == DISABLE else f"take `{step}` back"
        why = f"whether `{step}` is taken back cannot be told: {state.error}"
        return Ask(f"absent:{step}", f"{why}. Where it is not, {remedy}, by hand; then say so")
    if state.unclear:
        return Ask(f"applied:{step}", f"whether `{step}` took effect cannot be told: {state.error}")
    if state.stop is not None:
        command = state.hint if state.hint.startswith("rotate ") else "resume"
        return Stop(state.stop, f"{step}: {state.error}", command, "" if command == state.hint else state.hint)
    if state.error is None:
        return None
    needed = step == DISABLE and state.mark is Mark.UNDOING  # somebody misses the old key: never give up on it
    if state.attempts >= MAX_ATTEMPTS and not needed:
        why = f"{step}: tried {state.attempts} times; the last time: {state.error}"
        return Stop(Exit.OUTSIDE, why, "resume", "" if state.hint.startswith("rotate ") else state.hint)
    look_at = state.since + min(timedelta(seconds=2 ** min(max(state.attempts - 1, 0), 8)), _SLOWEST_RETRY)
    of = "" if needed else f" of {MAX_ATTEMPTS}"
    if state.mark is not Mark.READY and now < look_at:
        return Wait(look_at, None, f"{step}: attempt {state.attempts}{of} failed: {state.error}")
    return None


def _question(rotation: Rotation, step: StepId) -> str:
    old = rotation.old
    key = f"the old key {old.fingerprint}" if old else "the old key"
    if step == ARCHIVE and not rotation.plan.managed:
        return f"has somebody deleted {key} by hand, in Anthropic's Console? It has soaked; your yes is its only record"
    if step == ARCHIVE:
        return f"archive {key}? It has soaked; this is the one step that cannot be undone"
    drain = rotation.gates.get(DRAIN)
    return f"disable {key}? It can be enabled again. {drain.measurement.why if drain else ''}".rstrip()


# --- backward


def _back(rotation: Rotation, now: datetime) -> Decision:
    archive = rotation.steps.get(ARCHIVE)
    if archive is not None and archive.mark is not Mark.READY:
        if archive.mark is Mark.OPEN:
            return _held(rotation, ARCHIVE, archive, now) or Do(ARCHIVE)
        return Stop(Exit.USAGE, "the old key is archived: from here it goes forward only", "finish")
    promoted = _done(rotation, "promote")
    if rotation.plan.playbook.leaked and (promoted or DISABLE in rotation.steps):
        return Stop(Exit.USAGE, "the old key leaked: it is never restored or enabled again", "finish")
    redeploys = [step.id for step in rotation.plan.steps if step.id.verb == "deploy"] if promoted else []
    for step in (*_done(rotation, "disable"), *promoted, *redeploys):
        decision = _undo(rotation, step, now)
        if decision is not None:
            return decision
    if promoted:
        for consumer in rotation.plan.consumers:
            decision = _gate(rotation, StepId("observe", consumer.name), now)
            if decision is not None:
                return decision
    for step in _done(rotation, "stage"):
        decision = _undo(rotation, step, now)
        if decision is not None:
            return decision
    return Close(completed=False)


def _done(rotation: Rotation, verb: str) -> list[StepId]:
    """This verb's steps that were ever intended, in the plan's order: each may have left something."""
    return [step.id for step in rotation.plan.steps if step.id.verb == verb and step.id in rotation.steps]


def _undo(rotation: Rotation, step: StepId, now: datetime) -> Decision | None:
    """A deploy is undone even where it was never made: an instance may have started by itself on the new key."""
    state = rotation.steps.get(step)
    if state is None:
        return Undo(step, "rollback")
    if state.mark is Mark.UNDONE:
        return None
    return _held(rotation, step, state, now) or Undo(step, "rollback")
