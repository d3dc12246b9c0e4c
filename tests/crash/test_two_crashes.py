"""Two kills in one rotation, under every policy: anywhere and again anywhere, during recovery, and on the way back.

`test_every_instant.py` kills once, everywhere. The pairs are too many for that: they are sampled, always the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from rotator.model.decision import Stop
from rotator.sandbox.memory_world import MemoryWorld
from rotator.sandbox.watched import Killed, Moment
from tests.crash.test_every_instant import (
    _CASES,
    _POLICIES,
    Journey,
    disabled_and_back,
    forward,
    normal,
    points,
    there_and_back,
    undisturbed,
    world,
)

_PAIRS = 25
"""Sampled for each journey and policy."""

_RECOVERY = 12
"""The second kill comes at one of so many operations after the first: most of them are the recovery's own."""

Point = tuple[int, Moment]


@dataclass(slots=True)
class Killer:
    """Kills at the first point, then at the second, counted from the first; checks the laws around every operation."""

    world: MemoryWorld
    pending: list[Point]
    seen: int = 0
    broken: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)

    def __call__(self, operation: str, moment: Moment) -> None:
        self.world.hook = lambda operation, moment: None  # looking at the world is no operation
        self.broken += [f"{moment} {operation}: {law}" for law in self.world.broken_laws()]
        self.world.hook = self
        if moment == "before":
            self.seen += 1
        if self.pending and self.pending[0] == (self.seen - 1, moment):
            self.pending.pop(0)
            self.seen = 0
            self.killed.append(f"{moment} {operation}")
            raise Killed(operation)


def run(journey: Journey, first: Point, second: Point, **policy: Any) -> tuple[Killer, MemoryWorld, Stop]:
    disturbed = world(**policy)
    killer = disturbed.hook = Killer(disturbed, [first, second])
    for _ in range(4):
        try:
            stop = journey(disturbed)
        except Killed:
            continue
        disturbed.hook = lambda operation, moment: None  # it may have ended before the second kill was due
        return killer, disturbed, stop
    raise AssertionError(f"killed more than twice: {killer.killed}")


def check(journey: Journey, policy: str, pairs: list[tuple[Point, Point]]) -> None:
    _, calm_end, calm_stop = undisturbed(journey, **_POLICIES[policy])
    for first, second in pairs:
        killer, disturbed, stop = run(journey, first, second, **_POLICIES[policy])
        where = f"killed {killer.killed} ({first}, {second})"
        assert killer.broken == [], where
        assert stop == calm_stop, where
        assert normal(disturbed) == calm_end, where


def _named(one: object) -> str:
    return getattr(one, "__name__", str(one))


@pytest.mark.parametrize(("journey", "policy"), _CASES, ids=_named)
def test_two_kills_anywhere_change_nothing_in_the_end(journey: Journey, policy: str) -> None:
    operations, _, _ = undisturbed(journey, **_POLICIES[policy])
    random, where = Random(f"anywhere {_named(journey)} {policy}"), points(operations)
    check(journey, policy, [(random.choice(where), _anywhere(random, len(operations))) for _ in range(_PAIRS)])


@pytest.mark.parametrize(("journey", "policy"), _CASES, ids=_named)
def test_a_kill_during_the_recovery_from_a_kill_changes_nothing_in_the_end(journey: Journey, policy: str) -> None:
    operations, _, _ = undisturbed(journey, **_POLICIES[policy])
    random, where = Random(f"recovery {_named(journey)} {policy}"), points(operations)
    check(journey, policy, [(random.choice(where), _anywhere(random, _RECOVERY)) for _ in range(_PAIRS)])


@pytest.mark.parametrize("policy", [policy for policy in _POLICIES if policy != "leak"])
@pytest.mark.parametrize("journey", [there_and_back, disabled_and_back], ids=_named)
def test_two_kills_on_the_way_back_change_nothing_in_the_end(journey: Journey, policy: str) -> None:
    operations, _, _ = undisturbed(journey, **_POLICIES[policy])
    back = _turn(operations)
    where = [point for point in points(operations) if point[0] >= back]
    assert len(where) > 10
    random = Random(f"back {_named(journey)} {policy}")
    check(journey, policy, [(random.choice(where), _anywhere(random, _RECOVERY)) for _ in range(_PAIRS)])


def test_forward_journeys_are_among_the_cases_of_every_policy() -> None:
    assert {policy for journey, policy in _CASES if journey is forward} == set(_POLICIES)


def _anywhere(random: Random, operations: int) -> Point:
    return random.randrange(operations), random.choice(("before", "after"))


def _turn(operations: list[str]) -> int:
    """Where the rollback's command begins: at the last reading of the whole log before anything is taken back."""
    restored = next(number for number, operation in enumerate(operations) if operation.endswith(".restore"))
    return max(number for number, operation in enumerate(operations[:restored]) if operation == "journal.lease")
