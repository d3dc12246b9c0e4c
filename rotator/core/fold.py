"""Events → Rotation. The only way to obtain state: nothing else is stored, so nothing else can disagree.

step:  (none) ──intended──► OPEN ──applied──► APPLIED ──intended undo──► UNDOING ──undone──► UNDONE
                             │ ▲                            ▲
                    failed   ▼ │ intended                   │ (also from OPEN and READY)
                 (inspected) READY ─────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from rotator.core import record
from rotator.core.plan import ADOPT, ARCHIVE, DISABLE
from rotator.model.decision import Exit
from rotator.model.errors import JournalError
from rotator.model.event import Event, Kind
from rotator.model.keys import Fingerprint
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Approval, Evidence, Mark, NewKey, OldKey, Outcome, Rotation, StepState

ROLLBACK: Final = "rollback"
"""The word of the approval that turns a rotation round."""


def fold(events: Iterable[Event]) -> Rotation | None:
    """The credential's latest rotation, open or ended; None where there never was one."""
    found = rotations(events)
    return found[-1] if found else None


def rotations(events: Iterable[Event]) -> list[Rotation]:
    """Every rotation of the log, oldest first, each as it stands after its last event."""
    found: list[tuple[Rotation, Event]] = []
    for event in events:
        if event.kind is Kind.OPENED:
            found.append((_advanced(None, event), event))
        elif found:
            found[-1] = (_advanced(found[-1][0], event), event)
    return [_standing_at(rotation, last) for rotation, last in found]


def advance(rotation: Rotation | None, event: Event) -> Rotation | None:
    """The state after one more event. `intended` and the like speak of the rotation that was opened last.

    Raises `JournalError` for an event that cannot be understood.
    """
    if rotation is None and event.kind is not Kind.OPENED:
        return None
    return _standing_at(_advanced(rotation, event), event)


def _standing_at(rotation: Rotation, last: Event) -> Rotation:
    # Apart from the transitions, none of which asks for it: a copy for every event of a log took a third of the time.
    return replace(rotation, seq=last.seq, head=last.hash)


def _advanced(rotation: Rotation | None, event: Event) -> Rotation:
    try:
        if rotation is None or event.kind is Kind.OPENED:
            return _opened(event)
        return _TRANSITIONS[event.kind](rotation, event)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        # Its hash is right, so it was written like this: by another version, or by a forger. Never guessed at.
        raise JournalError(
            f"event {event.seq} of the journal ({event.kind.value}) cannot be understood ({type(error).__name__})",
            "If a newer rotator wrote it, use that version. Else restore the journal from a backup.",
        ) from None


def _opened(event: Event) -> Rotation:
    data = cast("Mapping[str, Any]", event.data)
    plan = record.from_json(data["plan"])
    old = data["old"]
    versions = data.get("versions", {}) if old is None else old["versions"]
    return Rotation(
        id=event.rotation,
        plan=plan,
        plan_digest=record.plan_digest(plan),
        opened_at=event.at,
        opened_by=data["by"],
        outcome=Outcome.OPEN,
        old=None
        if old is None
        else OldKey(fingerprint=Fingerprint.from_json(old["fingerprint"]), key_id=old["key_id"], versions=versions),
        versions=versions,
        entered=event.at,
        entered_seq=event.seq,
        owner=event.holder,
        seq=event.seq,
        head=event.hash,
    )


def _intended(rotation: Rotation, event: Event) -> Rotation:
    step = StepId.parse(event.step or "")
    before = rotation.steps.get(step)
    state = StepState(
        mark=Mark.UNDOING if event.data.get("undo") else Mark.OPEN,
        attempts=event.attempt,
        since=event.at,
        intended_at=event.at,
        data={**(before.data if before else {}), **event.data},
        seq=event.seq,
    )
    return _with_step(rotation, step, state)


def _applied(rotation: Rotation, event: Event) -> Rotation:
    if event.step == str(ARCHIVE):  # a rollback that was ordered meanwhile came too late (law 9)
        rotation = replace(rotation, rolling_back=None)
    return _settled(rotation, event, Mark.APPLIED)


def _undone(rotation: Rotation, event: Event) -> Rotation:
    rotation = _settled(rotation, event, Mark.UNDONE)
    if event.step != str(DISABLE):
        return rotation
    gates = {gate: evidence for gate, evidence in rotation.gates.items() if gate.verb in ("adopt", "test")}
    why = None if rotation.rolling_back else str(event.data.get("why") or "")
    return replace(rotation, gates=gates, reenabled=why, lapses=rotation.lapses + 1)


def _settled(rotation: Rotation, event: Event, mark: Mark) -> Rotation:
    step = StepId.parse(event.step or "")
    before = rotation.steps[step]
    state = StepState(
        mark=mark,
        attempts=before.attempts,
        since=event.at,
        intended_at=before.intended_at,
        data=event.data,
        seq=event.seq,
    )
    return _with_step(rotation, step, state)


def _failed(rotation: Rotation, event: Event) -> Rotation:
    """An attempt ended. Inspected, and found to have left nothing or a part: READY. Else its end is not known."""
    step = StepId.parse(event.step or "")
    before = rotation.steps[step]
    if event.data.get("standing"):
        data = {**before.data, "standing": event.data["standing"]}
        return _with_step(rotation, step, replace(before, mark=Mark.READY, since=event.at, seq=event.seq, data=data))
    before = replace(before, attempts=max(before.attempts, event.attempt))  # an inspection in vain counts as well
    exit_code = event.data.get("exit")
    state = replace(
        before,
        since=event.at,
        seq=event.seq,
        error=str(event.data.get("error", "")),
        hint=str(event.data.get("hint", "")),
        stop=None if exit_code is None else Exit(int(str(exit_code))),
    )
    return _with_step(rotation, step, state)


def _paused(rotation: Rotation, event: Event) -> Rotation:
    step = StepId.parse(event.step or "")
    return _with_step(rotation, step, replace(rotation.steps[step], unclear=True, error=str(event.data.get("why", ""))))


def _measured(rotation: Rotation, event: Event) -> Rotation:
    gate = StepId.parse(event.step or "")
    data = cast("Mapping[str, Any]", event.data)
    measurement = Measurement(
        gate=str(gate),
        verdict=Verdict(data["verdict"]),
        why=data["why"],
        facts=data["facts"],
        proof=data.get("proof", {}),
        final=bool(data.get("final")),
    )
    before = rotation.gates.get(gate)
    passed_before = before is not None and before.measurement.verdict is Verdict.PASSED
    fresh_spell = before is None or passed_before or before.seq < rotation.entered_seq
    began = event.at if fresh_spell or before is None else before.began
    passes = measurement.verdict is Verdict.PASSED
    held_since = (before.held_since if before is not None and passed_before else event.at) if passes else None
    found = Evidence(measurement=measurement, at=event.at, began=began, held_since=held_since, seq=event.seq)
    lapses = rotation.lapses + int(passed_before and not passes)
    rotation = replace(rotation, gates={**rotation.gates, gate: found}, lapses=lapses)
    if gate == ADOPT and measurement.verdict is Verdict.PASSED:
        facts: Mapping[str, Any] = measurement.facts
        rotation = replace(
            rotation, new=NewKey(fingerprint=Fingerprint.from_json(facts["new"]), key_id=facts.get("key_id"))
        )
    return rotation


def _approved(rotation: Rotation, event: Event) -> Rotation:
    data = event.data
    approval = Approval(
        what=str(data["what"]),
        by=str(data["by"]),
        reason=str(data["reason"]),
        at=event.at,
        plan_digest=str(data["plan_digest"]),
        evidence_digest=str(data["evidence_digest"]),
        seq=event.seq,
    )
    rotation = replace(rotation, approvals=(*rotation.approvals, approval))
    verb, _, subject = approval.what.partition(":")
    if approval.what == ROLLBACK and no_way_back(rotation) is not None:
        return rotation
    if approval.what == ROLLBACK:
        return _fresh(replace(rotation, rolling_back=approval, gates={}, reenabled=None), event)
    if verb in ("applied", "absent"):
        return _answered(rotation, StepId.parse(subject), Mark.APPLIED if verb == "applied" else Mark.READY, event)
    return rotation


def no_way_back(rotation: Rotation) -> str | None:
    """Why the rotation cannot be rolled back; None where it can. One that was ordered too late turns nothing round."""
    archive = rotation.steps.get(ARCHIVE)
    if archive is not None and archive.mark is Mark.APPLIED:
        return "the old key is archived: from here it goes forward only"
    touched = any(step.verb in ("promote", "disable") for step in rotation.steps)
    if rotation.plan.playbook.leaked and touched:
        return "the old key leaked: it is never restored or enabled again"
    if rotation.plan.first and touched:
        return f"{rotation.plan.credential} had no key before: there is nothing to roll back to"
    return None


def _answered(rotation: Rotation, step: StepId, mark: Mark, event: Event) -> Rotation:
    """A person said how an effect stands that nobody could tell. Where it was found out meanwhile, that counts."""
    before = rotation.steps[step]
    if not before.unclear:
        return rotation
    if before.mark is Mark.UNDOING and mark is Mark.READY:
        mark = Mark.UNDONE
    settled = replace(before, mark=mark, since=event.at, seq=event.seq, unclear=False, error=None, stop=None)
    return _with_step(rotation, step, settled)


def _resumed(rotation: Rotation, event: Event) -> Rotation:
    data = cast("Mapping[str, Any]", event.data)
    rotation = replace(rotation, owner=event.holder)
    if data.get("plan"):
        plan = record.from_json(data["plan"])
        now = {consumer.name for consumer in plan.consumers}
        known = (*rotation.dropped, *(consumer.name for consumer in rotation.plan.consumers))
        dropped = tuple(name for name in known if name not in now)
        rotation = replace(rotation, plan=plan, plan_digest=record.plan_digest(plan), dropped=dropped)
    if data.get("old_key_id") and rotation.old is not None:
        rotation = replace(rotation, old=replace(rotation.old, key_id=data["old_key_id"]))
    if data.get("new_key_id") and rotation.new is not None:
        rotation = replace(rotation, new=replace(rotation.new, key_id=data["new_key_id"]))
    if data.get("entered"):
        rotation = _fresh(replace(rotation, reenabled=None), event)
    return rotation


def _fresh(rotation: Rotation, event: Event) -> Rotation:
    """An operator goes on by hand: time-outs and attempts count from here."""
    steps = {
        step: replace(state, attempts=0, error=None, stop=None, hint="") if not state.unclear else state
        for step, state in rotation.steps.items()
    }
    return replace(rotation, steps=steps, entered=event.at, entered_seq=event.seq)


def _taken_over(rotation: Rotation, event: Event) -> Rotation:
    return replace(rotation, owner=event.holder)


def _ended(outcome: Outcome) -> Callable[[Rotation, Event], Rotation]:
    return lambda rotation, event: replace(rotation, outcome=outcome, ended_at=event.at)


def _with_step(rotation: Rotation, step: StepId, state: StepState) -> Rotation:
    return replace(rotation, steps={**rotation.steps, step: state})


_TRANSITIONS: Final[Mapping[Kind, Callable[[Rotation, Event], Rotation]]] = {
    Kind.INTENDED: _intended,
    Kind.APPLIED: _applied,
    Kind.FAILED: _failed,
    Kind.UNDONE: _undone,
    Kind.MEASURED: _measured,
    Kind.HELD: lambda rotation, event: rotation,
    Kind.APPROVED: _approved,
    Kind.PAUSED: _paused,
    Kind.RESUMED: _resumed,
    Kind.TAKEN_OVER: _taken_over,
    Kind.COMPLETED: _ended(Outcome.COMPLETED),
    Kind.ROLLED_BACK: _ended(Outcome.ROLLED_BACK),
    Kind.ABANDONED: _ended(Outcome.ABANDONED),
}
