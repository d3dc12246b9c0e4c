"""A step is known wherever steps are told of: whoever adds one learns here what is missing (CONTRIBUTING)."""

from __future__ import annotations

import importlib
import re
from datetime import timedelta

import pytest

from rotator.cli.words import sentence
from rotator.core import plan as order
from rotator.model.event import Kind
from rotator.model.plan import Phase, PlannedStep
from rotator.steps import effect_of, gate_of
from tests.unit.core_rotations import a_plan, log
from tests.unit.engine_world import quick
from tests.unit.test_effects import at

STEPS = list({step.id.verb: step for step in a_plan().steps}.values())
EFFECTS = [step for step in STEPS if step.effect]

every_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.id.verb)
every_effect = pytest.mark.parametrize("step", EFFECTS, ids=lambda step: step.id.verb)


@every_step
def test_a_step_has_a_file_of_its_own_and_is_an_effect_or_a_gate(step: PlannedStep) -> None:
    verb = step.id.verb
    kind = getattr(importlib.import_module(f"rotator.steps.{verb}"), verb.title())
    assert isinstance(effect_of(step.id) if step.effect else gate_of(step.id), kind)
    acts, measures = ("inspect", "apply", "undo", "patience"), ("measure",)
    assert all(hasattr(kind, name) for name in (acts if step.effect else measures))
    assert not any(hasattr(kind, name) for name in (measures if step.effect else acts))


@every_effect
def test_an_effect_has_words_for_what_it_is_about_to_do_and_for_having_done_it(step: PlannedStep) -> None:
    for kind in (Kind.INTENDED, Kind.APPLIED):
        said = sentence(log([(kind, str(step.id), {})])[-1])
        assert said not in ("", str(step.id), step.id.subject)


@every_effect
def test_an_effect_is_given_two_minutes_at_least(step: PlannedStep) -> None:
    world = quick()
    world.start(horizon=Phase.EXPAND)
    assert effect_of(step.id).patience(at(world, step.id)) >= timedelta(minutes=2)


def test_the_order_is_told_as_it_is() -> None:
    told = re.findall(r"^ +(?:EXPAND|OVERLAP|CONTRACT) +(.+)$", str(order.__doc__), re.MULTILINE)
    plan = a_plan({"waves": "together"})  # `ordered` observes between waves
    assert [verb for line in told for verb in re.findall(r"(?:^|→ )(\w+)", line)] == list(
        dict.fromkeys(step.id.verb for step in plan.steps)
    )
