"""The world of one seed: what stands at the ports, what the laws look at, and what faults may change."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final, cast

from rotator.core import plan as plans
from rotator.model.config import Consumer, Playbook
from rotator.model.decision import Ask, Close, Decision, Do, Stop, Undo, Wait
from rotator.model.event import Event
from rotator.model.keys import KeyStatus, KeyText, Label
from rotator.model.plan import Plan
from rotator.model.rotation import Rotation
from rotator.ports import Deployer, Issuer, Journal, Probe, SecretStore, Watcher
from rotator.sandbox.clock import VirtualClock
from rotator.sandbox.memory_issuer import MemoryIssuer
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.sim.crossing import Crossing, Operation, SimulatedProcess
from rotator.sandbox.sim.faults import EFFECTS
from rotator.sandbox.sim.fleet import SimulatedFleet
from rotator.sandbox.sim.injector import Injector
from rotator.sandbox.sim.journal import SimulatedJournal
from rotator.sandbox.sim.laws import Laws
from rotator.sandbox.sim.scenario import NAME, Scenario
from rotator.session import Session
from rotator.steps import Ports

MAX_OPERATIONS: Final = 60_000
"""Most operations of one run: more than any drawn world needs, so reaching it means that something does not end."""

_TRACE: Final = 80
"""How many of the last operations a report shows."""


class SimulatedWorld:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.random = Random(f"run {scenario.seed}")
        self.met: Counter[str] = Counter()
        """Coverage: what was really met, how often."""
        self.trace: deque[str] = deque(maxlen=_TRACE)
        self.operations = 0
        self.excused: set[str] = set()
        """Instances and secrets that changed after the last moment at which the tool could have seen it."""
        self.dead: set[str] = set()
        """Processes that are known to be dead."""
        self.pinged_at: dict[KeyText, datetime] = {}
        self.edited_at: dict[str, datetime] = {}
        self.slow_change = timedelta(seconds=scenario.slow_change)
        self.interlude: Callable[[int], None] | None = None
        """Runs another operator's commands while a process is stopped."""
        self._processes = 0
        self.laws = Laws(self)
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.journal = SimulatedJournal()
        self.issuer = MemoryIssuer(self.clock, draw=self.random.choice)
        self.issuer.manages = scenario.managed
        self.issuer.books.slow_change = self.slow_change
        self._ids: dict[KeyText, str] = {}
        self.keys: list[KeyText] = []
        self.old = self.issue()
        self.new = self.issue()
        self.credential = scenario.credential
        self.playbook: Playbook = scenario.playbook
        self.stores = {str(ref): MemorySecretStore(str(ref), self.clock, self.old) for ref in self.credential.secrets}
        refs = list(self.stores)
        self.fleet = {
            spec.config.name: SimulatedFleet(
                spec, refs[spec.secret], self.clock, partial(self.current, refs[spec.secret]), self.works, self.laws.standing
            )
            for spec in scenario.consumers
        }
        self.faults = Injector(self, scenario.faults)

    # Keys

    def issue(self) -> KeyText:
        """A person makes a key in the Console."""
        key, record = self.issuer.issue()
        self._ids[key] = record.id
        self.keys.append(key)
        self.laws.needles.append(key.reveal()[24:48])
        return key

    def key_of(self, key_id: str) -> KeyText:
        return next(key for key, id in self._ids.items() if id == key_id)

    def status(self, key: KeyText) -> KeyStatus:
        return self.issuer.books.record(self._ids[key]).status

    def works(self, key: KeyText) -> bool:
        caller = self.issuer.books.caller(key.reveal())
        return caller is not None and caller.honoured

    def set_status(self, key: KeyText, status: KeyStatus, *, tool: bool = False) -> None:
        """Somebody changes a key in the Console, or it changes by itself. Limits do not bind them."""
        books = self.issuer.books
        limit, books.organization_limit = books.organization_limit, None
        books.change(self._ids[key], status=status)
        books.organization_limit = limit
        self.status_changed(key, tool=tool)

    def status_changed(self, key: KeyText, *, tool: bool) -> None:
        if self.status(key) is KeyStatus.ACTIVE:
            self.laws.by_tool.pop(key, None)
            self.laws.died_at.pop(key, None)
        elif key not in self.laws.by_tool:
            self.laws.by_tool[key] = tool
            self.laws.died_at[key] = self.clock.now()

    @property
    def leaked(self) -> bool:
        plan = self.laws.plan
        return plan is not None and plan.playbook.leaked

    # Secrets and fleets

    def current(self, ref: str) -> KeyText:
        version = self.stores[ref].read(Label.CURRENT)
        assert version is not None and version.key is not None, "no fault takes the current version away"
        return version.key

    def excuse_since(self, consumer: str, seen: datetime) -> None:
        """What changed after the evidence was taken, nobody can have known (a lagging watcher's: even earlier)."""
        fleet = self.fleet.get(consumer)
        if fleet is not None:
            seen -= fleet.lag
            self.excused.update(one.id for one in fleet.running if one.since >= seen and not self._wanted(one.key))

    def excuse_edits(self, seen: datetime) -> None:
        for ref, at in self.edited_at.items():
            if at >= seen - self.faults.staleness:
                self.excused.add(ref)

    def _wanted(self, key: KeyText) -> bool:
        return key != self.old

    def secret_changed(self) -> None:
        for fleet in self.fleet.values():
            fleet.secret_changed()

    # The tool

    @property
    def plan(self) -> Plan:
        return plans.build(self.credential, self.playbook, first=False, managed=self.scenario.managed)

    def consumers(self) -> dict[str, Consumer]:
        return {consumer.name: consumer for consumer in self.credential.consumers}

    def process(self) -> SimulatedProcess:
        self._processes += 1
        return SimulatedProcess(f"process-{self._processes}", self.dead)

    def session(self, process: SimulatedProcess) -> Session:
        journal = cast(Journal, Crossing(self, process, "journal", "", self.journal))
        clock = cast(VirtualClock, Crossing(self, process, "clock", "", self.clock))
        return Session(journal, clock, process, NAME, self._told)

    def ports(self, process: SimulatedProcess) -> Ports:
        """As the wiring would choose them: no watcher where a person observes, no deployer where none is named."""
        watchers, deployers, probes = {}, {}, {}
        for name, consumer in self.consumers().items():
            fleet = self.fleet[name]
            if not hasattr(consumer.watch, "ask"):
                watchers[name] = cast(Watcher, Crossing(self, process, "watch", name, fleet))
            if consumer.deploy is not None:
                deployers[name] = cast(Deployer, Crossing(self, process, "deploy", name, fleet))
            if consumer.probe is not None:
                probes[name] = cast(Probe, Crossing(self, process, "probe", name, fleet))
        return Ports(
            clock=cast(VirtualClock, Crossing(self, process, "clock", "", self.clock)),
            issuer=cast(Issuer, Crossing(self, process, "issuer", "", self.issuer)),
            stores={
                ref: cast(SecretStore, Crossing(self, process, "store", ref, store))
                for ref, store in self.stores.items()
            },
            watchers=watchers,
            deployers=deployers,
            probes=probes,
        )

    # Operations

    def before(self, operation: Operation) -> None:
        verb = operation.verb
        if verb == "now":
            return
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            self.laws.fail(f"law 8: more than {MAX_OPERATIONS} operations without an end")
        self.trace.append(f"{self.clock.now():%d %H:%M:%S} {operation}")
        self.faults.before(operation)
        if verb in EFFECTS:
            self.laws.before_effect(operation)
            if verb == "set_status":
                self.laws.before_status(operation, self.key_of(operation.args[0]), operation.args[1])
        elif verb == "ping":
            self.pinged_at[operation.args[0]] = self.clock.now()

    def answer(self, operation: Operation, real: Callable[..., Any], words: dict[str, Any]) -> Any:
        given = self.faults.instead(operation)
        return real(*operation.args, **words) if given is None else given[0]

    def after(self, operation: Operation) -> None:
        verb = operation.verb
        if verb == "now":
            return
        if verb in EFFECTS:
            if verb == "set_status":
                self.status_changed(self.key_of(operation.args[0]), tool=not operation.process.late)
            elif verb in ("promote", "restore"):
                self.excused.discard(operation.subject)
                self.secret_changed()
            self.laws.after_effect(operation)
            self.met[f"effect {operation.name}"] += 1
        elif verb == "append":
            self.laws.appended(operation.args[1], operation.process.late)
        operation.process.late = False
        self.faults.after(operation)

    def _told(self, rotation: Rotation, what: Event | Decision) -> None:
        match what:
            case Event():
                return
            case Do(step):
                self.met[f"do {step.verb}"] += 1
            case Undo(step, _):
                self.met[f"undo {step.verb}"] += 1
            case Ask(asked, why):
                self.met[f"ask {asked.partition(':')[0]}"] += 1
                self.laws.no_key(why, "a question")
            case Stop(exit_code, why):
                self.met[f"stop {exit_code.name.lower()}"] += 1
                self.laws.no_key(why, "a refusal")
            case Wait(_, _, why):
                self.met["wait"] += 1
                self.laws.no_key(why, "a reason to wait")
            case Close(completed):
                self.met["close completed" if completed else "close rolled back"] += 1

    def edit_plan(self, choice: float) -> None:
        """Somebody changes rotate.yaml: a consumer's cadence, or whether it is required; or takes one out."""
        consumers = list(self.credential.consumers)
        if choice < 0.3 and len(consumers) > 1:
            consumers.pop()
        elif choice < 0.6:
            consumers[-1] = replace(consumers[-1], cadence=consumers[-1].cadence + timedelta(seconds=7))
        else:
            consumers[-1] = replace(consumers[-1], required=True)
        self.credential = replace(self.credential, consumers=tuple(consumers))
