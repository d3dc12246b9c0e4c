"""What a demo found out, as data and as words."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rotator.model.canonical import JsonObject
from rotator.sandbox.world import World
from rotator.sandbox.world_files import CREDENTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`seconds`: the whole command. `cutover_seconds`: from the new key's promotion to the last instance that holds it;
    None where that was not reached. `events`: in the journal; 0 where nothing kept one.
    """

    outcome: str
    requests: int
    failed_requests: int
    seconds: float
    cutover_seconds: float | None
    old_key_status: str
    new_key_status: str
    consumers: int
    events: int

    def to_json(self) -> JsonObject:
        return {
            "outcome": self.outcome,
            "requests": self.requests,
            "failed_requests": self.failed_requests,
            "seconds": round(self.seconds, 1),
            "cutover_seconds": None if self.cutover_seconds is None else round(self.cutover_seconds, 1),
            "old_key_status": self.old_key_status,
            "new_key_status": self.new_key_status,
            "consumers": self.consumers,
            "events": self.events,
        }


def rotated(result: Result, world: World) -> Sequence[str]:
    """The end of `rotate demo`."""
    if result.outcome != "completed":
        return [f"The rotation did not complete: {result.outcome}.", *_left(world.directory)]
    cutover = f"{result.cutover_seconds:.1f}" if result.cutover_seconds is not None else "?"
    return [
        "The key was replaced under live traffic."
        if result.failed_requests == 0
        else "The key was replaced, but requests failed: this should not happen. Please report it.",
        f"  requests    {result.requests:,}, of which {result.failed_requests:,} failed",
        f"  old key     {result.old_key_status}      new key  {result.new_key_status}",
        f"  instances   {_instances(world)}",
        f"  cutover     {cutover} s from the promotion to the last instance on the new key",
        f"  in all      {result.seconds:.0f} s, {result.events} events in the journal",
        *_left(world.directory),
        "Next:",
        "  rotate demo --naive     the same world, where the old key is revoked first",
        "  README.md               your own first rotation",
    ]


def outage(result: Result, world: World, down: float, sample: str) -> Sequence[str]:
    """The end of `rotate demo --naive`. `down`: seconds in which requests failed. `sample`: the first of them."""
    return [
        f"The product was down for {down:.1f} s."
        if result.failed_requests
        else "No request failed: this was not the outage that it should show. Please report it.",
        f"  requests    {result.requests:,}, of which {result.failed_requests:,} failed",
        *([f"  the first   {sample}"] if sample else []),
        f"  old key     {result.old_key_status}      new key  {result.new_key_status}",
        f"  instances   {_instances(world)}",
        f"  in all      {result.seconds:.0f} s, and no record of who did what",
        f"Left in {world.directory}, without any key: rotate.yaml, logs.",
        "Next:",
        "  rotate demo             the same world, rotated so that nothing fails",
    ]


def _instances(world: World) -> str:
    total = sum(spec.instances for spec in world.specs)
    each = ", ".join(f"{spec.name} {spec.instances}" for spec in world.specs)
    return f"{total} of {len(world.specs)} consumers ({each})"


def _left(directory: Path) -> Sequence[str]:
    config = shlex.quote(str(directory / "rotate.yaml"))
    return [
        f"Left in {directory}, without any key:",
        "  rotate.yaml, the playbook, the journal, logs. To look at what was done:",
        f"  rotate history {CREDENTIAL} --config {config}",
    ]
