"""Killed at every instant of every journey, by every playbook that is shipped: nothing may differ in the end.

`ground.py` says what a world is and what is compared; the laws are checked by the simulation's own judges, at every
operation of every life.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.model.config import Playbook
from tests.crash.cells import BOOKS, CELLS, Cell
from tests.crash.ground import Point, live, shipped
from tests.crash.journeys import JOURNEYS, REPAIRS

_FEWEST = 15
"""Changes of the world and of the log in the shortest of the journeys."""


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_kill_at_any_instant_changes_nothing_in_the_end(cell: Cell) -> None:
    calm = live(cell.journey, cell.playbook)
    assert len(calm.killer.made) > _FEWEST
    befores: list[Point] = [(number, "before") for number in calm.killer.made] if cell.both_sides else []
    afters: list[Point] = [(number, "after") for number in calm.killer.made]
    for point in befores + afters:
        lived = live(cell.journey, cell.playbook, (point,))
        assert len(lived.killer.killed) == 1, point
        assert lived.end == cell.allowed(calm.end, lived.end), f"killed {lived.killer.killed}"


def test_every_playbook_of_the_project_is_among_them() -> None:
    there = {path.stem for path in Path("playbooks").glob("*.yaml")}
    assert {Path(book).stem for book in BOOKS if book.startswith("playbooks/")} == there
    assert {"quick", "nightly"} <= {playbook.name for playbook in shipped().values()}
    for book, playbook in BOOKS.items():
        gone = {cell.journey for cell in CELLS if cell.book == book}
        assert gone >= {journey for journey in JOURNEYS if journey.leaks or not playbook.leaked}, book
    assert {cell.journey for cell in CELLS} == {*JOURNEYS, *REPAIRS}


def _ends(playbook: Playbook) -> set[str]:
    ends = (live(cell.journey, playbook).end for cell in CELLS if cell.playbook == playbook)
    return {outcome for end in ends for outcome in end.outcomes}


def test_the_journeys_come_to_every_kind_of_end() -> None:
    assert _ends(BOOKS["playbooks/standard.yaml"]) == {"completed", "rolled_back", "abandoned"}
    assert _ends(BOOKS["playbooks/leak.yaml"]) == {"completed", "rolled_back"}
