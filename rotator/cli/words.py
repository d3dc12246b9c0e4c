"""Events and decisions as sentences: the same ones in the plain lines, the live view and the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rotator.model.decision import Ask, Decision, Do, Exit, Stop, Wait
from rotator.model.event import Event, Kind, process
from rotator.model.plan import StepId

_DOING: Final[Mapping[str, tuple[str, str, str]]] = {
    # verb: about to, done, taken back
    "stage": ("writing the new key as a pending version of {}", "the new key is pending in {}", "{}: pending removed"),
    "promote": ("making the new key current in {}", "{} now names the new key", "{} names the old key again"),
    "deploy": ("deploying {}", "{} was deployed", "{} was deployed again, for the old key"),
    "disable": ("disabling the old key", "the old key is disabled (it can be enabled again)", "the old key is enabled"),
    "archive": ("archiving the old key", "the old key is archived", ""),
    "tidy": ("removing the pending label from {}", "{} is tidy", ""),
}


def sentence(event: Event) -> str:
    """What an event says to a person, without its time."""
    step = StepId.parse(event.step or "")
    doing, done, undone = _DOING.get(step.verb, ("{}", "{}", "{}"))
    data = event.data
    match event.kind:
        case Kind.OPENED:
            return f"rotation {event.rotation} opened by {data.get('by')}{_right(event)}"
        case Kind.INTENDED:
            again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            back = "taking back: " if data.get("undo") else ""
            return f"{back}{doing.format(step.subject)}{again}"
        case Kind.APPLIED:
            found = " (found done)" if data.get("inspected") else ""
            return done.format(step.subject) + found
        case Kind.UNDONE:
            return undone.format(step.subject)
        case Kind.FAILED:
            if data.get("standing"):
                how = "nothing of it happened" if data["standing"] == "absent" else "not all of it happened"
                return f"{step}: looked at: {how}"
            return f"{step} failed: {data.get('error')}"
        case Kind.MEASURED:
            return f"{step}: {_verdict(event)}: {data.get('why')}"
        case Kind.APPROVED:
            return f"{data.get('what')} approved by {data.get('by')}: {data.get('reason')}"
        case Kind.PAUSED:
            return f"{step}: cannot tell whether it took effect; a person must say"
        case Kind.HELD:
            return f"{_held(event)}: {data.get('why')}"
        case Kind.RESUMED:
            return f"going on, by {data.get('by') or process(event.holder)}"
        case Kind.TAKEN_OVER:
            return f"taken over from {process(str(data.get('from')))}"
        case Kind.COMPLETED:
            return "complete"
        case Kind.ROLLED_BACK:
            return "rolled back"
        case Kind.ABANDONED:
            return f"abandoned by {data.get('by')}: {data.get('reason')}"


def _right(event: Event) -> str:
    plan = event.data.get("plan")
    right = plan.get("right") if isinstance(plan, Mapping) else None
    return f": first, the places that drifted get the key of {right}" if right else ""


def _held(event: Event) -> str:
    if "debts" in event.data:
        return "people were told"
    return "a person is asked" if event.data.get("exit") == Exit.APPROVAL else "stopped"


def _verdict(event: Event) -> str:
    """A verdict in the words of somebody who waits: what does not hold may hold soon, unless it is final."""
    if event.data.get("verdict") == "passed":
        return "passed"
    if event.data.get("final"):
        return "not proven" if event.data.get("verdict") == "inconclusive" else "FAILED"
    return "could not be measured" if event.data.get("verdict") == "errored" else "not yet"


def ending(decision: Decision) -> str:
    """Why a command went no further."""
    match decision:
        case Wait(look_at, until, why):
            return f"waiting until {(until or look_at):%Y-%m-%d %H:%M:%S} UTC: {why}"
        case Ask(_, why, _):
            return f"waiting for a person: {why}"
        case Stop(why=why):
            return why
        case Do(step):
            return str(step)
        case _:
            return ""
