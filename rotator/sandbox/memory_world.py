"""A whole world in one process, under a virtual clock: where crashes and years are cheap.

The engine in it is the product's own; only what stands at the ports is simulated. Every call that crosses a port is
an *operation*, and a hook sees each one before and after it happens: it may kill the process there, or check the laws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast

from rotator import opening, orders
from rotator.core import plan as plans
from rotator.core.approval import UNPROVEN
from rotator.engine import Run, Yes, advance
from rotator.model.config import (
    AnthropicConfig,
    AwsSecretRef,
    CommandDeploy,
    CommandWatch,
    Consumer,
    Credential,
    Drain,
    HttpProbe,
    Pings,
    Playbook,
    SecretRef,
    VaultSecretRef,
)
from rotator.model.decision import Ask, Stop, Wait
from rotator.model.keys import KeyStatus, KeyText, Label
from rotator.model.measure import Ping
from rotator.model.plan import Plan
from rotator.ports import Clock, Journal
from rotator.sandbox.clock import VirtualClock
from rotator.sandbox.memory_fleet import MemoryConsumer
from rotator.sandbox.memory_issuer import MemoryIssuer
from rotator.sandbox.memory_journal import MemoryJournal
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.watched import Hook, Killed, Watched
from rotator.session import Listener, Session, ignore
from rotator.steps import Ports

_T = TypeVar("_T")
NAME: Final = "prod-chat"
YES: Final = Yes(by="tester", reason="the test says so")


@dataclass(slots=True)
class MemoryHolders:
    """This process's name, and which others are known to be dead."""

    me: str
    dead: set[str]

    def is_gone(self, holder: str) -> bool:
        return holder in self.dead


def quick_playbook(**changes: Any) -> Playbook:
    """`standard` with an hour's soak; any field may be given another value."""
    fields: dict[str, Any] = {
        "name": "quick",
        "why": "A rotation under a virtual clock.",
        "adopt_patience": timedelta(seconds=60),
        "pings": Pings(count=3, interval=timedelta(seconds=2), patience=timedelta(seconds=60), inference=True),
        "waves": "ordered",
        "deploy_timeout": timedelta(minutes=30),
        "observe_interval": timedelta(seconds=5),
        "observe_timeout": timedelta(minutes=10),
        "drain": Drain(quiet_for=timedelta(minutes=2), lag=timedelta(minutes=1), unproven="ask"),
        "soak": timedelta(minutes=3),
        "approve_disable": "ask",
        "approve_archive": "ask",
        "reenable": "auto",
        "deadline": timedelta(days=7),
    }
    return Playbook(**{**fields, **changes})


def consumer(name: str, **changes: Any) -> Consumer:
    fields: dict[str, Any] = {
        "name": name,
        "watch": CommandWatch(observe=("observe", name)),
        "cadence": timedelta(minutes=1),
        "deploy": CommandDeploy(command=("deploy", name)),
        "probe": HttpProbe(url="http://127.0.0.1/ask"),
    }
    return Consumer(**{**fields, **changes})


def _ref(number: int) -> SecretRef:
    path = f"prod/{number}"
    return VaultSecretRef("secret", path, "key") if number % 2 else AwsSecretRef("eu-west-1", path, None)


@dataclass(slots=True)
class MemoryWorld:
    """Two boot-time consumers in two waves and one that reloads by itself, unless told otherwise."""

    playbook: Playbook = field(default_factory=quick_playbook)
    secrets: int = 2
    managed: bool = True
    consumers: Sequence[Consumer] = field(
        default_factory=lambda: (consumer("chat"), consumer("batch", wave=2), consumer("edge", deploy=None))
    )
    first: bool = False
    strays: int = 0
    """So many of the last secrets hold a key of their own each; the last consumer reads the last secret."""
    hook: Hook = lambda operation, moment: None
    clock: VirtualClock = field(init=False)
    journal: MemoryJournal = field(init=False)
    issuer: MemoryIssuer = field(init=False)
    stores: Mapping[str, MemorySecretStore] = field(init=False)
    fleet: Mapping[str, MemoryConsumer] = field(init=False)
    old: KeyText = field(init=False)
    new: KeyText = field(init=False)
    old_id: str = field(init=False)
    new_id: str = field(init=False)
    stray_keys: dict[KeyText, str] = field(default_factory=dict)
    """The keys of the secrets that drifted, and their records' ids."""
    dead: set[str] = field(default_factory=set)
    processes: int = 0

    def __post_init__(self) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.journal = MemoryJournal()
        self.issuer = MemoryIssuer(self.clock)
        self.issuer.manages = self.managed
        self.old, old_record = self.issuer.issue(name="old")
        self.new, new_record = self.issuer.issue(name="new")
        self.old_id, self.new_id = old_record.id, new_record.id
        key = None if self.first else self.old
        strays = (self.issuer.issue(name="stray") for _ in range(self.strays))
        self.stray_keys = {stray: record.id for stray, record in strays}
        held = [*[key] * (self.secrets - self.strays), *self.stray_keys]
        self.stores = {
            str(ref): MemorySecretStore(str(ref), self.clock, one, merges=isinstance(ref, VaultSecretRef))
            for ref, one in zip(self._refs(), held, strict=True)
        }
        self.fleet = {planned.name: self._consumer(planned) for planned in self.consumers}

    def _refs(self) -> tuple[SecretRef, ...]:
        """By turns in AWS and in Vault."""
        return tuple(_ref(number) for number in range(self.secrets))

    def _consumer(self, planned: Consumer) -> MemoryConsumer:
        return MemoryConsumer(
            planned.name,
            partial(self._current, -1 if self.strays and planned == self.consumers[-1] else 0),
            lambda key: self.ping(key),
            self.clock,
            kind="boot" if planned.deploy else "hot",
        )

    def _current(self, place: int) -> KeyText | None:
        version = list(self.stores.values())[place].read(Label.CURRENT)
        return version.key if version else None

    def ping(self, key: KeyText) -> Ping:
        return self.issuer.ping(key, inference=False)

    @property
    def credential(self) -> Credential:
        return Credential(name=NAME, issuer=AnthropicConfig(), secrets=self._refs(), consumers=tuple(self.consumers))

    @property
    def plan(self) -> Plan:
        return self._plan(first=self.first)

    def _plan(self, **parts: Any) -> Plan:
        return plans.build(self.credential, self.playbook, managed=self.managed, **parts)

    def ports(self) -> Ports:
        watch = self._watched
        return Ports(
            clock=self.clock,
            issuer=watch(self.issuer, "issuer"),
            stores={ref: watch(store, f"store {ref}") for ref, store in self.stores.items()},
            watchers={name: watch(consumer, f"watch {name}") for name, consumer in self.fleet.items()},
            deployers={name: watch(consumer, f"deploy {name}") for name, consumer in self.fleet.items()},
            probes={name: watch(consumer, f"probe {name}") for name, consumer in self.fleet.items()},
        )

    def _watched(self, port: _T, name: str) -> _T:
        return cast(_T, Watched(port, name, lambda: self.hook))

    def session(self, listener: Listener = ignore) -> Session:
        """A new process's hold on the log."""
        self.processes += 1
        holders = MemoryHolders(f"process-{self.processes}", self.dead)
        journal: Journal = self._watched(self.journal, "journal")
        clock: Clock = self.clock
        return Session(journal, clock, holders, NAME, listener)

    # What an operator types

    def start(self, key: KeyText | None = None, **run: Any) -> Ask | Stop | Wait:
        """`rotate start`, going on through every phase as `finish --watch` would."""
        return self._command(lambda session: self._opened(session), key=key or self.new, **run)

    def agree(self, **run: Any) -> Ask | Stop | Wait | None:
        """`rotate start --right`, as far as the secrets agree with the first; None where they do already."""
        if self.session().open_now:
            return self.go_on(**run)
        right = next(iter(self.stores))
        drifted = opening.drifted(NAME, self.ports(), right)
        plan = self._plan(first=False, right=right, drifted=drifted)
        return self._command(lambda session: self._open(session, plan), **run) if drifted else None

    def go_on(self, **run: Any) -> Ask | Stop | Wait:
        return self._command(lambda session: None, **run)

    def rollback(self, **run: Any) -> Ask | Stop | Wait:
        return self._command(lambda session: orders.roll_back(session, YES), **run)

    def _opened(self, session: Session) -> None:
        if session.rotation is None or session.rotation.plan.right is not None:
            self._open(session, self.plan)

    def _open(self, session: Session, plan: Plan) -> None:
        opening.open_rotation(session, self.ports(), plan, "tester")

    def _command(self, order: Callable[[Session], None], **run: Any) -> Ask | Stop | Wait:
        fields: dict[str, Any] = {
            "by": "tester",
            "stay": None,
            "yes": {UNPROVEN: YES, "disable": YES, "archive": YES},
            **run,
        }
        session = self.session()
        try:
            with session:
                order(session)
                return advance(session, self.ports(), Run(**fields))
        except Killed:
            self.dead.add(session.me)
            self.journal.heartbeat(NAME, session.me, self.clock.now() + timedelta(seconds=30))
            raise

    # What must be true at every instant

    def broken_laws(self) -> list[str]:
        """Laws 1 and 2, read off the world itself and not off what the journal believes."""
        ids = {self.old: self.old_id, self.new: self.new_id, **self.stray_keys}
        alive = {key: self._works(id) for key, id in ids.items()}
        broken = [
            f"law 1: an instance of {planned.name} holds a dead key"
            for planned in self.consumers
            if planned.required and not all(alive.get(key, False) for key in self.fleet[planned.name].held())
        ]
        for ref, store in self.stores.items():
            version = store.read(Label.CURRENT)
            if version is not None and version.key is not None and not alive.get(version.key, False):
                broken.append(f"law 2: the current version of {ref} names a dead key")
        return broken

    def _works(self, key_id: str) -> bool:
        return self.issuer.books.record(key_id).status is KeyStatus.ACTIVE

    def end(self) -> dict[str, object]:
        """What a rotation leaves behind: equal ends mean that a crash made no difference."""
        return {
            "old": self.issuer.books.record(self.old_id).status.value,
            "new": self.issuer.books.record(self.new_id).status.value,
            "labels": {ref: dict(store.labels) for ref, store in self.stores.items()},
            "current": {
                ref: [key.fingerprint.digest for _, key in store.history] for ref, store in self.stores.items()
            },
            "deploys": {name: list(consumer.deploys) for name, consumer in self.fleet.items()},
            "held": {
                name: sorted(key.fingerprint.digest for key in consumer.held()) for name, consumer in self.fleet.items()
            },
        }
