"""The world of one seed: what stands at the ports, what the laws look at, and what faults may change."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final, TypeAlias, cast

from rotator.core import fold
from rotator.core import plan as plans
from rotator.model.config import Consumer, Credential, Playbook
from rotator.model.decision import Close, Decision, Do
from rotator.model.event import Event, Kind
from rotator.model.keys import KeyStatus, KeyText, Label
from rotator.model.plan import Plan
from rotator.model.rotation import Rotation
from rotator.ports import Clock, Deployer, Issuer, Journal, Probe, SecretStore, Watcher
from rotator.sandbox.clock import SteppedClock, VirtualClock
from rotator.sandbox.memory_issuer import MemoryIssuer
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.sim import tally
from rotator.sandbox.sim.crossing import Crossing, Operation, SimulatedProcess
from rotator.sandbox.sim.faults import EFFECTS
from rotator.sandbox.sim.fleet import SimulatedFleet
from rotator.sandbox.sim.injector import Injector
from rotator.sandbox.sim.journal import SimulatedJournal
from rotator.sandbox.sim.keys import Keys
from rotator.sandbox.sim.laws import TICK, Laws
from rotator.sandbox.sim.scenario import NAME, Scenario
from rotator.session import Session
from rotator.steps import Ports

MAX_OPERATIONS: Final = 60_000
"""Most operations of one run: more than any drawn world needs, so reaching it means that something does not end."""

Trace: TypeAlias = tuple[datetime, object]

_TELLING: Final = frozenset({"observe", "ping", "measure", "holder"})
"""Verbs of which the answers are evidence."""

_TRACE: Final = 80
"""How many of the last operations a report shows."""


class SimulatedWorld(Keys):
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.random = Random(f"run {scenario.seed}")
        self.met: Counter[str] = Counter()
        """Coverage: what was really met, how often."""
        self.trace: deque[Trace] = deque(maxlen=_TRACE)
        """What happened last, and when; written out only where somebody reads it."""
        self._rotation: tuple[int, Rotation | None] = (0, None)
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
        clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.journal = SimulatedJournal()
        self.wall = SteppedClock(clock)
        super().__init__(MemoryIssuer(clock, draw=self.random.choice), clock, Laws(self))
        self.issuer.manages = scenario.managed
        self.issuer.books.slow_change = self.slow_change
        self.old = self.issue()
        self.new = self.issue()
        self.credential = scenario.credential
        self._plan: tuple[tuple[Playbook, str | None, tuple[str, ...]], Plan] | None = None
        self.playbook: Playbook = scenario.playbook
        self.unaccepted = False
        """The playbook is another one than the open rotation's, and nobody has said yet that it shall count."""
        self.right: str | None = None
        """The secret whose key others are given by the rotation that was opened last; None: by an ordinary one."""
        self.drifted: tuple[str, ...] = ()
        self.stores = self._stores()
        tally.drawn(self.met, scenario)
        self.fleet = self._fleet()
        self.faults = Injector(self, scenario.faults)

    def _fleet(self) -> dict[str, SimulatedFleet]:
        refs = list(self.stores)
        return {
            spec.config.name: SimulatedFleet(
                spec,
                refs[spec.secret],
                self.clock,
                partial(self.current, refs[spec.secret]),
                self.works,
                self.laws.standing,
                self.met,
            )
            for spec in self.scenario.consumers
        }

    def _stores(self) -> dict[str, MemorySecretStore]:
        scenario = self.scenario
        held = scenario.held or (0,) * scenario.secrets
        keys = {0: self.old, **{number: self.issue() for number in sorted(set(held) - {0})}}
        return {
            str(ref): MemorySecretStore(str(ref), self.clock, keys[number], merges=kind == "vault")
            for ref, kind, number in zip(self.credential.secrets, scenario.kinds, held, strict=True)
        }

    @property
    def leaked(self) -> bool:
        plan = self.laws.log.plan
        return plan is not None and plan.playbook.leaked

    # Secrets and fleets

    def current(self, ref: str) -> KeyText:
        version = self.stores[ref].read(Label.CURRENT)
        if version is None or version.key is None:
            raise ValueError("no fault takes the current version away")
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

    def _excuse_running(self, ref: str) -> None:
        """The secret is right again; what a person's edit made its readers hold, they hold until they read again."""
        if ref in self.excused:
            for fleet in self.fleet.values():
                if fleet.secret == ref:
                    self.excused.update(one.id for one in fleet.running)

    def _wanted(self, key: KeyText) -> bool:
        return key != self.old

    def secret_changed(self) -> None:
        for fleet in self.fleet.values():
            fleet.secret_changed()

    # The tool

    @property
    def rotation(self) -> Rotation | None:
        """As anybody can read it in the log."""
        seen, rotation = self._rotation
        rotation = fold.advance(rotation, *self.journal.read(NAME, after=seen))
        self._rotation = (len(self.journal.events), rotation)
        return rotation

    @property
    def plan(self) -> Plan:
        return self.plan_under(self.playbook, self.right, self.drifted)

    def plan_under(self, playbook: Playbook, right: str | None, drifted: tuple[str, ...]) -> Plan:
        """Today's configuration with this policy. Kept: every command asks for it, and few worlds ever change it."""
        asked = (playbook, right, drifted if right is not None else ())
        if self._plan is None or self._plan[0] != asked:
            managed = self.scenario.managed
            plan = plans.build(self.credential, playbook, first=False, managed=managed, right=right, drifted=drifted)
            self._plan = asked, plan
        return self._plan[1]

    def consumers(self) -> dict[str, Consumer]:
        return {consumer.name: consumer for consumer in self.credential.consumers}

    def process(self) -> SimulatedProcess:
        self._processes += 1
        return SimulatedProcess(f"process-{self._processes}", self.dead)

    def session(self, process: SimulatedProcess) -> Session:
        journal = cast(Journal, Crossing(self, process, "journal", "", self.journal))
        clock = cast(Clock, Crossing(self, process, "clock", "", self.wall))
        return Session(journal, clock, process, NAME, partial(self._told, process))

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
            clock=cast(Clock, Crossing(self, process, "clock", "", self.wall)),
            issuer=cast(Issuer, Crossing(self, process, "issuer", "", self.issuer)),
            stores={
                ref: cast(SecretStore, Crossing(self, process, "store", ref, store))
                for ref, store in self.stores.items()
            },
            watchers=watchers,
            deployers=deployers,
            probes=probes,
        )

    def really(self, at: datetime) -> datetime:
        """The true time of an event that has just been made, by its own time."""
        return min(self.clock.now(), at + self.wall.behind)

    # Operations

    def note(self, what: object) -> None:
        self.trace.append((self.clock.now(), what))

    def cross(self, operation: Operation, real: Callable[..., Any], words: dict[str, Any]) -> Any:
        given = self._before(operation)
        answer = real(*operation.args, **words) if given is None else given[0]
        if operation.verb in _TELLING:
            operation.process.heard.note(operation, answer)
        self._after(operation)
        return answer

    def _before(self, operation: Operation) -> list[Any] | None:
        """A list of one: the answer in place of the port's."""
        verb = operation.verb
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            self.laws.fail(f"law 8: more than {MAX_OPERATIONS} operations without an end")
        self.trace.append((self.clock.now(), operation))
        if verb != "sleep":
            self.clock.advance(TICK)
        given = self.faults.around(operation, after=False)
        if verb in EFFECTS:
            self.laws.before_effect(operation)
            if verb == "set_status":
                self.laws.before_status(operation, self.key_of(operation.args[0]), operation.args[1])
        elif verb == "ping":
            self.pinged_at[operation.args[0]] = self.clock.now()
        return given

    def _after(self, operation: Operation) -> None:
        verb = operation.verb
        if verb in EFFECTS:
            if verb == "set_status":
                self.status_changed(self.key_of(operation.args[0]), tool=not operation.process.late)
            elif verb in ("promote", "restore"):
                self._excuse_running(operation.subject)
                self.excused.discard(operation.subject)
                self.secret_changed()
            self.laws.after_effect(operation)
            self.met[f"effect {operation.name}"] += 1
        elif verb == "append":
            event = operation.args[1]
            self._attested(event)
            self.laws.log.appended(event, operation.process)
        operation.process.late = False
        self.faults.around(operation, after=True)

    def _attested(self, event: Event) -> None:
        """Without an Admin key the person who says yes to the archive also makes it, in the Console."""
        done = event.kind is Kind.APPLIED and event.step == "archive" and not self.scenario.managed
        if done and self.status(self.old) is KeyStatus.INACTIVE:
            self.set_status(self.old, KeyStatus.ARCHIVED, tool=True)

    def _told(self, process: SimulatedProcess, rotation: Rotation, what: Event | Decision) -> None:
        if isinstance(what, Event):
            if what.holder == process.me:
                if what.at not in self.laws.log.true_at:
                    self.laws.log.true_at[what.at] = self.really(what.at)
                if what.kind is Kind.MEASURED:
                    self.laws.heard.measured(process.heard, what)
                tally.logged(self.met, what)
            return
        process.heard.forget()
        tally.decided(self.met, what)
        if not isinstance(what, Do | Close):
            self.laws.log.no_key(what.why, "what people are told")

    def end(self) -> None:
        """It goes round in cycles. Taken apart, it is gone at once: to look for it later takes a tenth of the time."""
        vars(self).clear()

    def edited(self, credential: Credential) -> None:
        """Somebody changed rotate.yaml."""
        self.credential, self._plan = credential, None
