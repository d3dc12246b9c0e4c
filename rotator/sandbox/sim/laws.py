"""The laws (README, What it promises), read off the world and the journal, never off what the engine believes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from rotator.model.keys import KeyStatus, KeyText, Label
from rotator.model.plan import Plan
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.sim.heard import HeardLaws
from rotator.sandbox.sim.log_laws import LogLaws
from rotator.sandbox.sim.store_laws import StoreLaws

if TYPE_CHECKING:
    from rotator.sandbox.sim.crossing import Operation
    from rotator.sandbox.sim.world import SimulatedWorld

TICK: Final = timedelta(milliseconds=10)
"""What every operation takes at least: no two events of a real world are of the same microsecond."""

_FRESHEST: Final = timedelta(seconds=60)
_FOR_EACH: Final = timedelta(seconds=5)
"""How old evidence may be at the intent that rests on it: the rule of `core/windows.py`, by another hand."""


class Laws:
    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self.by_tool: dict[KeyText, bool] = {}
        """Dead keys: whether the tool made them so (else a fault, or a person on their own account)."""
        self.died_at: dict[KeyText, datetime] = {}
        self.needles: list[str] = []
        """Middles of the keys' texts: none of them may be found anywhere (law 6)."""
        self.log = LogLaws(world, self.needles)
        self.heard = HeardLaws(world)
        self.stores = StoreLaws(world)
        self._tokens: dict[str, str] = {}

    def fail(self, what: str) -> NoReturn:
        raise LawBroken(what)

    # Laws 1 and 2, at every change of the world

    def standing(self) -> None:
        if not self.by_tool:
            return
        for fleet in self._world.fleet.values():
            if not self._required(fleet.name) or fleet.lied:
                continue
            if fleet.secret in self._world.excused:
                continue
            for one in fleet.running:
                if self.by_tool.get(one.key) and one.id not in self._world.excused:
                    self.fail(f"law 1: {one.id} holds {one.key}, which the tool disabled")
        for ref, store in self._world.stores.items():
            version = store.read(Label.CURRENT)
            if version and version.key and self.by_tool.get(version.key) and ref not in self._world.excused:
                self.fail(f"law 2: {ref} names {version.key}, which the tool disabled")

    def _required(self, consumer: str) -> bool:
        planned = self.log.plan.consumers if self.log.plan else ()
        return any(one.name == consumer and one.required for one in planned)

    # Effects

    def before_effect(self, operation: Operation) -> None:
        """Law 4: it happens under an open intent of the process that makes it."""
        if operation.process.late:
            operation.process.overtaken = True
            self._world.met["late effect of a stopped process"] += 1
            return
        enables = operation.verb == "set_status" and operation.args[1] is KeyStatus.ACTIVE
        rotation = self._world.rotation
        overtaken = operation.process.overtaken or (rotation is not None and rotation.owner != operation.process.me)
        if overtaken and (enables or operation.verb == "restore"):
            operation.process.overtaken = True
            self._world.met["late effect mended by who made it"] += 1  # it may not write in the journal any more
            return
        wanted, undo = _step(operation)
        for step in wanted:
            intent = self.log.intents.get(step)
            ours = intent is not None and intent.holder == operation.process.me
            either = operation.verb in ("discard", "deploy")  # forward and back, the same call
            if intent is not None and ours and (either or bool(intent.data.get("undo")) is undo):
                break
        else:
            self.fail(f"law 4: {operation} without an open intent ({', '.join(wanted)})")
        if operation.port == "store":
            self.stores.before(operation)

    def after_effect(self, operation: Operation) -> None:
        match operation.verb:
            case "stage" | "deploy":
                self._token(operation)
            case "promote" | "restore":
                self._pointed(operation)
        if operation.port == "store":
            self.stores.after(operation)
        self.standing()

    def _token(self, operation: Operation) -> None:
        """Law 4: tokens are derived, never redrawn."""
        intent = self.log.intents.get(_step(operation)[0][0])
        if intent is None:
            return
        what = f"{intent.rotation} {operation.verb} {operation.subject} {bool(intent.data.get('undo'))}"
        if operation.verb == "stage":
            what += f" {operation.args[1].fingerprint.digest}"
        token = str(operation.args[0])
        if self._tokens.setdefault(what, token) != token:
            self.fail(f"law 4: {operation} was repeated with another token")

    def _pointed(self, operation: Operation) -> None:
        """Law 2: `current` is never moved to a key that was known to be dead, whoever killed it."""
        version = self._world.stores[operation.subject].read(Label.CURRENT)
        if version is None or version.key is None or operation.process.late:
            return
        if self._world.leaked and version.key == self._world.old and operation.verb == "restore":
            self.fail("law 10: a leaked key was restored")
        died = self.died_at.get(version.key)
        known = self._world.pinged_at.get(version.key)
        if (
            died is not None
            and not self._world.scenario.managed
            and self._world.clock.now() < died + self._world.slow_change
        ):
            # Without an Admin key nobody can see that a person has just disabled it: it still answers.
            self._world.met["restored a key that was about to die"] += 1
            self.by_tool[version.key] = False  # the person's own doing
        elif died is not None and (known is None or died + self._world.slow_change < known):
            self.fail(f"law 2: {operation} made a key current that was dead when it was last tested")

    def before_status(self, operation: Operation, key: KeyText, status: KeyStatus) -> None:
        if status is KeyStatus.ACTIVE and self._world.leaked and key == self._world.old:
            self.fail("law 10: a leaked key was enabled again")
        if status is KeyStatus.INACTIVE and self._world.status(key) is KeyStatus.ACTIVE and not operation.process.late:
            self.before_disable("disable")
        if status is KeyStatus.ARCHIVED and not operation.process.late:
            self._before_archive()

    def before_disable(self, step: str) -> None:
        """Laws 1 and 7 at the instant when the old key goes: `excuse` what the evidence could not have shown."""
        intent = self.log.intents.get(step)
        if intent is None:
            self.fail("law 4: the old key is to be disabled without an open intent")
        measured: Mapping[str, Any] = intent.data.get("measured") or {}  # type: ignore[assignment]  # JSON of ours
        plan = self._planned()
        gates = sum(not step.effect for step in plan.steps)
        fresh = max(_FRESHEST, 4 * plan.playbook.observe_interval, gates * _FOR_EACH)
        for consumer in plan.consumers:
            if not consumer.required:
                continue
            at = measured.get(f"observe {consumer.name}")
            if at is None:
                self.fail(f"law 1: disabled without evidence of {consumer.name}")
            seen = self._really(at)
            age = self.log.true_at[intent.at] - seen
            # A clock that was set back makes evidence look younger; and an intent is written one operation later.
            if age > fresh + self._world.wall.behind + TICK:
                self.fail(f"law 1: disabled on evidence of {consumer.name} that is {age} old")
            self._world.excuse_since(consumer.name, seen)
        self._world.excuse_edits(self._really(measured["pings"]))
        self._quiet(plan, self.log.true_at[intent.at])

    def _really(self, at: str) -> datetime:
        return self.log.true_at[datetime.fromisoformat(at)]

    def _planned(self) -> Plan:
        if self.log.plan is None:
            self.fail("law 5: an effect before any rotation was opened")
        return self.log.plan

    def _quiet(self, plan: Plan, at: datetime) -> None:
        deploys = [fleet.deployed_at for fleet in self._world.fleet.values() if fleet.deployed_at is not None]
        slowest = max((consumer.cadence for consumer in plan.consumers), default=timedelta())
        wanted = max(plan.playbook.drain.quiet_for, slowest) + plan.playbook.drain.lag
        if deploys and at - max(deploys) < wanted and not self._world.met["late effect of a stopped process"]:
            self.fail(f"law 7: disabled {at - max(deploys)} after the last deploy, not {wanted}")

    def _before_archive(self) -> None:
        plan = self._planned()
        if self.log.disabled_at is None:
            self.fail("law 3: archived before it was disabled")
        if self._world.clock.now() - self.log.disabled_at < plan.playbook.soak or not self.log.soaked:
            self.fail("law 3: archived before it had soaked")
        if self.log.approved is None:
            self.fail("law 3: archived without an approval of this plan since the old key was disabled")


def _step(operation: Operation) -> tuple[tuple[str, ...], bool]:
    """The journal's names of the steps that this effect may belong to, and whether it takes one back."""
    subject = operation.subject
    match operation.verb:
        case "restore":
            return (f"promote {subject}",), True
        case "discard":
            return (f"stage {subject}", f"tidy {subject}"), False
        case "set_status":
            status = operation.args[1]
            return ("archive" if status is KeyStatus.ARCHIVED else "disable",), status is KeyStatus.ACTIVE
        case "deploy":
            return (f"deploy {subject}", f"deploy {subject}"), False
        case verb:
            return (f"{verb} {subject}",), False
