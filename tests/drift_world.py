"""A world whose secrets do not hold one key, and what is read off it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from rotator.core.fold import rotations
from rotator.core.status import status
from rotator.model.config import Drain
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.keys import KeyText, Label
from rotator.model.rotation import Rotation
from rotator.sandbox.memory_world import NAME, MemoryWorld, quick_playbook


def a_world(strays: int = 1, secrets: int = 3, **policy: Any) -> MemoryWorld:
    short = Drain(quiet_for=timedelta(seconds=5), lag=timedelta(seconds=1), unproven="accept")
    playbook = quick_playbook(**{"drain": short, "soak": timedelta(seconds=6), **policy})
    return MemoryWorld(playbook=playbook, secrets=secrets, strays=strays)


def keys(world: MemoryWorld) -> list[KeyText | None]:
    found = [store.read(Label.CURRENT) for store in world.stores.values()]
    return [version.key if version else None for version in found]


def latest(world: MemoryWorld) -> Rotation:
    rotation = world.session().rotation
    assert rotation is not None
    return rotation


def all_of(world: MemoryWorld) -> list[Rotation]:
    return rotations(world.session().events)


def shown(world: MemoryWorld) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", status(NAME, latest(world), world.clock.now()))


def done(end: Ask | Stop | Wait | None) -> bool:
    return isinstance(end, Stop) and end.exit is Exit.DONE
