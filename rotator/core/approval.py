"""What a named person's yes is bound to, and whether it still counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rotator.core.drain import ACCESS, CONTROL, LAG, READING
from rotator.core.plan import DISABLE, DRAIN
from rotator.model.canonical import Json, digest
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Approval, Mark, Rotation, StepState

UNPROVEN: Final = "unproven"
"""The word by which a person takes on that the old key's silence is not proven (law 7: "a person decides")."""

CONSUMER: Final = "consumer:"
"""Prefix of the word by which a person answers for a consumer: `consumer:NAME`."""


def evidence_digest(rotation: Rotation, step: StepId) -> str:
    """What the person who approves `step` relies on: the verdict of every gate that it needs, and of which keys.

    Times, request ids and the number of instances are left out: a fleet that scales does not void a yes. A gate that
    lapsed and passed again does (`lapses`), and so does any change in what the drain gate could prove.
    """
    gates: dict[str, Json] = {}
    for gate in rotation.plan.step(step).needs:
        evidence = rotation.gates.get(gate)
        gates[str(gate)] = None if evidence is None else evidence.measurement.verdict.value
        if gate == DRAIN and evidence is not None:
            gates[f"{gate} facts"] = evidence.measurement.facts
    return digest(
        {
            "step": str(step),
            "gates": gates,
            "lapses": rotation.lapses,
            "old": rotation.old.fingerprint.digest if rotation.old else None,
            "new": rotation.new.fingerprint.digest if rotation.new else None,
        }
    )


def unproven_digest(rotation: Rotation, missing: Json) -> str:
    """What is taken on: exactly these conditions of the drain gate, for these keys, since nothing lapsed."""
    return digest(
        {
            "step": UNPROVEN,
            "missing": missing,
            "lapses": rotation.lapses,
            "old": rotation.old.fingerprint.digest if rotation.old else None,
            "new": rotation.new.fingerprint.digest if rotation.new else None,
        }
    )


def taken_on(rotation: Rotation, missing: Json) -> Approval | None:
    """The person's word that covers these missing conditions, where the playbook lets a person give it."""
    if rotation.plan.playbook.drain.unproven == "refuse" or not _a_persons(missing):
        return None
    given = _given(rotation, UNPROVEN)
    return _bound_to(unproven_digest(rotation, missing), given) if given else None


def may_take_on(rotation: Rotation) -> bool:
    """Whether the drain gate, as last measured, is one that a person may take on."""
    evidence = rotation.gates.get(DRAIN)
    return (
        evidence is not None
        and rotation.plan.playbook.drain.unproven != "refuse"
        and evidence.measurement.verdict in (Verdict.INCONCLUSIVE, Verdict.ERRORED)
        and _a_persons(evidence.measurement.facts.get("missing"))
    )


def _a_persons(missing: Json) -> bool:
    """A person may do without a report, or believe one that is late, blind or out of reach; the quiet window itself has
    to pass."""
    return isinstance(missing, Sequence) and bool(missing) and set(missing) <= {LAG, CONTROL, READING, ACCESS}


def approved(rotation: Rotation, step: StepId) -> Approval | None:
    """The approval that covers `step` now: given for this very plan and this very evidence."""
    given = _given(rotation, str(step))
    return _bound_to(evidence_digest(rotation, step), given) if given else None


def _given(rotation: Rotation, what: str) -> Sequence[Approval]:
    """Every yes to this, for this very plan; the last one first."""
    plan = rotation.plan_digest
    return [one for one in reversed(rotation.approvals) if one.what == what and one.plan_digest == plan]


def _bound_to(evidence: str, given: Sequence[Approval]) -> Approval | None:
    return next((one for one in given if one.evidence_digest == evidence), None)


def scheduled(rotation: Rotation, step: StepId) -> bool:
    """Whether the playbook lets a schedule approve. What is unproven and must be asked about, only a person may; and
    where somebody who is not on the list used the old key, or missed it when it was disabled, their rhythm is unknown.
    """
    playbook = rotation.plan.playbook
    if step != DISABLE:  # unmanaged, a yes is the word of the person who did it: a schedule has done nothing
        return playbook.approve_archive == "scheduled" and rotation.plan.managed
    evidence, before = rotation.gates.get(DRAIN), rotation.steps.get(DISABLE)
    if before is not None and before.mark is Mark.UNDONE:
        return False
    if evidence is not None and evidence.measurement.facts.get("stray") is not None:
        return False
    unproven = evidence is not None and bool(evidence.measurement.facts.get("unproven"))
    taken = evidence is not None and bool(evidence.measurement.facts.get("accepted_by"))
    return playbook.approve_disable == "scheduled" and not (unproven and playbook.drain.unproven == "ask" and not taken)


def answer(rotation: Rotation, consumer: str) -> Approval | None:
    """The person's word for a consumer, given after everything that could have changed which key it holds."""
    changed = max((state.seq for state in _changes(rotation, consumer)), default=None)
    for approval in reversed(rotation.approvals):
        if approval.what == CONSUMER + consumer and changed is not None and approval.seq > changed:
            return approval
    return None


def last_change(rotation: Rotation) -> datetime | None:
    """When a secret was last promoted or restored, or any consumer last deployed."""
    return max((state.since for state in _changes(rotation)), default=None)


def _changes(rotation: Rotation, consumer: str | None = None) -> Sequence[StepState]:
    """What may have changed the key that this consumer (None: any) holds."""
    return [
        state
        for step, state in rotation.steps.items()
        if step.verb == "promote" or (step.verb == "deploy" and consumer in (None, step.subject))
    ]
