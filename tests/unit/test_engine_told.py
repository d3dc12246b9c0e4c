"""What the engine writes of an attempt, of a look and of a way back: a reader of the log relies on every word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from rotator.core.plan import DISABLE, PINGS
from rotator.engine import Run, advance
from rotator.model.decision import Do, Exit, Stop
from rotator.model.errors import OutsideError
from rotator.model.event import Event, Kind
from rotator.model.plan import Phase, StepId
from rotator.sandbox.watched import Moment
from tests.unit.engine_world import events, quick, rotation_of, started
from tests.unit.test_engine_failures import DEPLOY, busy, denied, fails

SECRET = "aws-sm://eu-west-1/prod/0"
PROMOTE = StepId("promote", SECRET)


def test_what_became_of_a_refused_effect_is_found_out_at_once() -> None:
    world = quick()
    world.hook = fails("deploy chat.deploy", denied)
    world.start()
    assert [event.data.get("standing") for event in events(world, Kind.FAILED, DEPLOY)] == [None, "absent"]


def test_each_attempt_to_take_an_effect_back_has_its_number_and_its_reason() -> None:
    world = started(quick())
    world.hook = fails(f"{SECRET}.restore", busy, times=2)
    assert world.rollback() == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
    back = [event for event in events(world, Kind.INTENDED, PROMOTE) if event.data.get("undo")]
    assert [(event.attempt, event.data) for event in back] == [
        (attempt, {"undo": True, "why": "rollback"}) for attempt in (1, 2, 3)
    ]
    [undone] = events(world, Kind.UNDONE, PROMOTE)
    assert (undone.attempt, undone.data["why"]) == (3, "rollback")


def test_what_is_found_not_to_have_happened_is_undone_without_another_word_to_the_world() -> None:
    world = started(quick())
    world.hook = fails("issuer.set_status", denied)
    world.go_on()
    world.hook = lambda operation, moment: None
    calls = len([call for call in world.issuer.calls if call[0] == "set_status"])
    assert world.rollback() == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
    assert [event.data for event in events(world, Kind.UNDONE, DISABLE)] == [{"inspected": True, "why": "rollback"}]
    assert len([call for call in world.issuer.calls if call[0] == "set_status"]) == calls


def test_an_effect_that_nobody_can_ask_about_is_not_taken_back_blindly() -> None:
    world = started(quick())
    world.hook = fails(f"{SECRET}.read", denied)
    world.rollback()
    assert ("restore", rotation_of(world).versions[SECRET]) not in world.stores[SECRET].calls


@pytest.mark.parametrize(("error", "final"), [(denied, True), (busy, False)])
def test_a_gate_that_was_refused_is_not_asked_again_by_itself_and_one_out_of_reach_is(
    error: Callable[[], OutsideError], final: bool
) -> None:
    world = started(quick(), Phase.EXPAND)
    world.hook = fails("0.read", error)
    world.go_on(horizon=Phase.OVERLAP)
    assert rotation_of(world).gates[PINGS].measurement.final is final


def test_ten_rounds_over_every_gate_are_enough_to_know_that_they_are_never_all_fresh() -> None:
    world, asked = quick(), list[object]()
    session = world.session(lambda rotation, what: asked.append(what))

    def slow(operation: str, moment: Moment) -> None:
        if operation.endswith(".observe") and moment == "before":
            world.clock.advance(timedelta(seconds=30))

    with session:
        world._opened(session)
        world.hook = slow
        end = advance(session, world.ports(), Run(by="tester", stay=None, key=world.new))
    assert isinstance(end, Stop)
    gates = [step.id for step in rotation_of(world).plan.steps if not step.effect]
    in_a_row = 0
    for what in asked:
        if not isinstance(what, Event | Stop):
            in_a_row = in_a_row + 1 if isinstance(what, Do) and what.step in gates else 0
    assert in_a_row == 10 * len(gates)
