"""What an operator types, as the command line carries it out: same checks, same orders, same engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from rotator import opening, orders
from rotator.core.approval import CONSUMER, UNPROVEN
from rotator.core.decide import decide
from rotator.core.owed import SETTLED
from rotator.core.status import phase, waiting
from rotator.engine import Run, Yes, advance
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import GateOpen, PlanChanged, RotatorError, UsageError
from rotator.model.plan import Phase
from rotator.model.rotation import Outcome, Rotation
from rotator.sandbox.sim.scenario import NAME
from rotator.sandbox.watched import Killed
from rotator.session import Session
from rotator.steps import Ports
from rotator.steps.needs import needs_key

if TYPE_CHECKING:
    from rotator.sandbox.sim.crossing import SimulatedProcess
    from rotator.sandbox.sim.world import SimulatedWorld

Answer: TypeAlias = Ask | Stop | Wait | RotatorError | None
"""What the operator sees at the end; None: the process was killed."""

YES: Final = Yes(by="ann", reason="the simulation says so")
_YES: Final = {UNPROVEN: YES, "disable": YES, "archive": YES}


class SimulatedDesk:
    """`stay`: how long a command may wait; `deep`: how many processes are stopped while this one works."""

    def __init__(self, world: SimulatedWorld, deep: int = 0) -> None:
        self._world = world
        self._deep = deep

    def type(self, command: str, *, stay: int | None = 60, yes: bool = True) -> Answer:
        """`start`, `verify`, `finish`, `tick`, `rollback`, `resume`, `accept` (a changed plan), `abandon`, `unlock`, or
        `approve WHAT`."""
        world = self._world
        process = world.process()
        process.deep = self._deep
        world.note(f"{process.me}: $ rotate {command}")
        world.met[f"command {command.split()[0]}"] += 1
        try:
            answer: Answer = self._run(process, command, None if stay is None else timedelta(seconds=stay), yes)
        except Killed:
            process.gone = True
            if world.scenario.same_machine:
                world.dead.add(process.me)
            answer = None
        except RotatorError as error:
            world.laws.log.no_key(f"{error.message} {error.hint}", "an error")
            world.met[f"error {error.code}"] += 1
            answer = error.with_traceback(None)  # it holds this very frame, and with it the whole world
        process.gone = True
        world.note(answer)
        return answer

    def _run(self, process: SimulatedProcess, command: str, stay: timedelta | None, yes: bool) -> Answer:
        session = self._world.session(process)
        word, _, what = command.partition(" ")
        if word == "start":
            return self._start(process, session, stay)
        if what.startswith(SETTLED):
            orders.approve(session, what, YES)
            return None
        rotation = _opened(session, word)
        if word == "approve":
            orders.approve(session, what, YES)
            self._heard(rotation, what)
            return None
        if word == "unlock":
            orders.unlock(session, YES)
            return None
        if word == "abandon":
            return self._abandon(session)
        if word == "accept":
            ports, plan = self._world.ports(process), self._world.plan
            accept = partial(orders.accept_plan, session, ports, YES, plan)
            return self._on(process, session, stay, accept, by_hand=False)
        self._check(rotation)
        match word:
            case "tick":
                return self._on(process, session, timedelta(), by_hand=False)
            case "verify":
                _forward(rotation)
                if phase(rotation) == "expand":
                    raise UsageError("not deployed everywhere yet", "rotate start")
                return self._on(process, session, stay, horizon=Phase.OVERLAP)
            case "finish":
                _forward(rotation)
                self._refuse_unproven(rotation)
                return self._on(process, session, stay, yes=yes)
            case "rollback":
                orders.roll_back(session, YES)
                return self._on(process, session, timedelta(seconds=60))
            case "resume":
                return self._on(process, session, stay, lambda: orders.resume(session, YES), by_hand=False)
            case other:
                raise ValueError(f"no command is called {other}")

    def _heard(self, rotation: Rotation, what: str) -> None:
        """A person's word that is not true is a lying watcher's."""
        fleet = self._world.fleet.get(what.removeprefix(CONSUMER))
        if fleet is not None and rotation.rolling_back is None:
            fleet.lied = fleet.lied or any(one.key != self._world.new for one in fleet.running)

    def _on(
        self,
        process: SimulatedProcess,
        session: Session,
        stay: timedelta | None,
        order: Callable[[], None] = lambda: None,
        *,
        horizon: Phase = Phase.CONTRACT,
        by_hand: bool = True,
        yes: bool = False,
    ) -> Answer:
        ports = self._world.ports(process)  # by rotate.yaml as it was read when the command began
        with session:
            order()
            run = Run(by="ann", horizon=horizon, stay=stay, by_hand=by_hand, yes=_YES if yes else {})
            return advance(session, ports, run)

    def _start(self, process: SimulatedProcess, session: Session, stay: timedelta | None) -> Answer:
        world, rotation = self._world, session.rotation
        opened = rotation if rotation is not None and rotation.outcome is Outcome.OPEN else None
        ports = world.ports(process)
        if opened is not None:
            _forward(opened)
            self._check(opened)
        else:
            self._choose_keys(ports)
        ordinary = world.right is None
        key = world.new if ordinary and (opened is None or needs_key(opened)) else None
        with session:
            if opened is None:
                opening.open_rotation(session, ports, world.plan, "ann")
            horizon = Phase.EXPAND if ordinary else Phase.CONTRACT
            return advance(session, ports, Run(by="ann", horizon=horizon, key=key, stay=stay))

    def _choose_keys(self, ports: Ports) -> None:
        """Before a rotation is opened: what is current is the old key, and the person has another one at hand. In a
        world whose secrets differ they say which one is right."""
        world = self._world
        right = list(world.stores)[world.scenario.held.index(0) if world.scenario.held else 0]
        drifted = opening.drifted(NAME, ports, right) if world.scenario.held else ()
        if drifted:
            world.old, world.new = world.current(drifted[0]), world.current(right)
            world.right, world.drifted = right, drifted
            return
        world.right, world.drifted = None, ()
        world.old = world.current(right)
        if world.new == world.old or world.new in world.laws.died_at:
            world.new = world.issue()

    def _abandon(self, session: Session) -> Answer:
        with session:
            orders.abandon(session, YES)
        return Stop(Exit.OWED, "the rotation was abandoned")

    def _check(self, rotation: Rotation) -> None:
        frozen = rotation.plan
        if self._world.plan_under(frozen.playbook, frozen.right, frozen.secrets) != frozen:
            raise PlanChanged(
                "rotate.yaml is no longer what the rotation was opened with", "rotate resume --accept-plan"
            )

    def _refuse_unproven(self, rotation: Rotation) -> None:
        where = phase(rotation)
        if where == "contract" or rotation.reenabled is not None:
            return
        held = waiting(rotation, decide(rotation, self._world.wall.now()))
        raise GateOpen(f"not proven yet: {held}", f"rotate {'start' if where == 'expand' else 'verify'} prod-chat")


def _opened(session: Session, word: str) -> Rotation:
    if session.rotation is None or session.rotation.outcome is not Outcome.OPEN:
        raise UsageError(f"no rotation is open: nothing to {word}", "rotate start prod-chat")
    return session.rotation


def _forward(rotation: Rotation) -> None:
    if rotation.rolling_back is not None:
        raise UsageError(f"rotation {rotation.id} is being rolled back", "rotate rollback prod-chat")
