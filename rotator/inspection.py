"""Floor 4: law 4's other half. Before anything is repeated or taken back, how does the effect stand in the world?"""

from __future__ import annotations

from rotator.core import entry
from rotator.core.decide import given_up
from rotator.model.canonical import JsonObject
from rotator.model.decision import Exit
from rotator.model.errors import OutsideError
from rotator.model.event import Kind
from rotator.model.rotation import Standing, StepState
from rotator.session import Session
from rotator.steps import Context, effect_of


def inspect(session: Session, context: Context) -> None:
    """What became of an intent that was found open? Journaled; UNKNOWN asks a person."""
    state = session.open.steps[context.step]
    if given_up(context.step, state) is not None:
        return _look_again(session, context, state)
    found = standing(session, context, state.attempts + 1)  # so that inspections in vain are bounded, too
    if found is not None and found is not Standing.UNKNOWN:
        _journal(session, context, state, found)
    return None


def standing(session: Session, context: Context, attempt: int) -> Standing | None:
    """How the effect stands; None where the system could not be asked (journaled). UNKNOWN is journaled too."""
    try:
        found = effect_of(context.step).inspect(context)
    except OutsideError as error:
        session.append(Kind.FAILED, context.step, entry.failure(error), attempt)
        return None
    if found is Standing.UNKNOWN:
        session.append(Kind.PAUSED, context.step, {"why": "no system that knows could be asked"}, attempt)
    return found


def _look_again(session: Session, context: Context, state: StepState) -> None:
    """It was given up, or it waits for a person: a look that tells nothing new is not worth a line in the log."""
    try:
        found = effect_of(context.step).inspect(context)
    except OutsideError:
        found = Standing.UNKNOWN
    waits = state.stop is Exit.APPROVAL
    if found is Standing.UNKNOWN or (waits and found is not Standing.APPLIED):
        same: JsonObject = {"error": state.error, "hint": state.hint, "exit": state.stop}
        session.overlay(Kind.FAILED, context.step, same)
    else:
        _journal(session, context, state, found)


def _journal(session: Session, context: Context, state: StepState, found: Standing) -> None:
    if found is Standing.APPLIED:
        session.append(Kind.APPLIED, context.step, {"inspected": True}, state.attempts)
    else:
        session.append(Kind.FAILED, context.step, {"standing": found.value}, state.attempts)
