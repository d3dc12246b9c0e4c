"""Usage is read on while the old key is disabled: what was counted late shows only then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rotator.core.plan import SOAK
from rotator.model.decision import Ask, Exit, Stop
from rotator.model.keys import KeyStatus
from rotator.model.measure import Verdict
from rotator.sandbox.memory_issuer import MODEL
from rotator.sandbox.memory_world import YES, MemoryWorld
from tests.unit.engine_world import Told, old_status, rotation_of, run, tick
from tests.unit.test_engine_drain import MINUTE, Stranger, read_by_the_minute


def disabled(world: MemoryWorld) -> None:
    """The old key is disabled, and its soak has just begun."""
    end = world.start(yes={})
    assert isinstance(end, Ask)
    run(world, yes={"disable": YES, end.what: YES}, stay=timedelta())
    assert old_status(world) is KeyStatus.INACTIVE


def woken_late(unproven: str, **playbook: Any) -> tuple[MemoryWorld, Stranger]:
    """Somebody who is on no list slept through the window, and calls in the last seconds before the old key dies: the
    report, half a minute late, does not show it yet."""
    world, traffic = read_by_the_minute(unproven, **playbook)
    stranger = Stranger(world, traffic)
    stranger.on = False
    assert isinstance(world.start(yes={}), Ask)
    stranger.on = True
    world.clock.advance(timedelta(seconds=20))
    stranger.on = False
    run(world, yes={"disable": YES}, stay=timedelta())
    assert old_status(world) is KeyStatus.INACTIVE
    assert not traffic.outages
    return world, stranger


def test_use_that_was_counted_late_shows_in_the_soak_and_brings_the_old_key_back() -> None:
    world, _ = woken_late("refuse")
    told = Told()
    world.clock.advance(MINUTE)
    end = tick(world, told)
    assert isinstance(end, Stop)
    assert end.exit is Exit.GATE_FAILED
    assert "drain: somebody uses the old key: 1 request since" in end.why
    assert MODEL in end.why
    assert old_status(world) is KeyStatus.ACTIVE
    assert told.titles[0] == "the old key was enabled again"
    world.clock.advance(MINUTE)
    again = run(world)
    assert isinstance(again, Ask)
    assert again.what == "disable"
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_soak_is_not_over_before_the_report_reaches_to_the_old_keys_end() -> None:
    world, _ = read_by_the_minute("refuse", soak=MINUTE)
    disabled(world)
    world.issuer.books.meter.reporting.watermark = "stuck"
    world.issuer.books.meter.reporting.stuck_at = world.clock.now() - MINUTE
    world.clock.advance(5 * MINUTE)
    tick(world)
    found = rotation_of(world).gates[SOAK].measurement
    assert (found.verdict, found.facts["unknown"]) == (Verdict.INCONCLUSIVE, ["drain"])
    assert "is not complete yet" in found.why
    world.issuer.books.meter.reporting.watermark = "honest"
    world.clock.advance(2 * MINUTE)
    assert isinstance(tick(world), Ask)


def test_a_report_that_cannot_be_read_in_the_soak_is_no_silence() -> None:
    world, _ = read_by_the_minute("refuse")
    disabled(world)
    world.issuer.books.meter.reporting.open = "none"
    world.clock.advance(10 * MINUTE)
    tick(world)
    assert rotation_of(world).gates[SOAK].measurement.verdict is Verdict.INCONCLUSIVE
    assert old_status(world) is KeyStatus.INACTIVE


def test_what_a_person_took_on_holds_for_the_soak_too_but_never_covers_traffic() -> None:
    world, _ = read_by_the_minute()
    reporting = world.issuer.books.meter.reporting
    reporting.dead_since = world.clock.now()
    disabled(world)
    reporting.watermark = "null"
    world.clock.advance(5 * MINUTE)
    assert isinstance(tick(world), Ask)
    reporting.dead_since = None
    world.issuer.books.meter.count(world.old_id, world.clock.now() - 6 * MINUTE, MODEL, None)
    world.clock.advance(2 * MINUTE)
    tick(world)
    assert old_status(world) is KeyStatus.ACTIVE


def test_a_leaked_keys_use_until_its_end_is_nobodys_need() -> None:
    world, _ = woken_late("accept", reenable="never", name="leak")
    world.clock.advance(5 * MINUTE)
    tick(world)
    assert old_status(world) is KeyStatus.INACTIVE
    assert rotation_of(world).gates[SOAK].measurement.verdict is Verdict.PASSED
