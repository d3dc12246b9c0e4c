"""The log of one whole rotation, made by the engine itself in a world in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from rotator.model.event import Event, Kind
from rotator.sandbox.memory_world import NAME
from tests.unit.engine_world import BOTH, quick, run, started

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@cache
def a_whole_log() -> Sequence[Event]:
    """From `opened` to `completed`."""
    world = started(quick())
    run(world, yes=BOTH)
    log = world.journal.read(NAME)
    assert log[-1].kind is Kind.COMPLETED
    return log
