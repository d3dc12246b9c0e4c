"""Would a rotation work? What was tried without effect, and what could not be tried, said as such. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from rotator.core.check.remarks import Remark, Weight
from rotator.model.canonical import JsonObject


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNTRIED = "not tried"  # the system offers no way to try it without effect, or we may not ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
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


def remarks(needs: Sequence[Need]) -> Iterator[Remark]:
    """A remark for each reason to fail. What was not tried is listed, and is no finding of its own."""
    failing = [need for need in needs if need.answer is Answer.NO]
    for part, why, fix in dict.fromkeys((need.part, need.why, need.fix) for need in failing):
        named = ", ".join(need.what for need in failing if (need.part, need.why, need.fix) == (part, why, fix))
        what = f"A rotation would fail: {part}: {named}" + (f": {why}" if why else "")
        yield Remark(weight=Weight.WRONG, code="not_ready", what=what.rstrip(".") + ".", fix=fix)
