"""What the engine's tests have in common: a quick world, an operator's commands, and what people were told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rotator.engine import Run, advance
from rotator.model.config import Consumer, Drain, ManualWatch
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.event import Event, Kind
from rotator.model.keys import KeyStatus, KeyText
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Rotation
from rotator.sandbox.memory_fleet import Process
from rotator.sandbox.memory_world import NAME, YES, MemoryWorld, quick_playbook
from rotator.sandbox.watched import Moment
from rotator.session import Session

BOTH = {"disable": YES, "archive": YES}
SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class Told:
    """A notifier that remembers."""

    titles: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    def tell(self, title: str, body: str) -> None:
        self.titles.append(title.removeprefix(f"rotate: {NAME}: "))
        self.bodies.append(body)


def quick(playbook: dict[str, Any] | None = None, **world: Any) -> MemoryWorld:
    drain = Drain(quiet_for=timedelta(seconds=5), lag=SECOND, unproven="accept")
    return MemoryWorld(playbook=quick_playbook(**{"drain": drain, **(playbook or {})}), **world)


def by_person(name: str, **changes: Any) -> Consumer:
    return Consumer(name=name, watch=ManualWatch(ask=f"Has {name} reloaded?"), cadence=SECOND, **changes)


def run(
    world: MemoryWorld, told: Told | None = None, order: Callable[[Session], None] | None = None, **fields: Any
) -> Ask | Stop | Wait:
    """One command in a process of its own."""
    session = world.session()
    with session:
        if order is not None:
            order(session)
        return advance(session, world.ports(), Run(**{"by": "tester", "stay": None, **fields}), told)


def tick(world: MemoryWorld, told: Told | None = None) -> Ask | Stop | Wait:
    return run(world, told, stay=timedelta(0), by_hand=False)


def started(world: MemoryWorld, horizon: Phase = Phase.OVERLAP) -> MemoryWorld:
    end = world.start(horizon=horizon)
    assert isinstance(end, Stop), end
    assert end.exit is Exit.DONE, end
    return world


def soaking(world: MemoryWorld) -> MemoryWorld:
    """The old key is disabled, and its soak has just begun."""
    started(world)
    end = run(world, stay=timedelta(seconds=90), yes=BOTH)
    assert isinstance(end, Wait), end
    assert end.why.startswith("soak")
    return world


def turn_up(world: MemoryWorld, name: str, key: KeyText) -> None:
    """An instance of a consumer appears from somewhere, with this key."""
    world.fleet[name]._processes.append(Process("surprise", key, world.clock.now()))


def gone(world: MemoryWorld, name: str) -> None:
    world.fleet[name]._processes.pop()


def old_status(world: MemoryWorld) -> KeyStatus:
    return world.issuer.books.record(world.old_id).status


def rotation_of(world: MemoryWorld) -> Rotation:
    rotation = world.session().rotation
    assert rotation is not None
    return rotation


def events(world: MemoryWorld, kind: Kind | None = None, step: StepId | None = None) -> list[Event]:
    return [
        event
        for event in world.journal.read(NAME)
        if kind in (None, event.kind) and (step is None or event.step == str(step))
    ]


def once(operation: str, moment: Moment, act: Callable[[], None]) -> Callable[[str, Moment], None]:
    """A hook that acts the first time that an operation whose name ends so comes by."""
    left = [act]

    def hook(name: str, when: Moment) -> None:
        if left and name.endswith(operation) and when == moment:
            left.pop()()

    return hook
