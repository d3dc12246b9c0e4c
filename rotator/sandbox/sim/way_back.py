"""Laws 9, 10 and 11 at the turning points: on the way back, at a rotation's end, and where something is left undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from rotator.core import fold
from rotator.core.owed import owed
from rotator.model.event import Event, Kind
from rotator.model.keys import KeyStatus, Label
from rotator.model.plan import Plan
from rotator.sandbox.sim.broken import LawBroken

if TYPE_CHECKING:
    from rotator.sandbox.sim.world import SimulatedWorld

_APPROVAL = 4
"""The exit code of what waits for a person: that is no failure, and nothing is owed for it."""


class WayBackLaws:
    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self._begun: set[str] = set()
        """Effects that were ever intended forward: each may have left something."""
        self._back: set[str] = set()
        """Of them and of the deploys: what is known to be taken back."""
        self._archived = False
        self._turned = False
        self._held: Mapping[str, str] = {}
        """By secret, the digest of the key that it named when the rotation was opened."""

    def appended(self, event: Event, plan: Plan) -> None:
        data: Mapping[str, Any] = event.data
        step = event.step or ""
        match event.kind:
            case Kind.OPENED:
                self._begun, self._back = set(), set()
                self._archived = self._turned = False
                self._held = {} if plan.first else {ref: self._named(ref) for ref in plan.secrets}
            case Kind.INTENDED if data.get("undo"):
                if self._archived:
                    _fail(f"law 9: it is intended to take `{step}` back, and the old key is archived")
            case Kind.INTENDED:
                self._begun.add(step)
                self._back.discard(step)
            case Kind.APPLIED if step == "archive":
                self._archived = True
            case Kind.UNDONE:
                self._back.add(step)
                if step == "disable" and not self._turned:
                    self._owes("the old key was enabled again")
            case Kind.FAILED if step in ("disable", "archive") and data.get("exit") not in (None, _APPROVAL):
                self._owes(f"`{step}` failed for good")
            case Kind.APPROVED:
                self._said(data["what"])
            case Kind.ROLLED_BACK:
                self._rolled_back(plan)
            case _:
                pass

    def _said(self, what: str) -> None:
        word, _, step = what.partition(":")
        if word == "absent":
            self._back.add(step)
        elif what == "applied:archive":
            self._archived = True
        self._turned = self._turned or what == "rollback"

    def _rolled_back(self, plan: Plan) -> None:
        """Law 9: enabled again, restored, deployed again, and nothing of ours left waiting."""
        promoted = any(step.startswith("promote") for step in self._begun)
        wanted = {step for step in self._begun if step.startswith(("stage", "promote", "disable"))}
        if plan.right is None:  # else who reads the place that is right is left alone
            wanted |= {f"deploy {one.name}" for one in plan.consumers if promoted and one.deploys}
        left = sorted(wanted - self._back)
        if left:
            _fail(f"law 9: rolled back, and these were never taken back: {', '.join(left)}")
        world = self._world
        if world.met["late effect of a stopped process"]:
            return
        if world.laws.by_tool.get(world.old) and promoted and not self._about_to_die():
            _fail(f"law 9: rolled back, and the old key is {world.status(world.old).value}")
        alive = world.status(world.old) is KeyStatus.ACTIVE  # else law 2 forbids to move back to it
        for ref, digest in self._held.items():
            if alive and ref not in world.edited_at and self._named(ref) != digest:
                _fail(f"law 9: rolled back, and {ref} does not name the key that it held")
        for ref, store in world.stores.items():
            pending = store.read(Label.PENDING)
            ours = f"stage {ref}" in self._begun  # what an abandoned rotation left is owed by that one
            if ours and pending is not None and pending.key == world.new and ref not in world.edited_at:
                _fail(f"law 9: rolled back, and the new key still waits in {ref}")
        unused = plan.right is None and any(step.startswith("stage") for step in self._begun)
        if unused and world.status(world.new) is KeyStatus.ACTIVE:
            self._owes("the new key is active and used by nobody")

    def _named(self, ref: str) -> str:
        """By the world itself: what a store says may be stale."""
        return self._world.current(ref).fingerprint.digest

    def _about_to_die(self) -> bool:
        """Without an Admin key nobody can see that a person has just disabled the old key: it still answered."""
        world, died = self._world, self._world.laws.died_at.get(self._world.old)
        pinged = world.pinged_at.get(world.old)
        return not world.scenario.managed and died is not None and (pinged is None or pinged < died + world.slow_change)

    def _owes(self, what: str) -> None:
        """Law 11: what was skipped or left undone stays visible."""
        found = fold.rotations(self._world.journal.events)
        if not owed(found, self._world.wall.now()):
            _fail(f"law 11: {what}, and nothing is owed")


def _fail(what: str) -> NoReturn:
    raise LawBroken(what)
