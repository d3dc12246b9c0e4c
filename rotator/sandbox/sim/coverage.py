"""What many seeds really met, and what none of them did. A fault that never struck has tested nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from rotator.sandbox.sim.faults import KINDS
from rotator.sandbox.sim.run import Report

ENOUGH: Final = 500
"""From so many seeds on, a fault that struck nowhere fails the run."""

_STEPS: Final = (
    *(f"do {verb}" for verb in ("adopt", "stage", "test", "promote", "deploy", "observe", "probe", "pings")),
    *(f"do {verb}" for verb in ("drain", "disable", "soak", "archive", "tidy")),
    *(f"undo {verb}" for verb in ("stage", "promote", "deploy", "disable")),
)
_DECISIONS: Final = ("wait", "ask disable", "ask archive", "stop done", "close completed", "close rolled back")
_PLACES: Final = ("secrets in aws", "secrets in vault", "secrets in aws and vault")
_OUTCOMES: Final = ("outcome completed", "outcome rolled_back", "outcome abandoned")
WANTED: Final = (
    *(f"fault {kind}" for kind in KINDS),
    *_STEPS,
    *_DECISIONS,
    *_OUTCOMES,
    *_PLACES,
    *(f"killed {moment} {verb}" for moment in ("before", "after") for verb in ("append", "stage", "promote", "deploy")),
)
"""What a run of `ENOUGH` seeds must have met."""


@dataclass(slots=True)
class Coverage:
    """Sums over many reports."""

    seeds: int = 0
    operations: int = 0
    met: Counter[str] = field(default_factory=Counter)
    """How often."""
    met_by: Counter[str] = field(default_factory=Counter)
    """By how many seeds."""
    broken: list[str] = field(default_factory=list)

    def add(self, report: Report) -> None:
        self.seeds += 1
        self.operations += report.operations
        self.met.update(report.met)
        self.met_by.update(report.met.keys())
        if report.broken is not None:
            self.broken.append(str(report))

    def missing(self) -> list[str]:
        """What no seed met, though there were enough of them."""
        return [what for what in WANTED if not self.met[what]] if self.seeds >= ENOUGH else []

    def table(self) -> str:
        """One line each: what, how often, in how many seeds."""
        width = max((len(what) for what in self.met), default=0)
        rows = sorted({*self.met, *WANTED})
        return "\n".join(f"{what:<{width}}  {self.met[what]:>9}  in {self.met_by[what]:>7} seeds" for what in rows)

    def to_json(self) -> Mapping[str, object]:
        return {
            "seeds": self.seeds,
            "operations": self.operations,
            "met": dict(sorted(self.met.items())),
            "met_by_seeds": dict(sorted(self.met_by.items())),
            "missing": self.missing(),
            "broken": self.broken,
        }


def covered(reports: Iterable[Report]) -> Coverage:
    total = Coverage()
    for report in reports:
        total.add(report)
    return total
