"""Hypothesis plays the operators, the faults and the world; the laws are checked after every operation of every rule.

The same world as the simulation's (`rotator/sandbox/sim`), but what happens next is chosen by Hypothesis, which shrinks
a broken law to the fewest rules that break it.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from random import Random
from typing import Final

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rotator.model.rotation import Outcome
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.sim.desk import SimulatedDesk
from rotator.sandbox.sim.faults import KINDS, draw_fault
from rotator.sandbox.sim.operators import interlude, patient
from rotator.sandbox.sim.scenario import draw, drift
from rotator.sandbox.sim.world import SimulatedWorld

_STAYS: Final = st.sampled_from((0, 5, 60, 600))
_KILLS: Final = sorted(kind for kind in KINDS if kind.startswith("killed"))
_EDITS: Final = ("secret_edited", "key_edited", "plan_edited", "pending_taken", "status_toggled")
_OTHERS: Final = sorted(set(KINDS) - set(_KILLS) - set(_EDITS))


class Broken(AssertionError):
    """A law's failure as an ordinary exception, so that Hypothesis shrinks it."""


class Operators(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 10_000), drifted=st.sampled_from((False, False, True)))
    def a_world(self, seed: int, drifted: bool) -> None:
        scenario = drift(draw(seed)) if drifted else draw(seed)
        self.world = SimulatedWorld(scenario)
        self.world.faults.heal()  # this machine chooses the faults
        self.world.interlude = partial(interlude, self.world)
        self.desk = SimulatedDesk(self.world)

    def _type(self, command: str, stay: int = 60) -> None:
        try:
            self.desk.type(command, stay=stay)
        except LawBroken as law:
            raise Broken(f"{law}\n" + "\n".join(f"{at} {what}" for at, what in self.world.trace)) from None

    def _fault(self, kind: str, seed: int) -> None:
        names = tuple(self.world.fleet)
        self.world.faults.inject(draw_fault(Random(seed), kind, names))

    def _open(self) -> bool:
        rotation = self.world.rotation
        return rotation is not None and rotation.outcome is Outcome.OPEN

    @rule(stay=_STAYS)
    def start(self, stay: int) -> None:
        self._type("start", stay)

    @rule(command=st.sampled_from(("verify", "finish", "resume", "tick")), stay=_STAYS)
    def go_on(self, command: str, stay: int) -> None:
        self._type(command, stay)

    @rule(what=st.sampled_from(("disable", "archive", "consumer:chat", "applied:disable", "absent:disable")))
    def approve(self, what: str) -> None:
        self._type(f"approve {what}")

    @precondition(_open)
    @rule(command=st.sampled_from(("rollback", "unlock", "accept")))
    def turn(self, command: str) -> None:
        self._type(command)

    @precondition(_open)
    @rule()
    def abandon(self) -> None:
        self._type("abandon")

    @rule(kind=st.sampled_from(_KILLS), seed=st.integers(0, 999))
    def crash(self, kind: str, seed: int) -> None:
        self._fault(kind, seed)

    @rule(kind=st.sampled_from(("paused", "paused_at_retirement", "interleaved")), seed=st.integers(0, 999))
    def second_operator(self, kind: str, seed: int) -> None:
        self._fault(kind, seed)

    @rule(kind=st.sampled_from(_EDITS), seed=st.integers(0, 999))
    def edit(self, kind: str, seed: int) -> None:
        self._fault(kind, seed)

    @rule(kind=st.sampled_from(_OTHERS), seed=st.integers(0, 999))
    def disturb(self, kind: str, seed: int) -> None:
        self._fault(kind, seed)

    @rule(seconds=st.sampled_from((1, 45, 3600, 90_000)))
    def time_passes(self, seconds: int) -> None:
        try:
            self.world.clock.advance(timedelta(seconds=seconds))
        except LawBroken as law:
            raise Broken(str(law)) from None

    @rule()
    def heal(self) -> None:
        self.world.faults.heal()

    @invariant()
    def laws_one_and_two_hold(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.laws.standing()
            except LawBroken as law:
                raise Broken(str(law)) from None

    def teardown(self) -> None:
        """Whatever was left behind: healed, a patient person brings it to an end."""
        if not hasattr(self, "world"):
            return
        self.world.faults.heal()
        try:
            patient(self.world)
        except LawBroken as law:
            raise Broken(f"{law}\n" + "\n".join(f"{at} {what}" for at, what in self.world.trace)) from None


TestOperators = Operators.TestCase
TestOperators.settings = settings(
    max_examples=60,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
