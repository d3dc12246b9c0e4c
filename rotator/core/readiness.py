"""Would a rotation work? What was tried without effect, and what could not be tried, said as such. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from rotator.core.remarks import Remark, Weight
from rotator.model.canonical import JsonObject


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNTRIED = "not tried"  # the system offers no way to try it without effect, or we may not ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One thing that a rotation needs. `part`: of which secret, consumer or system. `what`: a permission, an act."""

    part: str
    what: str
    answer: Answer
    why: str = ""
    fix: str = ""

    def to_json(self) -> JsonObject:
        return {
            "part": self.part,
            "what": self.what,
            "answer": self.answer.value,
            "why": self.why,
            "fix": self.fix,
        }


def remarks(trials: Sequence[Tried]) -> Iterator[Remark]:
    """A remark for each thing that would fail. What was not tried is listed, and is no finding of its own."""
    for trial in trials:
        if trial.answer is Answer.NO:
            why = f": {trial.why}" if trial.why else ""
            what = f"A rotation would fail: {trial.part}: {trial.what}{why}"
            yield Remark(weight=Weight.WRONG, code="not_ready", what=what.rstrip(".") + ".", fix=trial.fix)
