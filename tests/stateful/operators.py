"""Hypothesis plays the operators, the faults and the world; the laws are checked after every operation of every rule.

The same world as the simulation's (`rotator/sandbox/sim`), but what happens next is chosen by Hypothesis, which shrinks
a broken law to the fewest rules that break it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import ClassVar, Final

import hypothesis.strategies as st
from hypothesis import event
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rotator.core import chain
from rotator.core.fold import rotations
from rotator.core.owed import SETTLED
from rotator.core.report import build
from rotator.core.status import phase
from rotator.model.decision import Ask, Stop, Wait
from rotator.model.errors import RotatorError
from rotator.model.rotation import Outcome
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.sim.desk import Answer, SimulatedDesk
from rotator.sandbox.sim.faults import KINDS, draw_fault
from rotator.sandbox.sim.operators import interlude, once_more, patient
from rotator.sandbox.sim.scenario import draw, drift
from rotator.sandbox.sim.world import SimulatedWorld
from tests.counted_world import Callers
from tests.stateful.looks import Looks

STAYS: Final = st.sampled_from((0, 5, 60, 600))
_SOON: Final = 12
"""Among so many operations of those that it can reach a fault strikes: a command that has ended meets none."""

GOES_ON: Final = st.sampled_from(("next", "next", "verify", "finish", "resume", "tick"))
ANY: Final = st.sampled_from(("next", "next", "next", "finish", "tick", "resume", "rollback", "start"))
SEEDS: Final = st.integers(0, 2**16)
KILLS: Final = sorted(kind for kind in KINDS if kind.startswith("killed"))
SECOND: Final = ("paused", "paused_at_retirement", "interleaved")
EDITS: Final = ("secret_edited", "key_edited", "plan_edited", "playbook_edited", "pending_taken", "status_toggled")
OTHERS: Final = sorted(set(KINDS) - set(KILLS) - set(SECOND) - set(EDITS))
BEGINNINGS: Final = ((), ("start",), ("start", "verify"), ("start", "verify", "finish", "finish"))
"""What an untroubled operator has typed before the trouble begins."""

ASKED: Final = "what is asked"
ANSWERS: Final = (ASKED, ASKED, "archive", "unproven", "consumer:chat", "applied:disable", "absent:disable")


class Broken(AssertionError):
    """A law's failure as an ordinary exception, so that Hypothesis shrinks it."""


class Operators(RuleBasedStateMachine):
    met: ClassVar[Counter[str]] = Counter()
    """How often each rule, answer, fault and decision was met, over all lives of this process."""

    @initialize(
        seed=st.integers(0, 10_000),
        drifted=st.sampled_from((False, False, True)),
        usage=st.sampled_from(("untold", "counted", "counted, and a stranger's is in it")),
        begun=st.sampled_from(BEGINNINGS),
    )
    def a_world(self, seed: int, drifted: bool, usage: str, begun: Sequence[str]) -> None:
        scenario = drift(draw(seed)) if drifted else draw(seed)
        self.world = SimulatedWorld(scenario)
        self.world.faults.heal()  # this machine chooses the faults
        self.world.interlude = partial(interlude, self.world)
        self.desk = SimulatedDesk(self.world)
        self.callers = Callers(self.world) if usage != "untold" and scenario.managed else None
        if self.callers is not None and "stranger" in usage:
            self.callers.strange()
        self.looks = Looks(self.world, self.callers)
        self.world.met["a world whose secrets differ" if drifted else "a world whose secrets agree"] += 1
        self.world.met[f"usage is {usage if self.callers else 'untold'}"] += 1
        self.asked, self.troubles = "disable", 0
        self.until: datetime | None = None
        for command in begun:
            self._go(command, 600)

    def _lawful(self, do: Callable[[], object]) -> None:
        try:
            do()
        except LawBroken as law:
            trace = "\n".join(f"{at} {what}" for at, what in self.world.trace)
            raise Broken(f"{law}\n{trace}") from None

    def _type(self, command: str, stay: int = 60, yes: bool = True) -> None:
        self._lawful(lambda: self._noted(command.split(":")[0], self.desk.type(command, stay=stay, yes=yes)))

    def _noted(self, command: str, answer: Answer) -> None:
        self.asked = answer.what if isinstance(answer, Ask) else self.asked
        self.until = answer.until if isinstance(answer, Wait) else None
        met = f"{command}: {_named(answer)}"
        self.world.met[met] += 1
        event(met)

    def _under(self, rule: str, kinds: Sequence[str], seed: int, command: str) -> None:
        """A command that meets a fault, if it gets so far. What lasts is there until it ends, or all is healed."""
        self.world.met[f"rule {rule}"] += 1
        self.troubles += 1
        random = Random(f"{seed} {self.troubles} {self.world.scenario.seed}")  # Hypothesis likes to repeat a number
        kind = random.choice(kinds)
        at = random.randrange(min(KINDS[kind].up_to, _SOON))
        self.world.faults.inject(replace(draw_fault(random, kind, tuple(self.world.fleet)), at=at))
        self._go(command, 600)

    def _go(self, command: str, stay: int, yes: bool = True) -> None:
        """And where it waits for a time that is known, that time comes."""
        self._type(self._next() if command == "next" else command, stay, yes)
        until = self.until
        if until is not None:
            self._lawful(lambda: self.world.clock.advance(max(timedelta(), until - self.world.wall.now())))

    def _next(self) -> str:
        rotation = self.world.rotation
        if rotation is None or rotation.outcome is not Outcome.OPEN:
            return "start"
        if rotation.rolling_back is not None:
            return "rollback"
        return {"expand": "start", "overlap": "verify", "contract": "finish"}[phase(rotation)]

    def _open(self) -> bool:
        rotation = self.world.rotation
        return rotation is not None and rotation.outcome is Outcome.OPEN

    @rule(stay=STAYS)
    def start(self, stay: int) -> None:
        self._go("start", stay)

    @rule(command=GOES_ON, stay=STAYS, yes=st.booleans())
    def go_on(self, command: str, stay: int, yes: bool) -> None:
        self._go(command, stay, yes)

    @rule(what=st.sampled_from(ANSWERS))
    def approve(self, what: str) -> None:
        self._type(f"approve {self.asked if what == ASKED else what}")

    @precondition(_open)
    @rule(command=st.sampled_from(("rollback", "unlock", "accept")))
    def turn(self, command: str) -> None:
        self._type(command)

    @precondition(_open)
    @rule()
    def abandon(self) -> None:
        self._type("abandon")

    @precondition(_open)
    @rule()
    def declare_leak(self) -> None:
        """Somebody finds out half-way that the old key leaked."""
        self.world.playbook = replace(self.world.playbook, name="leak", reenable="never")
        self._type("accept")

    @precondition(lambda self: self.looks.debts_by_word())
    @rule(choice=st.integers(0, 9))
    def settle(self, choice: int) -> None:
        debts = self.looks.debts_by_word()
        self._type(f"approve {SETTLED}{debts[choice % len(debts)].id}")

    @precondition(lambda self: self.callers is not None)
    @rule(on=st.booleans())
    def stranger(self, on: bool) -> None:
        assert self.callers is not None
        self.world.met[f"rule stranger {'comes' if on else 'goes'}"] += 1
        if on:
            self.callers.strange()
        else:
            self.callers.stranger = None

    @rule(seed=SEEDS, command=ANY)
    def crash(self, seed: int, command: str) -> None:
        self._under("crash", KILLS, seed, command)

    @rule(seed=SEEDS, command=ANY)
    def second_operator(self, seed: int, command: str) -> None:
        self._under("second operator", SECOND, seed, command)

    @rule(seed=SEEDS, command=ANY)
    def edit(self, seed: int, command: str) -> None:
        self._under("edit", EDITS, seed, command)

    @rule(seed=SEEDS, command=ANY)
    def disturb(self, seed: int, command: str) -> None:
        self._under("disturb", OTHERS, seed, command)

    @rule(seconds=st.sampled_from((1, 45, 3600, 90_000)))
    def time_passes(self, seconds: int) -> None:
        self.world.met["rule time passes"] += 1
        self._lawful(lambda: self.world.clock.advance(timedelta(seconds=seconds)))

    @precondition(lambda self: self.troubles)
    @rule()
    def heal(self) -> None:
        self.world.met["rule heal"] += 1
        self.world.faults.heal()

    @invariant()
    def the_laws_hold(self) -> None:
        if hasattr(self, "looks"):
            self._lawful(self.looks.all)

    def teardown(self) -> None:
        """Whatever was left behind: healed, a patient person brings it to an end, and another one after it."""
        if not hasattr(self, "looks"):
            return
        self.world.faults.heal()
        if self.callers is not None:
            self.callers.stranger = None
        self._lawful(self._to_the_end)
        self.met.update(self.world.met)

    def _to_the_end(self) -> None:
        world = self.world
        outcome = patient(world)
        self.looks.all()
        world.met[f"end {outcome}"] += 1
        if outcome != Outcome.COMPLETED.value:
            world.met[f"end once more {once_more(world)}"] += 1
        events = chain.follow([tuple(chain.to_row(one).values()) for one in world.journal.events], 0)
        for rotation in rotations(list(events)):
            world.laws.log.no_key(str(build(events, rotation.id, world.clock.now())), "a report")


def _named(answer: Answer) -> str:
    match answer:
        case Ask(what):
            return f"asks {what.partition(':')[0]}"
        case Stop(exit_code):
            return exit_code.name.lower()
        case Wait():
            return "waits"
        case RotatorError():
            return answer.code
    return "said, or killed"
