"""What is written into an event: the shapes of its `data`. `fold.py` reads them back."""

from __future__ import annotations

from rotator.core.approval import UNPROVEN, approved, evidence_digest, unproven_digest
from rotator.core.plan import DRAIN
from rotator.model.canonical import Json, JsonObject
from rotator.model.errors import OutsideError
from rotator.model.measure import Measurement
from rotator.model.plan import StepId
from rotator.model.rotation import Rotation


def approval(rotation: Rotation, what: str, by: str, reason: str) -> JsonObject:
    """A yes, bound to the plan, and to the evidence as it is now. An answer about a consumer rests on no gate."""
    step = next((step.id for step in rotation.plan.steps if str(step.id) == what), None)
    evidence = evidence_digest(rotation, step) if step is not None else ""
    if what == UNPROVEN and DRAIN in rotation.gates:
        evidence = unproven_digest(rotation, rotation.gates[DRAIN].measurement.facts.get("missing"))
    return {
        "what": what,
        "by": by,
        "reason": reason,
        "plan_digest": rotation.plan_digest,
        "evidence_digest": evidence,
    }


def grounds(rotation: Rotation, step: StepId) -> JsonObject:
    """What an effect rests on, journaled with its intent: when each gate was measured, and who said yes."""
    gates: dict[str, Json] = {
        str(need): rotation.gates[need].at.isoformat()
        for need in rotation.plan.step(step).needs
        if need in rotation.gates
    }
    if not gates:
        return {}
    yes = approved(rotation, step)
    return {
        "measured": gates,
        "evidence_digest": evidence_digest(rotation, step),
        "approved_by": yes.by if yes else None,
    }


def failure(error: OutsideError) -> JsonObject:
    """`exit` null: the same call may succeed later."""
    return {
        "error": error.message,
        "hint": error.hint,
        "exit": None if error.transient else int(error.exit_code),
    }


def measured(measurement: Measurement) -> JsonObject:
    return {
        "verdict": measurement.verdict.value,
        "why": measurement.why,
        "facts": measurement.facts,
        "proof": measurement.proof,
        "final": measurement.final,
    }


def same(before: Measurement, after: Measurement) -> bool:
    """Nothing has changed that anybody could decide by."""
    return (before.verdict, before.facts, before.final) == (after.verdict, after.facts, after.final)
