"""One entry of the journal."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from rotator.model.canonical import JsonObject, canonical, quoted

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

    __hash__ = object.__hash__  # of its members there is one each: `Enum` hashes their names, and in Python


class Event(NamedTuple):
    """`seq` counts from 1 within a credential; `hash` covers every other field and, through `prev`, all before.

    A tuple, for a look at many logs makes ten thousands of them: a frozen dataclass takes five times as long to make.
    """

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

    def covered(self) -> bytes:
        """What the hash covers."""
        at, kind, data = self.at.isoformat(), self.kind.value, canonical(self.data)
        return covered(self.seq, self.rotation, at, kind, self.step, self.attempt, data, self.holder, self.prev)

    def computed_hash(self) -> str:
        return hashlib.sha256(self.covered()).hexdigest()


def covered(
    seq: int, rotation: str, at: str, kind: str, step: str | None, attempt: int, data: str, holder: str, prev: str
) -> bytes:
    """An event's fields but its hash, each as it is written down, as one canonical JSON object.

    Raises `ValueError` for a text that is no UTF-8.
    """
    return (
        f'{{"at":{quoted(at)},"attempt":{attempt},"data":{data},"holder":{quoted(holder)},"kind":{quoted(kind)},'
        f'"prev":{quoted(prev)},"rotation":{quoted(rotation)},"seq":{seq},'
        f'"step":{"null" if step is None else quoted(step)}}}'
    ).encode()
