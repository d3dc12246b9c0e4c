"""What `decide` answers: exactly one of these, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TypeAlias

from rotator.model.plan import StepId


class Exit(IntEnum):
    """What a command ends with: docs/reference/exit-codes.md."""

    DONE = 0
    BUG = 1
    USAGE = 2
    WAITING = 3
    APPROVAL = 4
    GATE_FAILED = 5
    INCONCLUSIVE = 6
    HELD = 7
    ROLLED_BACK = 8
    OWED = 9
    OUTSIDE = 10


@dataclass(frozen=True, slots=True)
class Do:
    """Carry a step out: measure a gate, or inspect and apply an effect."""

    step: StepId


@dataclass(frozen=True, slots=True)
class Undo:
    """Inspect an effect and take it back. `why` is journaled."""

    step: StepId
    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again at `look_at`. `until` is when it can be over at the earliest; None where nobody can know."""

    look_at: datetime
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Only a person can go on. `what` is the word to approve with; `scheduled`: a schedule may say yes (playbook)."""

    what: str
    why: str
    scheduled: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing more to do, or nothing that may be done.

    `next`: the command to type, whole (`rotate …`) or by its name alone; `hint`: what to do first, as a sentence.
    """

    exit: Exit
    why: str
    next: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Close:
    """Every step is done: journal the rotation's end."""

    completed: bool  # else: rolled back


Decision: TypeAlias = Do | Undo | Wait | Ask | Stop | Close
