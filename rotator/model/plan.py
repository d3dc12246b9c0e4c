"""A plan: a playbook applied to one credential. It is journaled whole when a rotation opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from rotator.model.config import Playbook


class Phase(IntEnum):
    """Expand, overlap, contract: start only adds; only finish takes away."""

    EXPAND = 1
    OVERLAP = 2
    CONTRACT = 3


class StepId(NamedTuple):
    """A step's verb and what it is done to (a secret, a consumer), if it is done to one of several.

    A tuple, for it is the key of every look-up: a dataclass hashes and compares in Python.
    """

    verb: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}".rstrip()

    @staticmethod
    @lru_cache(maxsize=1024)
    def parse(text: str) -> StepId:
        verb, _, subject = text.partition(" ")
        return StepId(verb, subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedConsumer:
    """What of a consumer the engine decides by; how to reach it stays in the configuration."""

    name: str
    wave: int
    cadence: timedelta
    required: bool
    deploys: bool
    probes: bool
    asks: str | None  # the question, where a person observes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """`needs`: the gates that must hold, freshly, at the moment an effect begins."""

    id: StepId
    phase: Phase
    effect: bool
    needs: tuple[StepId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that `decide` needs to know of policy. Equal plans have equal digests."""

    credential: str
    playbook: Playbook
    secrets: tuple[str, ...]
    consumers: tuple[PlannedConsumer, ...]
    first: bool  # the secret has no key yet: there is nothing to retire
    managed: bool  # an Admin key is at hand: the tool itself disables and archives
    steps: tuple[PlannedStep, ...]
    right: str | None = None
    """The place whose key `secrets`, which drifted, are given: a rotation before the rotation. It retires nothing."""

    @property
    def places(self) -> tuple[str, ...]:
        """Every secret that this rotation reads or writes."""
        return self.secrets if self.right is None else (self.right, *self.secrets)

    @property
    def quiet(self) -> timedelta:
        """How long nobody may need the old key before it is disabled: at least as long as the slowest consumer may stay
        quiet (law 7b), and the usage report's lag (c)."""
        slowest = max((consumer.cadence for consumer in self.consumers), default=timedelta())
        return max(self.playbook.drain.quiet_for, slowest) + self.playbook.drain.lag

    def optional(self, gate: StepId) -> bool:
        """What a consumer that is not required says is shown, and holds nothing up."""
        return gate.verb in ("observe", "probe") and not self.consumer(gate.subject).required

    def consumer(self, name: str) -> PlannedConsumer:
        for consumer in self.consumers:
            if consumer.name == name:
                return consumer
        raise LookupError(f"no consumer of the plan is called {name}")

    def step(self, id: StepId) -> PlannedStep:
        for step in self.steps:
            if step.id == id:
                return step
        raise LookupError(f"the plan has no step `{id}`")
