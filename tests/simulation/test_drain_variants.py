"""Law 7 in 500 worlds: consumers that never reload, call rarely or are on no list; reports that lag or are dead.

Every world is run to its end; nobody may be left with a dead key. Then each condition is taken away in turn: outages
must follow, or the condition (or this simulation) would be worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from rotator.core import drain, windows
from rotator.core.drain import Window
from rotator.model.rotation import Rotation
from tests.simulation.drain_worlds import DrainWorld, draw

VARIANTS, CHUNK = 500, 50
PATIENCE = 120
"""Worlds in which a planted bug must show."""


@pytest.mark.parametrize("first", range(0, VARIANTS, CHUNK))
def test_the_old_key_is_never_disabled_under_a_live_instance_and_the_gate_passes_once_all_is_healed(first: int) -> None:
    for seed in range(first, first + CHUNK):
        world = DrainWorld(draw(seed))
        ended = world.run()
        assert not ended.outages, (world.variant, ended)
        assert not ended.under, (world.variant, ended)
        assert ended.completed, (world.variant, ended)


def test_the_old_key_in_use_by_somebody_unlisted_is_called_that() -> None:
    seeds = [seed for seed in range(200) if draw(seed).trouble == "unlisted" and draw(seed).telemetry == "well"]
    for seed in seeds[:5]:
        assert DrainWorld(draw(seed)).run().named, draw(seed)


def outages(seeds: Iterator[int]) -> Iterator[int]:
    for seed in seeds:
        if DrainWorld(draw(seed)).run().outages:
            yield seed


def _opened_too_early() -> Callable[[Rotation], Window]:
    real = windows.silence

    def silence(rotation: Rotation) -> Window:
        return replace(real(rotation), opened=rotation.opened_at)

    return silence


PLANTED: dict[str, tuple[object, str, Any]] = {
    "counted from before the last deploy": (windows, "silence", _opened_too_early()),
    "shorter than the slowest consumer's cadence": (drain, "length", lambda window: window.quiet_for),
    "as if the report knew of the last minute": (drain, "known_until", lambda window, usage: usage.read_at),
    "without a look at the new key": (drain, "control", lambda met, until: True),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_condition_that_is_taken_away_is_missed(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, planted = PLANTED[bug]
    monkeypatch.setattr(module, name, planted)
    assert next(outages(iter(range(PATIENCE))), None) is not None
