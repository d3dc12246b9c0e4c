"""The demo's scenes that show law 7: somebody who is on no list, and what is left without an Admin key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

from rotator.cli.demo_result import Result
from rotator.cli.screen import Screen
from rotator.cli.table import drain_lines
from rotator.engine import Yes
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.sandbox.world import World
from rotator.sandbox.world_stores import StoreKind


class Scene(Enum):
    WHOLE = "whole"
    STRAGGLER = "straggler"  # a consumer on no list goes on with the old key
    NO_ADMIN = "no-admin"  # no Admin key: no usage, and a person does what only the Console can

    @property
    def opening(self) -> str:
        return _OPENINGS[self]


def world_for(scene: Scene, directory: Path, store: StoreKind) -> World:
    straggler = scene is Scene.STRAGGLER
    managed = scene is not Scene.NO_ADMIN
    return World(directory, store=store, managed=managed, reports=straggler, straggler=straggler)


_OPENINGS: Final = {
    Scene.WHOLE: "Anthropic counts usage by the minute: too slow for this demo, so that the old key is silent stays "
    "unproven here. `rotate demo --straggler` reads it.",
    Scene.STRAGGLER: "And a seventh consumer, nightly-report, uses the old key: it is on no list. Anthropic "
    "counts usage by the minute, so this takes about two.",
    Scene.NO_ADMIN: "There is no Admin key: nobody can read usage by key, and a person retires the old key by hand.",
}

TURNS: Final = 6
"""How often the demo's person goes to the Console at most (law 8)."""


def person(
    world: World, screen: Screen, go_on: Callable[[Mapping[str, Yes]], Ask | Stop | Wait], yes: Mapping[str, Yes]
) -> Ask | Stop | Wait:
    """CONTRACT without an Admin key: do in the Console what is asked for, and come back, as a person would."""
    said = {word: one for word, one in yes.items() if word != "archive"}  # not before it is done
    end = go_on(said)
    for _ in range(TURNS):
        if isinstance(end, Stop) and end.exit is Exit.APPROVAL:
            screen.say(f"it asks: {end.why}")
            screen.say("The person opens the Console and disables the old key.")
            world.revoke(world.key_id(world.old_key))
        elif isinstance(end, Ask) and end.what == "archive":
            screen.say(f"it asks: {end.why}")
            screen.say("The person deletes the old key in the Console, and says so.")
            world.archive(world.key_id(world.old_key))
            said = dict(yes)
        else:
            break
        end = go_on(said)
    return end


def refused(result: Result, report: Mapping[str, Any], end: Ask | Stop | Wait | None) -> bool:
    """Whether the scene showed what it should: `finish` refused, named the traffic, and nobody lost anything."""
    stopped = isinstance(end, Stop) and end.exit is Exit.GATE_FAILED
    return stopped and bool(report["drain"] and report["drain"]["old"]) and result.old_key_status == "active"


def refusal(result: Result, report: Mapping[str, Any], end: Ask | Stop | Wait | None) -> Sequence[str]:
    """The end of `rotate demo --straggler`."""
    return list(_refusal(result, report, end))


def _refusal(result: Result, report: Mapping[str, Any], end: Ask | Stop | Wait | None) -> Iterator[str]:
    if not refused(result, report, end):
        yield f"`finish` did not refuse: this is not what it should show ({result.outcome}). Please report it."
        return
    yield "`finish` refused. A timer would have disabled a key that is in use."
    yield f"  {end.why if isinstance(end, Stop) else ''}"
    yield from (f"  {line.strip()}" for line in drain_lines(report))
    yield f"  requests    {result.requests:,}, of which {result.failed_requests:,} failed"
    yield f"  old key     {result.old_key_status}      new key  {result.new_key_status}: both work"
    yield "Find who that is by minute, model and workspace; list it, or move it; then `rotate finish` again."
