"""Worlds in which the drain gate has something to find: drawn from a seed, run to their end, and looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Literal

from rotator.core.plan import DRAIN
from rotator.model.config import Consumer, Drain, Pings, Playbook
from rotator.model.decision import Exit, Stop
from rotator.model.keys import KeyStatus, KeyText
from rotator.model.measure import Verdict
from rotator.model.rotation import Outcome
from rotator.sandbox.memory_issuer import MODEL
from rotator.sandbox.memory_traffic import Outage, Traffic
from rotator.sandbox.memory_world import MemoryWorld, consumer, quick_playbook
from rotator.sandbox.meter import Reporting
from rotator.sandbox.watched import Moment

ROUNDS = 120
"""Commands until a world must have come to its end: some hours of a person's patience."""

Trouble = Literal["none", "never reloads", "wakes up", "unlisted"]
Telemetry = Literal["well", "dead", "null", "stuck"]


@dataclass(frozen=True, slots=True)
class Variant:
    """`slow`: seconds between two calls of the rarest consumer. `linger`: how long chat's old instances go on; `blind`:
    how long nobody can tell what chat holds, so that the next wave waits. `heals`: minutes until all is put right.
    """

    seed: int
    trouble: Trouble
    telemetry: Telemetry
    legacy: bool
    slow: int
    quiet_for: int
    lag: int
    counted_after: int
    late_every: int
    linger: int
    blind: int
    heals: int


def draw(seed: int) -> Variant:
    random = Random(seed)
    lag = random.choice((60, 120, 300))
    legacy = random.random() < 0.3
    return Variant(
        seed=seed,
        trouble=random.choice(("none", "never reloads", "never reloads", "wakes up", "unlisted")),
        telemetry="well" if legacy else random.choice(("well", "well", "well", "dead", "null", "stuck")),
        legacy=legacy,
        slow=random.choice((60, 300, 900)),
        quiet_for=random.choice((60, 120, 300)),
        lag=lag,
        counted_after=random.choice((0, lag // 2)) if legacy else random.choice((0, 30, 120, 600)),
        late_every=random.choice((0, 0, 1, 3)),
        linger=random.choice((0, 0, 0, 1200)),
        blind=random.choice((0, 0, 1200)),
        heals=random.choice((30, 60, 120)),
    )


@dataclass(slots=True)
class Ended:
    """`under`: who still held the old key when it was disabled."""

    completed: bool
    outages: list[Outage]
    under: list[str]
    named: bool
    commands: int


class DrainWorld:
    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.random = Random(f"run {variant.seed}")
        slow = timedelta(seconds=variant.slow)
        # Nothing probes batch: only its own calls find out that its key is dead, and they come too late.
        chat, batch = consumer("chat"), consumer("batch", wave=2, cadence=slow, probe=None)
        self.world = MemoryWorld(playbook=self._playbook(), secrets=1, consumers=(chat, batch), hook=self._looked_at)
        self.world.issuer.books.meter.reporting = self._reporting()
        self.traffic = Traffic(self.world.clock, self.world.issuer.books, MODEL)
        self.under: list[str] = []
        self.unlisted: KeyText | None = self.world.old if variant.trouble == "unlisted" else None
        self._people(chat, batch, slow)
        self.world.clock.at(self.world.clock.now() + timedelta(minutes=variant.heals), self.heal)

    def _playbook(self) -> Playbook:
        asked = self.variant
        return quick_playbook(
            drain=Drain(
                quiet_for=timedelta(seconds=asked.quiet_for), lag=timedelta(seconds=asked.lag), unproven="refuse"
            ),
            observe_timeout=timedelta(minutes=40),
            pings=Pings(count=1, interval=timedelta(seconds=2), patience=timedelta(seconds=60), inference=True),
        )

    def _reporting(self) -> Reporting:
        asked, now = self.variant, self.world.clock.now()
        return Reporting(
            open="legacy" if asked.legacy else "both",
            lag=timedelta(seconds=asked.counted_after),
            late_every=asked.late_every,
            late_by=timedelta(seconds=asked.lag // 2),
            dead_since=now if asked.telemetry == "dead" else None,
            watermark=asked.telemetry if asked.telemetry in ("null", "stuck") else "honest",
            stuck_at=now,
        )

    def _people(self, chat: Consumer, batch: Consumer, slow: timedelta) -> None:
        """Who calls, how often. Nobody stays quiet for longer than it said, or than the quiet window."""
        fleet, trouble = self.world.fleet, self.variant.trouble
        fleet["chat"].linger = timedelta(seconds=self.variant.linger)
        fleet["chat"].unreachable = self.variant.blind > 0
        self.world.clock.at(self.world.clock.now() + timedelta(seconds=self.variant.blind), self._sees)
        fleet["batch"].stuck = fleet["batch"].lies = trouble in ("never reloads", "wakes up")
        self._calls("chat", lambda: fleet["chat"].held(), chat.cadence)
        asleep = trouble == "wakes up"
        self._calls("batch", lambda: () if asleep and not fleet["batch"].deploys else fleet["batch"].held(), slow)
        rarest = max(slow, timedelta(seconds=self.variant.quiet_for))
        self._calls("unlisted", lambda: (self.unlisted,) if self.unlisted else (), rarest)

    def _calls(self, name: str, keys: Callable[[], Iterable[KeyText]], quiet: timedelta) -> None:
        every = quiet * self.random.uniform(0.4, 0.95)
        self.traffic.calls(name, keys, every, every * self.random.random())

    def _sees(self) -> None:
        self.world.fleet["chat"].unreachable = False

    def heal(self) -> None:
        """Somebody finds out: the deploy is mended, the stranger switched off, the report works again."""
        batch = self.world.fleet["batch"]
        if batch.stuck:
            batch.stuck = batch.lies = False
            batch.deploy("by hand", timedelta(minutes=1))
        self.unlisted = None
        reporting = self.world.issuer.books.meter.reporting
        reporting.dead_since, reporting.watermark = None, "honest"

    def _looked_at(self, operation: str, moment: Moment) -> None:
        if operation == "issuer.set_status" and moment == "after" and not self.under:
            books = self.world.issuer.books
            if books.record(self.world.old_id).status is KeyStatus.INACTIVE:
                held = {name: fleet.held() for name, fleet in self.world.fleet.items()}
                self.under = [name for name, keys in held.items() if self.world.old in keys]
                self.under += ["unlisted"] if self.unlisted else []

    def run(self) -> Ended:
        end, named, commands = self.world.start(), False, 1
        for commands in range(1, ROUNDS):  # noqa: B007 - how many it took is part of the result
            rotation = self.world.session().rotation
            if rotation is None or rotation.outcome is not Outcome.OPEN:
                break
            drain = rotation.gates.get(DRAIN)
            if drain is not None and drain.measurement.verdict is Verdict.FAILED:
                named = True
                assert isinstance(end, Stop)
                assert end.exit is Exit.GATE_FAILED
            self.world.clock.advance(timedelta(seconds=self.random.choice((61, 180, 300))))
            end = self.world.go_on()
        rotation = self.world.session().rotation
        completed = rotation is not None and rotation.outcome is Outcome.COMPLETED
        return Ended(completed, self.traffic.outages, self.under, named, commands)
