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
from rotator.core.draft import Draft
from rotator.core.plan import ADOPT, ARCHIVE, DISABLE
from rotator.core.way_back import no_way_back
from rotator.model.canonical import Json
from rotator.model.decision import Exit
from rotator.model.errors import JournalError
from rotator.model.event import Event, Kind
from rotator.model.keys import Fingerprint
from rotator.model.measure import VERDICTS, Measurement, Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Approval, Evidence, Mark, NewKey, OldKey, Outcome, Rotation, StepState

ROLLBACK: Final = "rollback"
"""The word of the approval that turns a rotation round."""


def fold(events: Iterable[Event]) -> Rotation | None:
    """The credential's latest rotation, open or ended; None where there never was one. Its own events say all of it."""
    log = list(events)
    opened = next((n for n in reversed(range(len(log))) if log[n].kind is Kind.OPENED), len(log))
    return advance(None, *log[opened:])


def rotations(events: Iterable[Event]) -> list[Rotation]:
    """Every rotation of the log, oldest first, each as it stands after its last event."""
    drafts: list[Draft] = []
    for event in events:
        if event.kind is Kind.OPENED:
            drafts.append(_advanced(None, event))
        elif drafts:
            _advanced(drafts[-1], event)
    return [draft.done() for draft in drafts]


def advance(rotation: Rotation | None, *events: Event) -> Rotation | None:
    """The state after these further events. `intended` and the like speak of the rotation that was opened last.

    Raises `JournalError` for an event that cannot be understood.
    """
    if not events:
        return rotation
    draft = None if rotation is None else Draft.of(rotation)
    for event in events:
        if draft is not None or event.kind is Kind.OPENED:
            draft = _advanced(draft, event)
    return None if draft is None else draft.done()


def _advanced(draft: Draft | None, event: Event) -> Draft:
    try:
        if draft is None or event.kind is Kind.OPENED:
            return _opened(event)
        _TRANSITIONS[event.kind](draft, event)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        # Its hash is right, so it was written like this: by another version, or by a forger. Never guessed at.
        raise JournalError(
            f"event {event.seq} of the journal ({event.kind.value}) cannot be understood ({type(error).__name__})",
            "If a newer rotator wrote it, use that version. Else restore the journal from a backup.",
        ) from None
    draft.seq, draft.head = event.seq, event.hash
    return draft


def _opened(event: Event) -> Draft:
    data = cast("Mapping[str, Any]", event.data)
    plan = record.from_json(data["plan"])
    old = data["old"]
    versions = data.get("versions", {}) if old is None else old["versions"]
    return Draft(
        id=event.rotation,
        plan=plan,
        plan_digest=record.plan_digest(plan),
        opened_at=event.at,
        opened_by=data["by"],
        outcome=Outcome.OPEN,
        old=None
        if old is None
        else OldKey(
            fingerprint=Fingerprint.from_json(old["fingerprint"]),
            key_id=old["key_id"],
            versions=versions,
            drifted={secret: Fingerprint.from_json(key) for secret, key in old.get("drifted", {}).items()},
            leaked=bool(old.get("leaked", False)),
        ),
        versions=versions,
        entered=event.at,
        entered_seq=event.seq,
        owner=event.holder,
        seq=event.seq,
        head=event.hash,
    )


def _intended(draft: Draft, event: Event) -> None:
    step = StepId.parse(event.step or "")
    before = draft.steps.get(step)
    draft.steps[step] = StepState(
        mark=Mark.UNDOING if event.data.get("undo") else Mark.OPEN,
        attempts=event.attempt,
        since=event.at,
        intended_at=event.at,
        data={**(before.data if before else {}), **event.data},
        seq=event.seq,
    )


def _applied(draft: Draft, event: Event) -> None:
    if event.step == str(ARCHIVE):  # a rollback that was ordered meanwhile came too late (law 9)
        draft.rolling_back = None
    _settled(draft, event, Mark.APPLIED)


def _undone(draft: Draft, event: Event) -> None:
    _settled(draft, event, Mark.UNDONE)
    if event.step == str(DISABLE):
        _came_back(draft, event.data)


def _came_back(draft: Draft, data: Mapping[str, Json]) -> None:
    """What was measured before the old key worked again counts no more, and nobody disables it again by itself."""
    draft.forget_overlap()
    draft.reenabled = None if draft.rolling_back else str(data.get("why") or "")


def _settled(draft: Draft, event: Event, mark: Mark) -> None:
    step = StepId.parse(event.step or "")
    before = draft.steps[step]
    draft.steps[step] = StepState(
        mark=mark,
        attempts=before.attempts,
        since=event.at,
        intended_at=before.intended_at,
        data=event.data,
        seq=event.seq,
    )


def _failed(draft: Draft, event: Event) -> None:
    """An attempt ended. Inspected, and found to have left nothing or a part: READY. Else its end is not known."""
    step = StepId.parse(event.step or "")
    before = draft.steps[step]
    if event.data.get("standing"):
        data = {**before.data, "standing": event.data["standing"]}
        draft.steps[step] = before._replace(mark=Mark.READY, since=event.at, seq=event.seq, data=data)
        return
    exit_code = event.data.get("exit")
    draft.steps[step] = before._replace(
        attempts=max(before.attempts, event.attempt),  # an inspection in vain counts as well
        since=event.at,
        seq=event.seq,
        error=str(event.data.get("error", "")),
        hint=str(event.data.get("hint", "")),
        stop=None if exit_code is None else Exit(int(str(exit_code))),
    )


def _paused(draft: Draft, event: Event) -> None:
    step = StepId.parse(event.step or "")
    draft.steps[step] = draft.steps[step]._replace(unclear=True, error=str(event.data.get("why", "")))


def _measured(draft: Draft, event: Event) -> None:
    gate = StepId.parse(event.step or "")
    data: Mapping[str, Any] = event.data
    measurement = Measurement(
        gate=event.step or "",
        verdict=VERDICTS[data["verdict"]],
        why=data["why"],
        facts=data["facts"],
        proof=data.get("proof", {}),
        final=bool(data.get("final")),
    )
    before = draft.gates.get(gate)
    passed_before = before is not None and before.measurement.verdict is Verdict.PASSED
    fresh_spell = before is None or passed_before or before.seq < draft.entered_seq
    # A clock that is set back by an hour makes nobody wait for an hour more.
    began = event.at if fresh_spell or before is None else min(before.began, event.at)
    passes = measurement.verdict is Verdict.PASSED
    held_since = (before.held_since if before is not None and passed_before else event.at) if passes else None
    draft.gates[gate] = Evidence(
        measurement=measurement, at=event.at, began=began, held_since=held_since, seq=event.seq
    )
    draft.lapses += int(passed_before and not passes)
    if gate == ADOPT and passes:
        facts: Mapping[str, Any] = measurement.facts
        draft.new = NewKey(fingerprint=Fingerprint.from_json(facts["new"]), key_id=facts.get("key_id"))


def _approved(draft: Draft, event: Event) -> None:
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
    draft.approvals = (*draft.approvals, approval)
    verb, _, subject = approval.what.partition(":")
    if approval.what == ROLLBACK and no_way_back(draft) is None:
        draft.rolling_back, draft.gates, draft.reenabled = approval, {}, None
        _fresh(draft, event)
    elif verb in ("applied", "absent"):
        _answered(draft, StepId.parse(subject), Mark.APPLIED if verb == "applied" else Mark.READY, event)


def _answered(draft: Draft, step: StepId, mark: Mark, event: Event) -> None:
    """A person said how an effect stands that nobody could tell. Where it was found out meanwhile, that counts."""
    before = draft.steps[step]
    if not before.unclear:
        return
    if before.mark is Mark.UNDOING and mark is Mark.READY:
        mark = Mark.UNDONE
        if step == DISABLE:
            _came_back(draft, before.data)
    draft.steps[step] = before._replace(mark=mark, since=event.at, seq=event.seq, unclear=False, error=None, stop=None)


def _resumed(draft: Draft, event: Event) -> None:
    data = cast("Mapping[str, Any]", event.data)
    draft.owner = event.holder
    if data.get("plan"):
        before, draft.plan = draft.plan, record.from_json(data["plan"])
        known_by, draft.plan_digest = draft.plan_digest, record.plan_digest(draft.plan)
        now = {consumer.name for consumer in draft.plan.consumers}
        known = (*draft.dropped, *(consumer.name for consumer in before.consumers))
        draft.dropped = tuple(name for name in known if name not in now)
        if draft.plan_digest != known_by:
            draft.forget_overlap()  # what was measured by another plan is measured again
        if no_way_back(draft) is not None:
            _forward_only(draft, event)
    if data.get("old_key_id") and draft.old is not None:
        draft.old = replace(draft.old, key_id=data["old_key_id"])
    if data.get("new_key_id") and draft.new is not None:
        draft.new = replace(draft.new, key_id=data["new_key_id"])
    if data.get("entered"):
        draft.reenabled = None
        _fresh(draft, event)


def _forward_only(draft: Draft, event: Event) -> None:
    """Somebody found out, on the way back to the old key, that it leaked. What was being taken back is looked at."""
    draft.rolling_back = None
    for step, state in draft.steps.items():
        if state.mark is Mark.UNDOING:
            draft.steps[step] = state._replace(mark=Mark.OPEN, since=event.at, seq=event.seq, unclear=False)


def _fresh(draft: Draft, event: Event) -> None:
    """An operator goes on by hand: time-outs and attempts count from here."""
    draft.entered, draft.entered_seq = event.at, event.seq
    for step, state in draft.steps.items():
        if not state.unclear and (state.attempts or state.error is not None or state.hint):
            draft.steps[step] = state._replace(attempts=0, error=None, stop=None, hint="")


def _taken_over(draft: Draft, event: Event) -> None:
    draft.owner = event.holder


def _ended(outcome: Outcome) -> Callable[[Draft, Event], None]:
    def end(draft: Draft, event: Event) -> None:
        draft.outcome, draft.ended_at = outcome, event.at

    return end


_TRANSITIONS: Final[Mapping[Kind, Callable[[Draft, Event], None]]] = {
    Kind.INTENDED: _intended,
    Kind.APPLIED: _applied,
    Kind.FAILED: _failed,
    Kind.UNDONE: _undone,
    Kind.MEASURED: _measured,
    Kind.HELD: lambda draft, event: None,  # for the reader of the history
    Kind.APPROVED: _approved,
    Kind.PAUSED: _paused,
    Kind.RESUMED: _resumed,
    Kind.TAKEN_OVER: _taken_over,
    Kind.COMPLETED: _ended(Outcome.COMPLETED),
    Kind.ROLLED_BACK: _ended(Outcome.ROLLED_BACK),
    Kind.ABANDONED: _ended(Outcome.ABANDONED),
}
