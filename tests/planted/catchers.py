"""What catches a plant: a unit test, the first seeds of the simulation, or a kill at every instant of one journey.

Each hunts as long as it must and no longer, and says after how many looks it found something. Without a plant all of
them find nothing: they are tests that `make test` runs anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, TypeAlias

import pytest

from rotator.sandbox.sim import simulate
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.watched import Killed
from tests.crash.cells import CELLS
from tests.crash.ground import live

Planting: TypeAlias = Callable[[], AbstractContextManager[None]]

SEEDS_IN_MAKE_TEST: Final = 500
"""A seed beyond these is not known to be clean (tests/simulation)."""

_SIGNS: Final = (Exception, pytest.fail.Exception, Killed)
"""How a test says that something is wrong."""


@dataclass(frozen=True, slots=True)
class UnitTest:
    """One test function, called as pytest would with these arguments. It needs no fixture."""

    file: str
    name: str
    args: tuple[Any, ...] = ()

    unit = "test"

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"

    @property
    def function(self) -> Callable[..., None]:
        found: Callable[..., None] = getattr(import_module(self.file.removesuffix(".py").replace("/", ".")), self.name)
        return found

    def hunt(self, plant: Planting) -> int | None:
        test = self.function
        with plant():
            try:
                test(*self.args)
            except _SIGNS:
                return 1
        return None


@dataclass(frozen=True, slots=True)
class Seeds:
    """The simulation's seeds from 0 on, at most `most`; each is a clean run in `make test`."""

    most: int

    unit = "seeds"

    def __str__(self) -> str:
        return f"tests/simulation, the first {self.most} seeds"

    def hunt(self, plant: Planting) -> int | None:
        with plant():
            for seed in range(self.most):
                if simulate(seed, shrink=False).broken is not None:
                    return seed + 1
        return None


@dataclass(frozen=True, slots=True)
class Kills:
    """One journey of `tests/crash`, killed after each change of the world and the log: at most `most` of these."""

    most: int
    cell: str = "standard-forward"

    unit = "kills"

    def __str__(self) -> str:
        return f"tests/crash/test_shipped_playbooks.py, {self.cell}, the first {self.most} points"

    def hunt(self, plant: Planting) -> int | None:
        cell = next(cell for cell in CELLS if str(cell) == self.cell)
        calm = live(cell.journey, cell.playbook)
        with plant():
            for number, change in enumerate(calm.killer.made[: self.most], start=1):
                try:
                    lived = live(cell.journey, cell.playbook, ((change, "after"),))
                except (*_SIGNS, LawBroken):
                    return number
                if lived.end != calm.end:
                    return number
        return None


Catcher: TypeAlias = UnitTest | Seeds | Kills
