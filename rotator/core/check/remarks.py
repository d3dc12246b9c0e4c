"""What a check of a credential has to say: remarks, each with its weight, and the finding that they add up to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from rotator.core.check.diagnosis import Finding
from rotator.model.canonical import JsonObject


class Weight(Enum):
    WRONG = "wrong"  # exit code 5
    UNKNOWN = "unknown"  # could not be looked at: exit code 6
    WARNING = "warning"  # worth doing, not today
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """`code`: the same for the same kind of remark, for scripts."""

    weight: Weight
    code: str
    what: str
    fix: str = ""

    def to_json(self) -> JsonObject:
        return {"weight": self.weight.value, "code": self.code, "what": self.what, "fix": self.fix}


def ranked(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Gravest first, otherwise in their order."""
    order = list(Weight)
    return tuple(sorted(remarks, key=lambda remark: order.index(remark.weight)))


def added_up(remarks: Iterable[Remark]) -> Finding:
    weights = {remark.weight for remark in remarks}
    if Weight.WRONG in weights:
        return Finding.WRONG
    return Finding.UNKNOWN if Weight.UNKNOWN in weights else Finding.FINE
