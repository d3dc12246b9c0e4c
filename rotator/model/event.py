"""One entry of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from rotator.model.canonical import JsonObject, digest

GENESIS = "0" * 64
"""The `prev` of a credential's first event."""


def process(holder: str) -> str:
    """A holder's name as far as a person needs it: user@host:pid."""
    return ":".join(holder.split(":")[:2])


class Kind(Enum):
    OPENED = "opened"  # a rotation begins; holds its plan and the old key
    INTENDED = "intended"  # an effect is about to happen (law 4); data.undo: it is about to be undone
    APPLIED = "applied"  # the effect is known to have happened
    FAILED = "failed"  # an attempt raised; whether it took effect is found out by inspection
    UNDONE = "undone"  # the effect is known to be gone again
    MEASURED = "measured"  # a gate's measurement that changed, or that was judged
    HELD = "held"  # the rotation stopped at a question or a refusal; for the reader of its history
    APPROVED = "approved"  # a named person's yes (or answer), bound to plan and evidence
    PAUSED = "paused"  # an effect's standing could not be told: a person must say
    RESUMED = "resumed"  # an operator went on after a stop; data.plan: with a changed plan
    TAKEN_OVER = "taken_over"  # another process went on where one died or was unlocked
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`seq` counts from 1 within a credential; `hash` covers every other field and, through `prev`, all before."""

    seq: int
    rotation: str
    at: datetime
    kind: Kind
    step: str | None
    attempt: int
    data: JsonObject
    holder: str
    prev: str
    hash: str

    def computed_hash(self) -> str:
        return digest(
            {
                "seq": self.seq,
                "rotation": self.rotation,
                "at": self.at.isoformat(),
                "kind": self.kind.value,
                "step": self.step,
                "attempt": self.attempt,
                "data": self.data,
                "holder": self.holder,
                "prev": self.prev,
            }
        )
