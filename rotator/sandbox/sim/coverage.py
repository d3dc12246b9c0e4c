"""What many seeds really met, and what none of them did. A fault that never struck has tested nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from rotator.sandbox.sim.run import Report, simulate
from rotator.sandbox.sim.wanted import WANTED


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

    def take_in(self, other: Coverage) -> None:
        """What another process counted."""
        self.seeds += other.seeds
        self.operations += other.operations
        self.met.update(other.met)
        self.met_by.update(other.met_by)
        self.broken += other.broken

    def missing(self) -> list[str]:
        """What no seed met, though there were enough of them."""
        return [what for what, enough in WANTED.items() if self.seeds >= enough and not self.met[what]]

    def table(self) -> str:
        """One line each: what, how often, in how many seeds; a group for each first word."""
        rows = sorted({*self.met, *WANTED})
        width = max(map(len, rows))
        groups = (list(group) for _, group in groupby(rows, key=lambda what: what.partition(" ")[0]))
        return "\n\n".join("\n".join(self._row(what, width) for what in group) for group in groups)

    def _row(self, what: str, width: int) -> str:
        return f"{what:<{width}}  {self.met[what]:>9}  in {self.met_by[what]:>7} seeds"

    def to_json(self) -> Mapping[str, object]:
        return {
            "seeds": self.seeds,
            "operations": self.operations,
            "met": dict(sorted(self.met.items())),
            "met_by_seeds": dict(sorted(self.met_by.items())),
            "missing": self.missing(),
            "broken": self.broken,
        }


def simulated(seeds: range) -> Coverage:
    """Run these, and tell what they met. For a process of its own."""
    return covered(map(simulate, seeds))


def covered(reports: Iterable[Report]) -> Coverage:
    total = Coverage()
    for report in reports:
        total.add(report)
    return total
