"""Debts (law 11): what was skipped or left undone stays visible until somebody closes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rotator.core.plan import ARCHIVE, DISABLE
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Mark, Outcome, Rotation


def owed(rotation: Rotation, now: datetime) -> Iterator[str]:
    """A sentence for each debt of this rotation, most urgent first."""
    if rotation.outcome is Outcome.ABANDONED:
        yield from _abandoned(rotation)
    if rotation.outcome is Outcome.OPEN:
        yield from _open(rotation, now)


def _abandoned(rotation: Rotation) -> Iterator[str]:
    promoted = _intended(rotation, "promote")
    if rotation.old is not None and promoted and not _applied(rotation, ARCHIVE):
        state = "disabled, but never archived" if _applied(rotation, DISABLE) else "still active"
        yield f"the rotation was abandoned: the old key {rotation.old.fingerprint} is {state}; retire it by hand"
    if rotation.new is not None and _intended(rotation, "stage") and not promoted:
        yield f"the rotation was abandoned: the new key {rotation.new.fingerprint} is left pending and active"


def _open(rotation: Rotation, now: datetime) -> Iterator[str]:
    if rotation.reenabled is not None:
        yield f"the old key was enabled again and is not retired: {rotation.reenabled}"
    overdue = rotation.opened_at + rotation.plan.playbook.deadline
    if now >= overdue:
        yield f"the rotation should have been complete by {overdue:%Y-%m-%d %H:%M} UTC"
    if not _applied(rotation, DISABLE):
        return
    for consumer in rotation.plan.consumers:
        evidence = rotation.gates.get(StepId("observe", consumer.name))
        if not consumer.required and evidence and evidence.measurement.verdict is not Verdict.PASSED:
            yield f"the old key was disabled while {consumer.name} (not required) was: {evidence.measurement.why}"


def _applied(rotation: Rotation, step: StepId) -> bool:
    state = rotation.steps.get(step)
    return state is not None and state.mark is Mark.APPLIED


def _intended(rotation: Rotation, verb: str) -> bool:
    return any(step.verb == verb and state.mark is not Mark.UNDONE for step, state in rotation.steps.items())
