"""One `rotate` command as a process of its own: run, struck, waited for."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rotator.model.keys import KeyText
from rotator.sandbox.soak.disturbance import CALM, Blow, Meanwhile, Plan
from rotator.sandbox.soak.ground import OUTPUTS, Ground, rotate
from rotator.sandbox.soak.instants import inside, instant
from rotator.sandbox.soak.leaks import exposed
from rotator.sandbox.soak.tally import Tally
from rotator.sandbox.world_files import CREDENTIAL

LONGEST: Final = 300.0  # seconds that one command may take: usage by the minute takes up to four minutes of them
_LOOK: Final = 0.01  # seconds
_LEASE: Final = 45.0  # seconds: a lease that ends later is not waited for
_BUG: Final = 1
_SIGNALS: Final = {Blow.INTERRUPT: signal.SIGINT, Blow.TERMINATE: signal.SIGTERM}


class Ended(Exception):
    """Somebody ended the soak."""


@dataclass(slots=True)
class _Running:
    name: str
    process: subprocess.Popen[bytes]
    err: Path


class Commands:
    """Runs commands on the ground, counts what happens to them, remembers which processes were struck.

    `ending`: once it is set, everything here raises `Ended`; `close` leaves no process behind.
    """

    def __init__(self, ground: Ground, tally: Tally, ending: threading.Event) -> None:
        self._ground, self._tally, self._ending = ground, tally, ending
        self._numbers = itertools.count(1)
        self._alive: list[subprocess.Popen[bytes]] = []
        self.struck: set[int] = set()
        self.known: set[int] = set()

    def run(self, words: list[str], key: KeyText | None, plan: Plan = CALM) -> tuple[int, str]:
        """The exit code (negative: a signal's), and what it printed."""
        before = self._ground.ledger.seq()
        self._blow_up(plan)
        running = self._start(words, key)
        twin = self._start(words, key) if plan.twin else None
        began = time.monotonic()
        due = self._due(plan, running.process.pid, before)

        def ready() -> bool:
            if time.monotonic() - began > plan.storm:
                self._calm()
            return due()

        if plan.blow is not None:
            if self._until(running, ready):
                self._strike(running, plan, words, key)
            else:
                plan.missed()
        self._until(running, lambda: time.monotonic() - began > plan.storm and self._calm())
        self._calm()
        code = self._end(running)
        if twin is not None:
            self._end(twin)
        return code, (self._ground.directory / OUTPUTS / f"{running.err.stem}.out").read_text(errors="replace")

    def close(self) -> None:
        for process in self._alive:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _blow_up(self, plan: Plan) -> None:
        self._ground.weather(plan.weather, plan.server)
        self._ground.refuse(plan.refused)
        self._tally.counts["twins"] += plan.twin
        self._tally.counts["storms"] += plan.storm > 0
        for server in self._ground.proxies if plan.refused else ():
            self._tally.met[f"refused at {server}"] += 1

    def _due(self, plan: Plan, pid: int, before: int) -> Callable[[], bool]:
        """Whether it is time for the blow. To come up takes seconds on a busy machine: that is not its work."""
        ledger, anywhere = self._ground.ledger, plan.effect is None and plan.events is None
        works = time.monotonic() if anywhere else None
        reached: float | None = None

        def due() -> bool:
            nonlocal works, reached
            now = time.monotonic()
            if works is None and ledger.lease_pid() == pid:
                works = now
            if reached is None and (
                (plan.effect is not None and inside(ledger.last(), pid, plan.effect))
                or (plan.events is not None and ledger.seq() - before >= plan.events)
            ):
                reached = now
            late = works is not None and now - works >= plan.seconds
            return late or (reached is not None and now - reached >= plan.late)

        return due

    def _start(self, words: list[str], key: KeyText | None) -> _Running:
        stem = self._ground.directory / OUTPUTS / f"{next(self._numbers):05d}-{words[0]}"
        out, err = stem.with_suffix(".out"), stem.with_suffix(".err")
        with out.open("wb") as told, err.open("wb") as talk:
            process = subprocess.Popen(
                rotate(*words),
                stdin=subprocess.PIPE,
                stdout=told,
                stderr=talk,
                env=self._ground.environment(),
                process_group=0,
            )
        self.known.add(process.pid)
        self._alive = [other for other in self._alive if other.poll() is None] + [process]
        with contextlib.suppress(BrokenPipeError):
            assert process.stdin is not None  # noqa: S101 - asked for above
            process.stdin.write(f"{key.reveal()}\n".encode() if key else b"")
            process.stdin.close()
        return _Running(words[0], process, err)

    def _until(self, running: _Running, ready: Callable[[], object]) -> bool:
        """Wait for `ready`; False where the process ended before, or overstayed."""
        deadline = time.monotonic() + LONGEST
        while running.process.poll() is None and time.monotonic() < deadline:
            if ready():
                return True
            self._pause(_LOOK)
        return False

    def _pause(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise Ended

    def _calm(self) -> bool:
        self._ground.weather()
        self._ground.refuse(False)
        return True

    def _strike(self, running: _Running, plan: Plan, words: list[str], key: KeyText | None) -> None:
        process = running.process
        self.struck.add(process.pid)
        for found in exposed(process.pid, self._ground.keys):
            self._tally.find("law_violations", found)
        assert plan.blow is not None  # noqa: S101 - only then it is time
        self._tally.met[f"{plan.blow.value} in {running.name}"] += 1
        match plan.blow:
            case Blow.KILL:
                where = instant(self._ground.ledger, process.pid, running.name)
                process.kill()
                self._tally.counts["kills"] += 1
                self._tally.killed[where] += 1
            case Blow.STOP:
                process.send_signal(signal.SIGSTOP)
                self._tally.counts["stops"] += 1
                try:
                    self._meanwhile(plan, words, key)
                finally:
                    process.send_signal(signal.SIGCONT)
            case Blow.INTERRUPT | Blow.TERMINATE:
                process.send_signal(_SIGNALS[plan.blow])
                self._tally.counts["interrupts"] += 1

    def _meanwhile(self, plan: Plan, words: list[str], key: KeyText | None) -> None:
        self._pause(plan.stopped)
        self._calm()
        ends, what = self._ground.ledger.lease_ends(), plan.meanwhile
        if what is Meanwhile.LEASE and ends is not None:
            left = (ends - datetime.now(UTC)).total_seconds()
            self._pause(max(0.0, left + 0.5) if left < _LEASE else 0.0)
            what = Meanwhile.SAME
            self._tally.counts["takeovers"] += left < _LEASE
        if what is Meanwhile.UNLOCK:
            yes = ["--by", "soak", "--reason", "its laptop is closed"]
            code, _ = self.run(["unlock", CREDENTIAL, *yes], None)
            self._tally.counts["takeovers"] += code == 0
        if what is not Meanwhile.NOTHING:
            self.run(words, key)

    def _end(self, running: _Running) -> int:
        """Its exit code. A process that overstays is killed, and counted."""
        self._until(running, lambda: False)
        if running.process.poll() is None:
            self._tally.find("hung", f"{running.err.stem} did not end within {LONGEST:g} seconds")
            running.process.kill()
        code = running.process.wait()
        self._tally.codes[f"{running.name} {code}"] += 1
        said = running.err.read_text(errors="replace")
        if code == _BUG or "Traceback" in said:
            self._tally.find("bugs", f"{running.err.stem}: exit {code}: {' / '.join(said.strip().splitlines()[-3:])}")
        return code
