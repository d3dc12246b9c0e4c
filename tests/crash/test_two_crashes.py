"""Two kills in one rotation: anywhere and again anywhere after it, in the recovery from the first, on the way back.

All pairs of a short journey; of a longer one, one in so many, always the same ones.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.crash.cells import CELLS, Cell
from tests.crash.ground import Point, live

_ONE_IN = 90
"""Of all pairs of a journey. All of them: some 68,000 lives, and a quarter of an hour."""

_AT_LEAST = 20
_RECOVERY = 4
"""So many changes follow a kill before its recovery is over: a takeover, what was found, the intent made anew."""

_NEAR = 3
"""As many of the pairs again have their second kill in the recovery from the first."""

Pair = tuple[Point, Point]


def pairs(changes: int) -> list[Pair]:
    """`changes` of the undisturbed journey. The second kill is counted from the first."""
    return [
        ((first, "after"), (second, "after"))
        for first in range(changes)
        for second in range(changes - first + _RECOVERY - 1)
    ]


def sampled(cell: Cell, changes: int) -> list[Pair]:
    random, every = Random(f"pairs {cell}"), pairs(changes)
    near = [pair for pair in every if pair[1][0] < _RECOVERY]
    far = [pair for pair in every if pair[1][0] >= _RECOVERY]
    count = max(_AT_LEAST, len(every) // _ONE_IN)
    return random.sample(near, min(len(near), count // _NEAR)) + random.sample(far, min(len(far), count))


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_two_kills_change_nothing_in_the_end(cell: Cell) -> None:
    calm = live(cell.journey, cell.playbook)
    twice = 0
    for pair in sampled(cell, len(calm.killer.changes)):
        lived = live(cell.journey, cell.playbook, pair)
        twice += len(lived.killer.killed) == 2
        assert lived.end == cell.allowed(calm.end, lived.end), f"killed {lived.killer.killed} ({pair})"
    assert twice > _AT_LEAST // 2
