"""A rotation as `fold` finds it in the journal: the only state there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from rotator.model.canonical import NOTHING, Json
from rotator.model.decision import Exit
from rotator.model.keys import Fingerprint
from rotator.model.measure import Measurement
from rotator.model.plan import Plan, StepId


class Outcome(Enum):
    OPEN = "open"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    ABANDONED = "abandoned"


class Standing(Enum):
    """How an effect stands in the world. Law 4: found out before anything is repeated."""

    ABSENT = "absent"
    PARTIAL = "partial"  # some of it: doing it again, or undoing it, completes it and harms nothing
    APPLIED = "applied"
    UNKNOWN = "unknown"  # only a person can say


class Mark(Enum):
    """How an effect stands in the journal."""

    OPEN = "open"  # intended, not known to have ended: inspect before anything else
    READY = "ready"  # an attempt left nothing, or a part: it may be done again
    APPLIED = "applied"
    UNDOING = "undoing"  # taking it back was intended, and is not known to have ended
    UNDONE = "undone"


class StepState(NamedTuple):
    """A tuple, as an event is, and `Evidence`: whoever reads a log makes one of every line."""

    mark: Mark
    attempts: int
    """How often it was intended since an operator last went on by hand."""
    since: datetime
    """When the mark was last changed."""
    intended_at: datetime
    error: str | None = None
    """The last attempt's failure; None once it is applied."""
    stop: Exit | None = None
    """That failure cannot be mended by waiting: the exit code to stop with."""
    hint: str = ""
    """What to do about it."""
    unclear: bool = False
    """Inspection answered UNKNOWN and no person has said yet."""
    data: Mapping[str, Json] = NOTHING
    seq: int = 0
    """The place in the log at which the mark was last changed."""


class Evidence(NamedTuple):
    """A gate's last measurement. `at`: when it was made; `began`: the first one since the gate was last entered.
    `held_since`: the first one of those that passed without a break; None: it does not hold, or that is not known.
    `seq`: its place in the log. What came first is told by places: clocks differ, and are put right.
    """

    measurement: Measurement
    at: datetime
    began: datetime
    held_since: datetime | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A named person's yes, or answer. Valid for exactly the plan and the evidence it was given for."""

    what: str
    by: str
    reason: str
    at: datetime
    plan_digest: str
    evidence_digest: str
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OldKey:
    """The key that is to be retired, as it was when the rotation opened."""

    fingerprint: Fingerprint
    key_id: str | None
    versions: Mapping[str, str]
    """Secret reference → the id of the version that was current."""
    drifted: Mapping[str, Fingerprint] = field(default_factory=dict)
    """Secret reference → the key that it held, where the plan has a `right` place: then they may be several."""
    leaked: bool = False
    """Whether the log knew, when the rotation was opened, that one of those had leaked: none is gone back to."""

    def held(self, secret: str) -> Fingerprint:
        return self.drifted.get(secret, self.fingerprint)

    @property
    def keys(self) -> tuple[Fingerprint, ...]:
        """Every key that this rotation replaces: one, but where places drifted to several."""
        return tuple(dict.fromkeys((self.fingerprint, *self.drifted.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """The adopted key."""

    fingerprint: Fingerprint
    key_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    id: str
    plan: Plan
    plan_digest: str
    opened_at: datetime
    opened_by: str
    outcome: Outcome
    ended_at: datetime | None = None
    old: OldKey | None
    versions: Mapping[str, str] = field(default_factory=dict)
    """Secret reference → the id of the version that was current when it was opened; one that had none is not in it."""
    new: NewKey | None = None
    steps: Mapping[StepId, StepState] = field(default_factory=dict)
    gates: Mapping[StepId, Evidence] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()
    rolling_back: Approval | None = None
    reenabled: str | None = None
    """Why the old key was enabled again by itself; None once an operator has gone on."""
    dropped: tuple[str, ...] = ()
    """Consumers that an accepted plan took off the list half-way: nobody waits for them, and they are not forgotten."""
    lapses: int = 0
    """How often a gate that had passed ceased to: part of what an approval is bound to."""
    entered: datetime
    """When an operator last opened or resumed it: gates count their time-outs from here."""
    entered_seq: int
    """And at which place in the log."""
    owner: str
    """The holder whose events may follow; another one first records a takeover."""
    seq: int
    head: str
