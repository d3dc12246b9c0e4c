from __future__ import annotations

from dataclasses import replace

from rotator.cli.announce import untold
from rotator.core.owed import owed
from rotator.core.plan import DISABLE
from rotator.model.decision import Ask, Stop, Wait
from rotator.model.event import Kind
from rotator.model.rotation import Outcome
from rotator.sandbox.memory_world import MemoryWorld
from tests.unit.core_rotations import NOW, all_passed, log
from tests.unit.engine_world import Told, events, quick, started, tick

DEBTS = owed([replace(all_passed(upto=DISABLE), outcome=Outcome.ABANDONED, ended_at=NOW)], NOW)


def test_a_debt_is_told_until_a_note_in_the_log_names_it() -> None:
    assert untold(log([]), DEBTS) == DEBTS
    assert untold(log([(Kind.HELD, None, {"why": "x", "debts": [DEBTS[0].id]})]), DEBTS) == []
    assert untold(log([(Kind.HELD, None, {"why": "x", "debts": ["another"]})]), DEBTS) == DEBTS


def test_a_note_that_somebody_forged_breaks_nothing() -> None:
    assert untold(log([(Kind.HELD, None, {"why": "x", "debts": {"a": [1]}})]), DEBTS) == DEBTS


def test_a_note_of_a_debt_does_not_make_the_engine_say_again_what_it_waits_for() -> None:
    world, told = started(quick(managed=False)), Told()
    assert isinstance(_asked(world, told), Ask)
    world.session().note(Kind.HELD, {"why": "owed: x", "debts": ["x"]})
    before = len(events(world))
    tick(world, told)
    assert told.titles.count("the rotation waits for you") == 1
    assert len(events(world, Kind.HELD)) == 2
    assert len(events(world)) - before <= 1


def _asked(world: MemoryWorld, told: Told) -> Ask | Stop | Wait:
    end = tick(world, told)
    while isinstance(end, Wait):
        world.clock.advance(end.look_at - world.clock.now())
        end = tick(world, told)
    return end
