"""One seed: draw, disturb, heal, demand an end; and where a law is broken, the shortest reproduction."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from rotator.model.rotation import Outcome
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.sim.faults import Fault
from rotator.sandbox.sim.operators import chaos, interlude, once_more, patient
from rotator.sandbox.sim.scenario import Scenario, draw
from rotator.sandbox.sim.world import SimulatedWorld

_BETWEEN_COLLECTIONS: Final = 500_000
"""New objects that are still there: what thousands of worlds leave behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one seed came to. `broken` None: every law held, and it ended as `outcome` says."""

    seed: int
    outcome: str
    broken: str | None
    met: Mapping[str, int]
    operations: int
    faults: tuple[Fault, ...]
    """The faults that are needed to break the law: the drawn ones, shrunk."""
    trace: Sequence[str] = field(default=(), repr=False)

    def __str__(self) -> str:
        if self.broken is None:
            return f"seed {self.seed}: {self.outcome}"
        faults = "\n".join(f"    {fault}" for fault in self.faults) or "    (none)"
        tail = "\n".join(f"    {line}" for line in self.trace)
        return f"seed {self.seed}: {self.broken}\n  with these faults:\n{faults}\n  the last operations:\n{tail}"


def collect_seldom() -> None:
    """For a process that runs many seeds. A world that has ended leaves next to nothing behind: to look for that every
    700 objects takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(_BETWEEN_COLLECTIONS)


def simulate(seed: int, *, shrink: bool = True) -> Report:
    """Run one seed. With `shrink`, a violation's faults are dropped one at a time as long as the same law breaks."""
    scenario = draw(seed)
    report = run(scenario)
    return report if report.broken is None or not shrink else _shrunk(scenario, report)


def run(scenario: Scenario) -> Report:
    world = SimulatedWorld(scenario)
    outcome, broken = "", None
    try:
        world.interlude = partial(interlude, world)
        chaos(world)
        world.faults.heal()
        outcome = patient(world)
        if outcome != Outcome.COMPLETED.value:
            world.met[f"once more, after one that was {outcome}: {once_more(world)}"] += 1
    except LawBroken as law:
        broken = str(law)
    except Exception as error:  # whatever escapes is a bug of the tool, or of the simulator: both fail the seed
        broken = f"bug: {type(error).__name__}: {error}"
        world.note(_where(error))
    world.met[f"outcome {outcome or 'broken'}"] += 1
    report = Report(
        seed=scenario.seed,
        outcome=outcome,
        broken=broken,
        met=dict(world.met),
        operations=world.operations,
        faults=scenario.faults,
        trace=tuple(f"{at:%d %H:%M:%S.%f} {what}" for at, what in world.trace) if broken else (),
    )
    world.end()
    return report


def _where(error: Exception) -> str:
    import traceback

    return "".join(traceback.format_exception(error)[-6:])


def _shrunk(scenario: Scenario, report: Report) -> Report:
    """Drop one fault after the other for as long as what breaks is the same law."""
    law = _law(report)
    faults = scenario.faults
    number = 0
    while number < len(faults):
        fewer = (*faults[:number], *faults[number + 1 :])
        again = run(replace(scenario, faults=fewer))
        if again.broken is not None and _law(again) == law:
            report, faults, number = again, fewer, 0
        else:
            number += 1
    return report


def _law(report: Report) -> str:
    return (report.broken or "").partition(":")[0]
