"""The simulation's world without its faults: a process is killed where the test says, and every law is checked always.

The operator is patient and forgetful: after a kill the same command is typed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from rotator.core import chain, fold
from rotator.core.owed import owed
from rotator.loader import load_playbook
from rotator.model.config import CommandDeploy, CommandWatch, Consumer, HttpProbe, Playbook
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import HeldByAnother, Refused
from rotator.model.event import Kind
from rotator.model.keys import KeyText
from rotator.model.plan import StepId
from rotator.model.rotation import Mark, Rotation
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.sim.crossing import Operation
from rotator.sandbox.sim.desk import Answer, SimulatedDesk
from rotator.sandbox.sim.faults import EFFECTS
from rotator.sandbox.sim.injector import Injector
from rotator.sandbox.sim.person import respond
from rotator.sandbox.sim.scenario import Scenario, SimulatedConsumer, Style
from rotator.sandbox.sim.world import SimulatedWorld
from rotator.sandbox.watched import Killed, Moment
from tests.counted_world import APART, Callers

_ROOT: Final = Path(__file__).parents[2]

Kinds: TypeAlias = tuple[Literal["aws", "vault"], ...]
Point: TypeAlias = tuple[int, Moment]
"""A change's number, and on which side of it the process is killed."""

_COMMANDS: Final = 60
"""Most times that one command is typed: for each wait, question and kill once more."""


def shipped() -> dict[str, Playbook]:
    """Every playbook file that comes with the project, by its path in it; of two that say the same, the first."""
    files = sorted([*_ROOT.glob("playbooks/*.yaml"), *_ROOT.glob("examples/*/*.yaml")])
    found: dict[str, Playbook] = {}
    for file in files:
        if "credentials:" in file.read_text(encoding="utf-8"):  # a rotate.yaml
            continue
        playbook = load_playbook(f"./{file.name}", file.parent)
        if playbook not in found.values():
            found[str(file.relative_to(_ROOT))] = playbook
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the world is made of. `held`: see `Scenario`. `counted`: Anthropic tells the usage of each key. `together`:
    all waves at once, whatever the playbook says."""

    kinds: Kinds = ("aws", "vault")
    managed: bool = True
    same_machine: bool = True
    held: tuple[int, ...] = ()
    counted: bool = False
    together: bool = False

    def world(self, playbook: Playbook) -> SimulatedWorld:
        last = len(self.kinds) - 1
        if self.together:
            playbook = replace(playbook, waves="together")
        consumers = (
            _consumer("chat", secret=0, managed=self.managed),
            _consumer("batch", secret=last, managed=self.managed, wave=2),
            _consumer("edge", secret=last, managed=self.managed, boots=False),
        )
        scenario = Scenario(
            seed=1,
            secrets=len(self.kinds),
            kinds=self.kinds,
            managed=self.managed,
            playbook=playbook,
            consumers=consumers,
            style=Style.STEADY,
            same_machine=self.same_machine,
            slow_change=0,
            faults=(),
            held=self.held,
        )
        world = SimulatedWorld(scenario)
        if self.counted:
            Callers(world)
        return world


def _consumer(name: str, *, secret: int, managed: bool, wave: int = 1, boots: bool = True) -> SimulatedConsumer:
    config = Consumer(
        name=name,
        watch=CommandWatch(observe=("observe", name)),
        wave=wave,
        cadence=2 * APART,
        deploy=CommandDeploy(command=("deploy", name)) if boots else None,
        probe=HttpProbe(url="http://127.0.0.1/ask"),
    )
    kind: Literal["boot", "hot"] = "boot" if boots else "hot"
    return SimulatedConsumer(config=config, kind=kind, instances=2, secret=secret, pace=0, linger=0, reload_after=3)


class Killer(Injector):
    """Stands where the faults would: kills at the first point, then at the second, counted from there.

    A look changes nothing, so to be killed at it is to be killed after the change before it: only changes are counted,
    of the world and of the log.
    """

    def __init__(self, world: SimulatedWorld, points: tuple[Point, ...] = ()) -> None:
        super().__init__(world, ())
        self.refuses: Callable[[Operation], bool] = nothing
        """What is not allowed, until somebody allows it."""
        self.changes: list[str] = []
        """Tried ones, in order."""
        self.made: list[int] = []
        """Of them those that came to an end."""
        self.killed: list[str] = []
        self._points = list(points)
        self._from = 0

    def around(self, operation: Operation, *, after: bool) -> None:
        if operation.verb in EFFECTS or operation.verb == "append":
            if after:
                self.made.append(len(self.changes) - 1)
            else:
                self.changes.append(operation.name)
            self._meets("after" if after else "before", operation)
        if not after and self.refuses(operation):
            raise Refused(f"{operation.subject}: {operation.verb}: permission denied", "allow it")

    def _meets(self, moment: Moment, operation: Operation) -> None:
        if self._points and self._points[0] == (len(self.changes) - 1 - self._from, moment):
            self._points.pop(0)
            self._from = len(self.changes)
            self.killed.append(f"{moment} {operation}")
            raise Killed(str(operation))


def nothing(operation: Operation) -> bool:
    return False


class Operator:
    def __init__(self, world: SimulatedWorld, killer: Killer) -> None:
        self.world, self.killer = world, killer
        self._desk = SimulatedDesk(world)

    @property
    def rotation(self) -> Rotation:
        found = self.world.rotation
        assert found is not None
        return found

    def did(self, step: str) -> bool:
        state = self.rotation.steps.get(StepId.parse(step))
        return state is not None and state.mark is Mark.APPLIED

    def type(self, command: str, until: Callable[[], bool] = lambda: False, *, stay: int = 60) -> Answer:
        """Type it until it has nothing more to do, or `until` holds: through waits, questions and kills.

        What a command says that is typed again after it was done is an error, and means just that.
        """
        for _ in range(_COMMANDS):
            if until():
                return None
            killed = len(self.killer.killed)
            answer = self._desk.type(command, stay=stay)
            if len(self.killer.killed) > killed:
                continue
            by_hand = isinstance(answer, Stop) and answer.exit is Exit.APPROVAL
            if not isinstance(answer, Ask | Wait | HeldByAnother) and not by_hand:
                return answer
            if not until():
                respond(self.world, self._desk, answer)
        raise AssertionError(f"`{command}` was typed {_COMMANDS} times, and does not end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """`leaks`: whether it can be gone by a playbook for a leaked key; law 10 refuses most ways back."""

    name: str
    go: Callable[[Operator], None]
    place: Place = Place()
    leaks: bool = True

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Ended:
    """What a journey leaves behind, and what it did to get there. Keys are numbered in the order of their making."""

    outcomes: Sequence[str]
    statuses: Sequence[str]
    currents: Sequence[Sequence[int]]
    """Of each secret, every key that was ever current, in order."""
    labels: Sequence[Mapping[str, int]]
    held: Mapping[str, Sequence[int]]
    deploys: Mapping[str, int]
    tokens: Mapping[str, int]
    """How many different ones."""
    statuses_set: Sequence[tuple[str, ...]]
    done: Mapping[str, int]
    """How often each step was applied, and undone."""
    approved: frozenset[str]
    owed: Sequence[tuple[str, int | str]]


def ended(world: SimulatedWorld) -> Ended:
    """Reads the log as a database would give it: the chain is verified."""
    keys = {key: number for number, key in enumerate(world.keys)}
    named = {key.fingerprint.digest: number for key, number in keys.items()}
    events = chain.follow([tuple(chain.to_row(event).values()) for event in world.journal.events], 0)
    all_of = fold.rotations(list(events))
    return Ended(
        outcomes=[one.outcome.value for one in all_of],
        statuses=[world.status(key).value for key in keys],
        currents=[[keys[key] for _, key in store.history] for store in world.stores.values()],
        labels=[_labelled(store, keys) for store in world.stores.values()],
        held={name: sorted(keys[one.key] for one in fleet.running) for name, fleet in world.fleet.items()},
        deploys={name: len(fleet.tokens) for name, fleet in world.fleet.items()},
        tokens={name: len(set(fleet.tokens)) for name, fleet in world.fleet.items()},
        statuses_set=[call[1:] for call in world.issuer.calls if call[0] == "set_status"],
        done=Counter(f"{one.kind.value} {one.step}" for one in events if one.kind in (Kind.APPLIED, Kind.UNDONE)),
        approved=frozenset(str(one.data["what"]) for one in events if one.kind is Kind.APPROVED),
        owed=[(debt.kind, named.get(debt.subject, debt.subject)) for debt in owed(all_of, world.clock.now())],
    )


def _labelled(store: MemorySecretStore, keys: Mapping[KeyText, int]) -> Mapping[str, int]:
    versions = {label: store.read(label) for label in store.labels}
    return {label.value: keys[version.key] for label, version in versions.items() if version and version.key}


@dataclass(slots=True)
class Lived:
    killer: Killer
    end: Ended


def live(journey: Journey, playbook: Playbook, points: tuple[Point, ...] = ()) -> Lived:
    """One life of a world. Raises `LawBroken` at the very operation after which a law does not hold."""
    world = journey.place.world(playbook)
    killer = world.faults = Killer(world, points)
    journey.go(Operator(world, killer))
    return Lived(killer, ended(world))
