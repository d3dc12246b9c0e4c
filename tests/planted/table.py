"""`python -m tests.planted.table`: sow every plant, and write bug → law → catcher to the page in docs/discussion."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.planted.catchers import Seeds
from tests.planted.explained import EXPLAINED, LAST_RUN
from tests.planted.plant import Plant
from tests.planted.plants import PLANTS

PAGE: Final = Path(__file__).parents[2] / "docs" / "discussion" / "planted-bugs.md"

SIMULATED: Final = 60
"""Seeds that the simulation alone is given for each plant, to see what it can find without knowing where to look."""

_TOP: Final = """\
# Planted bugs: do the tests notice?

A test suite that has never been seen to fail has proven nothing. So we break the tool on purpose, one small fault at a
time, and demand that a *named* test notices. The faults stand in `tests/planted/plants_*.py`, each as the line that is
changed and what it becomes; the running functions are exchanged, the sources on disk stay as they are. `make test` sows
every one of them and runs its own catcher. A plant whose line is no longer there exactly once fails too: then the code
has changed, and somebody must think about that fault again.

Written by `python -m tests.planted.table`. *Found after*: how many tests, seeds or kill points its catcher needed.
*Simulation alone*: the first of {simulated} seeds in which the simulation, not knowing of the fault, broke a law or
did not end; "–" where it saw nothing. Most plants it does not see so soon: to stop and ask a person is always a lawful
end for it, and some faults are guarded against in two places. We have not looked into each.

| bug | breaks | caught by | found after | simulation alone |
|---|---|---|---|---|
"""


def main() -> int:
    rows, escaped = [], []
    for plant in PLANTS:
        found = plant.caught()
        if found is None:
            escaped.append(plant.name)
        alone = Seeds(SIMULATED).hunt(plant.sown)
        rows.append(row(plant, found, alone))
        sys.stdout.write(rows[-1] + "\n")
    PAGE.write_text(page(rows), encoding="utf-8")
    sys.stdout.write(f"{len(PLANTS)} plants, escaped: {', '.join(escaped) or 'none'}\n")
    return 1 if escaped else 0


def page(rows: list[str]) -> str:
    return _TOP.format(simulated=SIMULATED) + "\n".join(rows) + "\n\n" + mutants()


def mutants() -> str:
    rows = "\n".join(f"| `{where}` | {why} |" for where, why in EXPLAINED.items())
    return f"""\
## Mutants

`make mutants` changes the code blindly where planted bugs change it with intent: comparisons, boolean operators,
constants, return values, whole statements. Each is made in memory, and run in a process of its own against the tests
that run its line, the fastest first. What became of it is written to `mutants.jsonl` at once: a run that was
interrupted is gone on with, and a later one runs only what survived, and what stands in a source that has changed.

{LAST_RUN}

Survivors that are left alone, and why:

| mutant | why no test asks for more |
|---|---|
{rows}
"""


def row(plant: Plant, found: int | None, alone: int | None) -> str:
    law = f"law {plant.law}" if plant.law.isdigit() else plant.law
    after = f"{found} {plant.catcher.unit}" if found else "**escaped**"
    return f"| {plant.name}: {plant.says} | {law} | `{plant.catcher}` | {after} | {alone or '–'} |"


if __name__ == "__main__":
    sys.exit(main())
