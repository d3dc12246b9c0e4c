"""A simulated world whose usage Anthropic counts and tells: everybody calls, and now and then somebody on no list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from rotator.model.keys import KeyText
from rotator.sandbox.memory_issuer import MODEL
from rotator.sandbox.memory_traffic import Traffic
from rotator.sandbox.meter import Reporting
from rotator.sandbox.sim.world import SimulatedWorld

APART: Final = timedelta(minutes=5)
"""Between two calls of the fleet. In a world whose windows are longer than minutes, that is often."""

_STRANGELY: Final = timedelta(seconds=45)


class Callers:
    def __init__(self, world: SimulatedWorld, every: timedelta = APART) -> None:
        self.stranger: KeyText | None = None
        """The key with which somebody on no list calls; None: nobody does."""
        self.since = world.clock.now()
        """From when on, without a pause."""
        self._world = world
        self._known = False
        world.issuer.books.meter.reporting = Reporting(open="both")
        self._traffic = Traffic(world.clock, world.issuer.books, MODEL)
        self._traffic.calls("everybody", self._keys, every)

    def strange(self) -> None:
        """From now on: with the key that is to be replaced."""
        if self.stranger != self._world.old:
            self.stranger, self.since = self._world.old, self._world.clock.now()
        if not self._known:
            self._known = True
            self._traffic.calls("stranger", self._strange, _STRANGELY)

    def _keys(self) -> Iterable[KeyText]:
        return {one.key for fleet in self._world.fleet.values() for one in fleet.running}

    def _strange(self) -> Iterable[KeyText]:
        return () if self.stranger is None else (self.stranger,)
