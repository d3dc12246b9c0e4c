"""Rotation and time → what to do next. Pure, and total: for every state there is exactly one answer.

Forward, the plan's steps are walked in order and the first that is not done decides. Backward (`rollback`), what was
done is taken back in an order of its own: the old key works again before anything points to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from rotator.core import windows
from rotator.core.approval import approved, scheduled
from rotator.core.gates import EXITS, holding
from rotator.core.periods import brief
from rotator.core.plan import ARCHIVE, DISABLE, DRAIN, SOAK, overlap_gates
from rotator.model.decision import Ask, Close, Decision, Do, Exit, Stop, Undo, Wait
from rotator.model.plan import Phase, PlannedStep, StepId
from rotator.model.rotation import Mark, Outcome, Rotation, StepState

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
        case Outcome.COMPLETED if rotation.plan.right is not None:
            given = ", ".join(rotation.plan.secrets)
            return Stop(Exit.DONE, f"the key of {rotation.plan.right} is current in {given} now")
        case Outcome.COMPLETED:
            return Stop(Exit.DONE, "the rotation is complete")
        case Outcome.ROLLED_BACK:
            return Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
        case Outcome.ABANDONED:
            return Stop(Exit.OWED, "the rotation was abandoned")
        case Outcome.OPEN:
            raise ValueError("an open rotation has no outcome yet")


def never_fresh(rotation: Rotation) -> Stop:
    """Where measuring every gate once takes longer than what the first of them said counts."""
    counts = brief(windows.freshness(rotation))
    why = f"to measure every gate takes longer than evidence counts ({counts}), and no key is taken away on older one"
    hint = "Make the observation faster; or roll back, and start again by a playbook with a longer `observe.interval`: "
    return Stop(Exit.INCONCLUSIVE, why, "rollback", hint + "evidence counts for four of them")


def _forward(rotation: Rotation, now: datetime, horizon: Phase) -> Decision:
    if rotation.reenabled is not None:
        return Stop(Exit.GATE_FAILED, f"the old key was enabled again by itself: {rotation.reenabled}", "verify")
    overdue = rotation.opened_at + rotation.plan.playbook.deadline
    is_late, taken = now >= overdue > rotation.entered, retiring(rotation)
    if is_late and taken is None:
        return _late(overdue)
    missed = _missed(rotation, now) if taken == DISABLE and _watched_first(rotation, horizon) else None
    if missed is not None:
        return missed
    for step in _ahead(rotation.plan.steps, taken):
        if step.phase > horizon:
            return _held_to(rotation, now, horizon)
        decision = _effect(rotation, step, now) if step.effect else holding(rotation, step.id, now)
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


def _watched_first(rotation: Rotation, horizon: Phase) -> bool:
    """Whatever command runs while the old key is disabled, it looks whether somebody misses it; where archiving failed,
    which may stand for long, too."""
    archive = rotation.steps.get(ARCHIVE)
    return horizon < Phase.CONTRACT or (archive is not None and archive.error is not None)


def _missed(rotation: Rotation, now: datetime) -> Decision | None:
    """Whether somebody misses the old key, before anything else."""
    decision = _effect(rotation, rotation.plan.step(DISABLE), now)
    if decision is not None:
        return decision
    evidence = rotation.gates.get(SOAK)
    if evidence is None or not windows.fresh(evidence, now, windows.freshness(rotation)):
        return Do(SOAK)
    decision = holding(rotation, SOAK, now)
    return decision if isinstance(decision, Undo) else None


def _held_to(rotation: Rotation, now: datetime, horizon: Phase) -> Decision:
    """A phase's steps are all done. OVERLAP is left only with every one of its gates fresh."""
    if horizon is Phase.OVERLAP:
        fresh = windows.freshness(rotation)
        for gate in overlap_gates(rotation.plan.consumers):
            decision = holding(rotation, gate, now, fresh)
            if decision is not None:
                return decision
    return Stop(Exit.DONE, f"{horizon.name} is done", "verify" if horizon is Phase.EXPAND else "finish")


# --- effects


def _effect(rotation: Rotation, step: PlannedStep, now: datetime) -> Decision | None:
    """None where the effect is known to have happened."""
    state = rotation.steps.get(step.id)
    if state is not None and state.mark is Mark.APPLIED:
        return None
    if state is not None:
        held = _by_hand(rotation, step, state, now) or _held(rotation, step.id, state, now)
        if held is not None:
            return held
        if state.mark is Mark.UNDOING:
            return Undo(step.id, str(state.data.get("why", "")))
        if state.mark is Mark.OPEN:
            return Do(step.id)
    fresh = windows.freshness(rotation)
    for need in step.needs:
        decision = holding(rotation, need, now, fresh)
        if decision is not None:
            return decision
    if step.id in (DISABLE, ARCHIVE) and not approved(rotation, step.id):
        return Ask(str(step.id), _question(rotation, step.id), scheduled(rotation, step.id))
    return Do(step.id)


def _by_hand(rotation: Rotation, step: PlannedStep, state: StepState, now: datetime) -> Decision | None:
    """While a person is asked to disable the old key, which may happen at any moment, every gate is kept fresh: where
    one ceases to hold, it is found out whether the person has done it, and else people are told to leave it."""
    if step.id != DISABLE or state.mark is not Mark.OPEN or state.stop is not Exit.APPROVAL or state.unclear:
        return None
    for need in step.needs:
        decision = holding(rotation, need, now, windows.freshness(rotation))
        if isinstance(decision, Do | Ask):
            return decision
        if decision is not None and _looks_again(step.id, state, now):
            return Do(step.id)
        if decision is not None:
            measured = rotation.gates[need].measurement
            why = f"do NOT disable the old key by hand yet: {need}: {measured.why}"
            return Stop(EXITS[measured.verdict], why, "finish")
    if not approved(rotation, step.id):
        return Ask(str(step.id), _question(rotation, step.id), scheduled(rotation, step.id))
    return None


def _looks_again(step: StepId, state: StepState, now: datetime) -> bool:
    """Whether the old key is dead is found out by every run, however often that failed: somebody may miss it."""
    looked = timedelta() <= now - state.since < _SLOWEST_RETRY
    return step in (DISABLE, ARCHIVE) and state.mark is Mark.OPEN and not looked


def _held(rotation: Rotation, step: StepId, state: StepState, now: datetime) -> Decision | None:
    """Why an effect that was tried before is not simply tried again."""
    if state.unclear and state.mark is Mark.UNDOING:
        remedy = "enable the old key in the Console" if step == DISABLE else f"take `{step}` back"
        why = f"whether `{step}` is taken back cannot be told: {state.error}"
        dead = f". A key that is gone for good: rotate abandon {rotation.plan.credential}" if step == DISABLE else ""
        return Ask(f"absent:{step}", f"{why}. Where it is not, {remedy}, by hand; then say so{dead}")
    if state.unclear:
        return Ask(f"applied:{step}", f"whether `{step}` took effect cannot be told: {state.error}")
    stopped = given_up(step, state)
    if stopped is not None or state.error is None:
        return None if _looks_again(step, state, now) else stopped
    look_at = state.since + min(timedelta(seconds=2 ** min(max(state.attempts - 1, 0), 8)), _SLOWEST_RETRY)
    of = "" if _needed(step, state) else f" of {MAX_ATTEMPTS}"
    if state.mark is not Mark.READY and state.since <= now < look_at:
        return Wait(look_at, None, f"{step}: attempt {state.attempts}{of} failed: {state.error}")
    return None


def given_up(step: StepId, state: StepState) -> Stop | None:
    """Why it is not tried again by itself; None where it is, or is done. An operator's command begins anew."""
    if state.error is None:
        return None
    if state.stop is not None:
        command = state.hint if state.hint.startswith("rotate ") else "resume"
        return Stop(state.stop, f"{step}: {state.error}", command, "" if command == state.hint else state.hint)
    if state.attempts >= MAX_ATTEMPTS and not _needed(step, state):
        why = f"{step}: tried {state.attempts} times; the last time: {state.error}"
        return Stop(Exit.OUTSIDE, why, "resume", "" if state.hint.startswith("rotate ") else state.hint)
    return None


def _needed(step: StepId, state: StepState) -> bool:
    """Somebody misses the old key: bringing it back is never given up."""
    return step == DISABLE and state.mark is Mark.UNDOING


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
    redeploys = _redeploys(rotation) if promoted else []
    for step in (*_done(rotation, "disable"), *promoted, *redeploys):
        decision = _undo(rotation, step, now)
        if decision is not None:
            return decision
    if promoted and rotation.plan.right is None:  # else both keys go on working, and who reads which place is not known
        for consumer in rotation.plan.consumers:
            decision = holding(rotation, StepId("observe", consumer.name), now)
            if decision is not None:
                return decision
    for step in _done(rotation, "stage"):
        decision = _undo(rotation, step, now)
        if decision is not None:
            return decision
    return Close(completed=False)


def _redeploys(rotation: Rotation) -> list[StepId]:
    """All, and where places drifted those that were deployed: who reads the place that is right stays as it is."""
    if rotation.plan.right is None:
        return [step.id for step in rotation.plan.steps if step.id.verb == "deploy"]
    return [step for step in _done(rotation, "deploy") if not rotation.steps[step].data.get("held")]


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
