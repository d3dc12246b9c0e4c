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
from rotator.sandbox.watched import Killed
from tests.crash.test_every_instant import _POLICIES, Recorder, forward, normal, points, survive, undisturbed, world

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
    """The forward journey, killed before and after each effect and append: at most `most` of these points."""

    most: int
    policy: str = "ordered"

    unit = "kills"

    def __str__(self) -> str:
        return f"tests/crash/test_every_instant.py, forward, {self.policy}, the first {self.most} points"

    def hunt(self, plant: Planting) -> int | None:
        policy = _POLICIES[self.policy]
        operations, calm_end, calm_stop = undisturbed(forward, **policy)
        with plant():
            for number, point in enumerate(points(operations)[: self.most], start=1):
                disturbed = world(**policy)
                recorder = disturbed.hook = Recorder(disturbed, kill_at=point)
                try:
                    stop = survive(disturbed, forward)
                except _SIGNS:
                    return number
                if recorder.broken or stop != calm_stop or normal(disturbed) != calm_end:
                    return number
        return None


Catcher: TypeAlias = UnitTest | Seeds | Kills
