"""How long a plan may take."""

from __future__ import annotations

from datetime import timedelta

from rotator.core.span import longest
from rotator.sandbox.memory_world import MemoryWorld, quick_playbook


def test_a_plan_may_take_the_sum_of_its_steps_bounds_and_a_longer_soak_makes_it_longer() -> None:
    short, long = (longest(MemoryWorld(playbook=quick_playbook(soak=timedelta(hours=hours))).plan) for hours in (1, 25))
    assert long - short == timedelta(hours=24)
    assert short > timedelta(hours=2)  # two deploys, three observations, the quiet window and the soak


def test_no_plan_takes_longer_than_its_deadline() -> None:
    playbook = quick_playbook(soak=timedelta(days=30), deadline=timedelta(days=7))
    assert longest(MemoryWorld(playbook=playbook).plan) == timedelta(days=7)
