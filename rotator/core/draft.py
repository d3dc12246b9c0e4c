"""A rotation while events are being folded into it: the one thing here that changes in place, and `fold` alone sees it.

Frozen copies of all fields for every event made the replay of a long log several times slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rotator.model.plan import Plan, StepId
from rotator.model.rotation import Approval, Evidence, NewKey, OldKey, Outcome, Rotation, StepState


@dataclass(slots=True, kw_only=True)
class Draft:
    """The fields of `Rotation`, each with the meaning that it has there."""

    id: str
    plan: Plan
    plan_digest: str
    opened_at: datetime
    opened_by: str
    outcome: Outcome
    ended_at: datetime | None = None
    old: OldKey | None
    versions: Mapping[str, str] = field(default_factory=dict)
    new: NewKey | None = None
    steps: dict[StepId, StepState] = field(default_factory=dict)
    gates: dict[StepId, Evidence] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()
    rolling_back: Approval | None = None
    reenabled: str | None = None
    dropped: tuple[str, ...] = ()
    lapses: int = 0
    entered: datetime
    entered_seq: int
    owner: str
    seq: int
    head: str

    @classmethod
    def of(cls, rotation: Rotation) -> Draft:
        """A draft that goes on from `rotation`, which stays as it is."""
        return cls(
            id=rotation.id,
            plan=rotation.plan,
            plan_digest=rotation.plan_digest,
            opened_at=rotation.opened_at,
            opened_by=rotation.opened_by,
            outcome=rotation.outcome,
            ended_at=rotation.ended_at,
            old=rotation.old,
            versions=rotation.versions,
            new=rotation.new,
            steps=dict(rotation.steps),
            gates=dict(rotation.gates),
            approvals=rotation.approvals,
            rolling_back=rotation.rolling_back,
            reenabled=rotation.reenabled,
            dropped=rotation.dropped,
            lapses=rotation.lapses,
            entered=rotation.entered,
            entered_seq=rotation.entered_seq,
            owner=rotation.owner,
            seq=rotation.seq,
            head=rotation.head,
        )

    def forget_overlap(self) -> None:
        """What was measured of the overlap, and after it, counts no more; of whom nobody measures again, it is kept.
        Nor does any yes that was given on it: a gate may have failed since, and that would not be seen as a lapse."""
        self.lapses += 1
        self.gates = {
            gate: evidence
            for gate, evidence in self.gates.items()
            if gate.verb in ("adopt", "test") or gate.subject in self.dropped
        }

    def done(self) -> Rotation:
        """The rotation as it stands now. It takes the draft's mappings along: the draft is not used any more."""
        return Rotation(
            id=self.id,
            plan=self.plan,
            plan_digest=self.plan_digest,
            opened_at=self.opened_at,
            opened_by=self.opened_by,
            outcome=self.outcome,
            ended_at=self.ended_at,
            old=self.old,
            versions=self.versions,
            new=self.new,
            steps=self.steps,
            gates=self.gates,
            approvals=self.approvals,
            rolling_back=self.rolling_back,
            reenabled=self.reenabled,
            dropped=self.dropped,
            lapses=self.lapses,
            entered=self.entered,
            entered_seq=self.entered_seq,
            owner=self.owner,
            seq=self.seq,
            head=self.head,
        )
