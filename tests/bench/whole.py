"""A whole rotation: by the engine, by a straight script with the same calls, and as runbooks do it, by hand.

The script replays the very calls that a first rotation made on its store and its issuer, one after the other in one
process: no plan, no journal, no decisions. What the engine takes above it is orchestration.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from rotator.adapters.clock import SystemClock
from rotator.adapters.holder import ProcessHolder
from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.journal.sql import SqlJournal
from rotator.adapters.store.aws import AwsSecretStore
from rotator.core import plan as plans
from rotator.engine import Run, Yes, advance
from rotator.model.config import (
    AnthropicConfig,
    AwsSecretRef,
    CommandDeploy,
    CommandWatch,
    Consumer,
    Credential,
    Drain,
    Pings,
    Playbook,
)
from rotator.model.decision import Exit, Stop
from rotator.model.keys import KeyText, Label
from rotator.model.measure import Instance
from rotator.opening import open_rotation
from rotator.session import Session
from rotator.steps import Ports
from tests.bench.by_hand import aws_command, runbook
from tests.bench.measure import Figure, compared, in_turns, timed
from tests.bench.places import FIELD, REGION, Places, places

_NOW: Final = timedelta()
PLAYBOOK: Final = Playbook(
    name="bench",
    why="The order and the gates of standard, and no waits.",
    adopt_patience=_NOW,
    pings=Pings(count=3, interval=_NOW, patience=_NOW, inference=True),
    waves="ordered",
    deploy_timeout=timedelta(seconds=30),
    observe_interval=timedelta(milliseconds=1),
    observe_timeout=timedelta(seconds=30),
    drain=Drain(quiet_for=_NOW, lag=_NOW, unproven="accept"),
    soak=_NOW,
    approve_disable="ask",
    approve_archive="ask",
    reenable="auto",
    deadline=timedelta(hours=1),
)
_YES: Final = Yes(by="bench", reason="a measurement")


@dataclass(slots=True)
class Consuming:
    """One instance that holds the new key the moment that it is deployed."""

    store: AwsSecretStore
    holds: str = ""

    def deploy(self, token: str, timeout: timedelta) -> None:
        current = self.store.read(Label.CURRENT)
        if current is None or current.key is None:
            raise RuntimeError("the secret has no key")
        self.holds = current.key.fingerprint.digest

    def observe(self) -> Sequence[Instance]:
        return [Instance(id="one", fingerprint=self.holds)]


Call = tuple[str, str, tuple[Any, ...], dict[str, Any]]
"""Of whom, what, with what."""


@dataclass(slots=True)
class Recorded:
    """Stands before an adapter and notes what it is asked."""

    name: str
    inner: Any
    calls: list[Call] = field(default_factory=list)

    def __getattr__(self, method: str) -> Any:
        found = getattr(self.inner, method)
        if not callable(found):
            return found

        def noted(*words: Any, **named: Any) -> Any:
            self.calls.append((self.name, method, words, named))
            return found(*words, **named)

        return noted


class Bench:
    """Two secrets: one for the engine, one for the script. Each rotation goes on where the last one ended.

    All are in one journal, each in a log of its own: nobody rotates a key fifty times in a minute.
    """

    def __init__(self, where: Places, folder: Path) -> None:
        self.where = where
        self.folder = folder

    def engine(self, secret: str, calls: list[Call] | None = None) -> Callable[[], None]:
        """A whole rotation, made ready: from the key that a person pasted to the archive of the old one."""
        return partial(self._rotate, secret, self.where.console.new_key("new"), calls)

    def _rotate(self, secret: str, key: KeyText, calls: list[Call] | None) -> None:
        clock, store, issuer = SystemClock(), self._store(secret), self._issuer()
        if calls is not None:
            store, issuer = Recorded("store", store, calls), Recorded("issuer", issuer, calls)
        consumer = Consuming(store)
        ref = str(AwsSecretRef(REGION, secret, FIELD))
        ports = Ports(
            clock=clock,
            issuer=issuer,
            stores={ref: store},
            watchers={"api": consumer},
            deployers={"api": consumer},
            probes={},
        )
        plan = plans.build(_credential(secret), PLAYBOOK, first=False, managed=True)
        journal = SqlJournal(f"sqlite:///{self.folder}/engine.db")
        session = Session(journal, clock, ProcessHolder(), f"bench-{key.fingerprint.digest}")
        with session:
            open_rotation(session, ports, plan, "bench")
            end = advance(session, ports, Run(by="bench", key=key, stay=None, yes={"disable": _YES, "archive": _YES}))
        if not isinstance(end, Stop) or end.exit is not Exit.DONE:
            raise RuntimeError(f"the rotation ended otherwise: {end}")

    def script(self, secret: str, calls: Sequence[Call]) -> Callable[[], None]:
        """The same calls on another secret, made ready: what stands for what is looked up before the clock runs."""
        meant = self._meanings(secret, calls)
        ready = [
            (who, what, [_as(word, meant) for word in words], {name: _as(word, meant) for name, word in named.items()})
            for who, what, words, named in calls
        ]

        def play() -> None:
            adapters = {"store": self._store(secret), "issuer": self._issuer()}
            for who, what, words, named in ready:
                getattr(adapters[who], what)(*words, **named)

        return play

    def _meanings(self, secret: str, calls: Sequence[Call]) -> dict[Any, Any]:
        """Recorded words → this time's: keys, fingerprints, ids of versions and of records."""
        import uuid

        current = self._store(secret).read(Label.CURRENT)
        if current is None or current.key is None:
            raise RuntimeError("the secret has no key")
        key = self.where.console.new_key("new")
        staged = next(words for _, what, words, _ in calls if what == "stage")
        promoted = next(words for _, what, words, _ in calls if what == "promote")
        pinged = [words[0] for _, what, words, _ in calls if what == "ping"]
        old = next(text for text in pinged if text != staged[1])
        meant: dict[Any, Any] = {
            staged[0]: str(uuid.uuid4()),
            staged[1]: key,
            promoted[1]: current.id,
            old: current.key,
            staged[1].fingerprint: key.fingerprint,
            old.fingerprint: current.key.fingerprint,
        }
        issuer = self._issuer()
        for before, after in ((staged[1], key), (old, current.key)):
            ours, theirs = issuer.find(before.fingerprint), issuer.find(after.fingerprint)
            if ours is not None and theirs is not None:
                meant[ours.id] = theirs.id
        return meant

    def _store(self, secret: str) -> Any:
        return AwsSecretStore(AwsSecretRef(REGION, secret, FIELD), client=self.where.client)

    def _issuer(self) -> Any:
        admin: KeyText = self.where.console.admin_key
        return AnthropicIssuer(admin_key=lambda: admin, clock=SystemClock(), base_url=self.where.console.url)


def _as(word: Any, meant: Mapping[Any, Any]) -> Any:
    return [_as(each, meant) for each in word] if isinstance(word, list) else meant.get(word, word)


def _credential(secret: str) -> Credential:
    consumer = Consumer(
        name="api",
        watch=CommandWatch(observe=("x",)),
        cadence=timedelta(milliseconds=1),
        deploy=CommandDeploy(command=("x",)),
    )
    return Credential(
        name="bench", issuer=AnthropicConfig(), secrets=(AwsSecretRef(REGION, secret, FIELD),), consumers=(consumer,)
    )


def figures(folder: Path, rounds: int, skipped: list[str]) -> list[Figure]:
    with places(folder) as where:
        bench = Bench(where, folder)
        calls: list[Call] = []
        ours, theirs, hand = where.secret(), where.secret(), where.secret()
        bench.engine(ours, calls)()
        cpu: dict[str, list[float]] = {"whole rotation, CPU": [], "straight script, CPU": []}

        def both(name: str, run: Callable[[], None]) -> float:
            began = time.process_time()
            wall = timed(run)
            cpu[f"{name}, CPU"].append(time.process_time() - began)
            return wall

        found = in_turns(
            rounds * 3,  # cheap, and each waits for some two dozen syncs of the disk
            {
                "whole rotation": lambda: both("whole rotation", bench.engine(ours)),
                "straight script": lambda: both("straight script", bench.script(theirs, calls)),
            },
        )
        made = [
            compared(found, "whole rotation", "straight script", most=1.3),
            compared(cpu, "whole rotation, CPU", "straight script, CPU"),
        ]
        print(f"the straight script makes {len(calls)} calls", file=sys.stderr)
        aws = aws_command()
        if aws is None:
            skipped.append("the runbook: the AWS command line or curl is not installed here")
            return made
        by_hand = in_turns(
            max(rounds // 2, 3),
            {
                "runbook: aws and curl": lambda: timed(runbook(where, aws, hand)),
                "whole rotation": lambda: timed(bench.engine(ours)),
            },
        )
        return [*made, compared(by_hand, "runbook: aws and curl", "whole rotation", least=5)]
