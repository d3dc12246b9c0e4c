"""The parts of a report, each from the rotation's events alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rotator.core.approval import UNPROVEN
from rotator.core.fold import advance
from rotator.core.owed import without_proof
from rotator.core.plan import DISABLE
from rotator.core.status import old_status
from rotator.model.canonical import Json, JsonObject, digest
from rotator.model.event import Event, Kind
from rotator.model.plan import StepId
from rotator.model.rotation import Rotation

_OF_AN_EFFECT: Final = (Kind.INTENDED, Kind.APPLIED, Kind.FAILED, Kind.UNDONE, Kind.PAUSED)


def trigger(rotation: Rotation) -> JsonObject:
    """Why it was rotated: PCI DSS 8.6.3 asks whether by the calendar or on suspicion. `why` is the playbook's own word:
    the place to name the risk analysis that sets how often."""
    playbook = rotation.plan.playbook
    kind = "first_key" if rotation.plan.first else "compromise" if playbook.leaked else "planned"
    if rotation.plan.right is not None:
        kind = "drift"
    return {"kind": kind, "playbook": playbook.name, "why": playbook.why}


def keys(rotation: Rotation) -> JsonObject:
    """Fingerprints; `status` by what the journal knows when the last event was written."""
    old = None
    if rotation.old is not None:
        old = {**rotation.old.fingerprint.to_json(), "key_id": rotation.old.key_id, "status": old_status(rotation)}
    new = {**rotation.new.fingerprint.to_json(), "key_id": rotation.new.key_id} if rotation.new is not None else None
    return {"old": old, "new": new}


def gates(own: Sequence[Event], rotation: Rotation) -> list[Json]:
    """Every gate that was planned or measured, with every measurement that was journaled, oldest first."""
    planned = [str(step.id) for step in rotation.plan.steps if not step.effect]
    measured = [event for event in own if event.kind is Kind.MEASURED]
    names = dict.fromkeys([*planned, *(event.step or "" for event in measured)])
    found: list[Json] = []
    for name in names:
        mine = [_measurement(event) for event in measured if event.step == name]
        found.append({"gate": name, "verdict": mine[-1]["verdict"] if mine else None, "measurements": mine})
    return found


def _measurement(event: Event) -> JsonObject:
    """`digest`: over the journaled measurement as it is, so that it can be quoted and found again."""
    data = event.data
    return {
        "seq": event.seq,
        "at": event.at.isoformat(),
        "verdict": data.get("verdict"),
        "why": data.get("why"),
        "facts": data.get("facts"),
        "proof": data.get("proof"),
        "digest": digest(data),
    }


def effects(own: Sequence[Event], rotation: Rotation) -> list[Json]:
    """Every effect that was planned or begun, with all that was tried."""
    planned = [str(step.id) for step in rotation.plan.steps if step.effect]
    done = [event for event in own if event.kind in _OF_AN_EFFECT]
    found: list[Json] = []
    for name in dict.fromkeys([*planned, *(event.step or "" for event in done)]):
        state = rotation.steps.get(StepId.parse(name))
        found.append(
            {
                "step": name,
                "state": state.mark.value if state else None,
                "since": state.since.isoformat() if state else None,
                "events": [_tried(event) for event in done if event.step == name],
            }
        )
    return found


def _tried(event: Event) -> JsonObject:
    """`found_done`: the effect was not carried out then, it was found to have happened. `rests_on`: when each gate that
    the effect needs was last measured."""
    data = event.data
    return {
        "seq": event.seq,
        "at": event.at.isoformat(),
        "kind": event.kind.value,
        "attempt": event.attempt,
        "undo": bool(data.get("undo")),
        "found_done": bool(data.get("inspected")),
        "error": data.get("error"),
        "rests_on": data.get("measured"),
        "evidence_digest": data.get("evidence_digest"),
        "approved_by": data.get("approved_by"),
    }


def approvals(own: Sequence[Event]) -> list[Json]:
    return [
        {
            "seq": event.seq,
            "at": event.at.isoformat(),
            "what": event.data["what"],
            "by": event.data["by"],
            "reason": event.data["reason"],
            "plan_digest": event.data["plan_digest"],
            "evidence_digest": event.data["evidence_digest"],
        }
        for event in own
        if event.kind is Kind.APPROVED
    ]


def requests(own: Sequence[Event]) -> list[Json]:
    """The ids of the requests that measurements rest on: Anthropic's support can look them up."""
    found: list[Json] = []
    for event in own:
        proof = event.data.get("proof") if event.kind is Kind.MEASURED else None
        ids = proof.get("request_ids") if isinstance(proof, dict) else None
        if ids:
            found.append({"gate": event.step, "seq": event.seq, "ids": ids})
    return found


def overrides(own: Sequence[Event]) -> list[Json]:
    """Where a person's word, or nothing, stood in place of proof. Nothing that happens later takes these away."""
    rotation: Rotation | None = None
    found: list[Json] = []
    for event in own:
        rotation = advance(rotation, event)
        if rotation is not None:
            found += [
                {"seq": event.seq, "at": event.at.isoformat(), "kind": kind, "what": what}
                for kind, what in _overridden(rotation, event)
            ]
    return found


def _overridden(rotation: Rotation, event: Event) -> Iterator[tuple[str, str]]:
    data = event.data
    match event.kind:
        case Kind.APPLIED if event.step == str(DISABLE):
            yield from ((f"gate {gate}", what) for gate, what in without_proof(rotation))
        case Kind.APPLIED if data.get("attested_by"):
            yield "attested", f"`{event.step}` rests on the word of {data['attested_by']}"
        case Kind.APPROVED:
            verb, _, subject = str(data["what"]).partition(":")
            if verb in ("applied", "absent"):
                is_so = "took effect" if verb == "applied" else "did not take effect"
                yield "answered", f"that `{subject}` {is_so} is the word of {data['by']}: {data['reason']}"
            elif verb == UNPROVEN:
                yield UNPROVEN, f"{data['by']} took on that the old key's silence is not proven: {data['reason']}"
        case Kind.RESUMED if data.get("plan"):
            yield "plan", f"{data.get('by')} went on by a changed plan: {data.get('reason')}"
        case Kind.TAKEN_OVER:
            yield "taken_over", f"taken over from {data.get('from')}: {data.get('reason') or 'its process was gone'}"
