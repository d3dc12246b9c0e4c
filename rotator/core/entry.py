"""What is written into an event: the shapes of its `data`. `fold.py` reads them back."""

from __future__ import annotations

from rotator.core.approval import UNPROVEN, evidence_digest, unproven_digest
from rotator.core.plan import DRAIN
from rotator.model.canonical import JsonObject
from rotator.model.errors import OutsideError
from rotator.model.measure import Measurement
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
