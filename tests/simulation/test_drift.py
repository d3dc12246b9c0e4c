"""Simulated rotations of secrets that do not hold one key to begin with: made equal, under faults, and then rotated."""

from __future__ import annotations

import pytest

from rotator.sandbox.sim.coverage import covered
from rotator.sandbox.sim.run import run
from rotator.sandbox.sim.scenario import draw, drift

_CHUNK = 50
_CHUNKS = [range(first, first + _CHUNK) for first in range(0, 150, _CHUNK)]
_FOUND = {788: "abandoned with the right key pending: it is in use elsewhere, and nothing is owed"}


@pytest.mark.parametrize("seeds", [*_CHUNKS, _FOUND], ids=lambda seeds: f"{min(seeds)}-{max(seeds)}")
def test_no_law_is_broken_and_every_rotation_ends(seeds: range) -> None:
    reports = [run(drift(draw(seed))) for seed in seeds]
    assert not [str(report) for report in reports if report.broken is not None]


def test_the_ways_through_it_are_all_met() -> None:
    met = covered(run(drift(draw(seed))) for seed in range(_CHUNK)).met_by
    wanted = ("secrets made equal", "undo promote", "undo stage", "outcome completed", "outcome rolled_back")
    assert [what for what in (*wanted, "outcome abandoned") if not met[what]] == []
