"""One `rotate` command as a process of its own: run, struck, waited for."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rotator.model.keys import KeyText
from rotator.sandbox.soak.disturbance import CALM, Blow, Meanwhile, Plan
from rotator.sandbox.soak.ground import OUTPUTS, Ground, rotate
from rotator.sandbox.soak.leaks import exposed
from rotator.sandbox.soak.tally import Tally
from rotator.sandbox.world_files import CREDENTIAL

LONGEST: Final = 150.0  # seconds that one command may take: its own bounds are well below
_LOOK: Final = 0.01  # seconds
_LEASE: Final = 45.0  # seconds: a lease that ends later is not waited for
_BUG: Final = 1
_SIGNALS: Final = {Blow.INTERRUPT: signal.SIGINT, Blow.TERMINATE: signal.SIGTERM}


@dataclass(slots=True)
class _Running:
    name: str
    process: subprocess.Popen[bytes]
    err: Path


class Commands:
    """Runs commands on the ground, counts what happens to them, remembers which processes were struck."""

    def __init__(self, ground: Ground, tally: Tally) -> None:
        self._ground, self._tally = ground, tally
        self._numbers = itertools.count(1)
        self.struck: set[int] = set()
        self.known: set[int] = set()

    def run(self, words: list[str], key: KeyText | None, plan: Plan = CALM) -> tuple[int, str]:
        """The exit code (negative: a signal's), and what it printed."""
        before = self._ground.ledger.seq()
        self._ground.weather(plan.weather)
        self._ground.refuse(plan.refused)
        running = self._start(words, key)
        twin = self._start(words, key) if plan.twin else None
        self._tally.counts["twins"] += plan.twin
        self._tally.counts["storms"] += plan.storm > 0
        began = time.monotonic()

        def due() -> bool:
            since = time.monotonic() - began
            if since > plan.storm:
                self._calm()
            events = self._ground.ledger.seq() - before if plan.blow and plan.events is not None else 0
            return since >= plan.seconds or (plan.events is not None and events >= plan.events)

        if self._until(running, due) and plan.blow is not None:
            self._strike(running, plan, words, key)
        self._until(running, lambda: time.monotonic() - began > plan.storm and self._calm())
        self._calm()
        code = self._end(running)
        if twin is not None:
            self._end(twin)
        return code, (self._ground.directory / OUTPUTS / f"{running.err.stem}.out").read_text(errors="replace")

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
            time.sleep(_LOOK)
        return False

    def _calm(self) -> bool:
        self._ground.weather()
        self._ground.refuse(False)
        return True

    def _strike(self, running: _Running, plan: Plan, words: list[str], key: KeyText | None) -> None:
        process = running.process
        self.struck.add(process.pid)
        for found in exposed(process.pid, self._ground.keys):
            self._tally.find("law_violations", found)
        match plan.blow:
            case Blow.KILL:
                last = self._ground.ledger.last()
                process.kill()
                self._tally.counts["kills"] += 1
                self._tally.killed_after[
                    str(last) if last and self._ground.ledger.open() else "before it was opened"
                ] += 1
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
        time.sleep(plan.stopped)
        self._calm()
        ends, what = self._ground.ledger.lease_ends(), plan.meanwhile
        if what is Meanwhile.LEASE and ends is not None:
            left = (ends - datetime.now(UTC)).total_seconds()
            time.sleep(max(0.0, left + 0.5) if left < _LEASE else 0.0)
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
        if not self._until_exit(running):
            self._tally.find("hung", f"{running.err.stem} did not end within {LONGEST:g} seconds")
            running.process.kill()
        code = running.process.wait()
        self._tally.codes[f"{running.name} {code}"] += 1
        said = running.err.read_text(errors="replace")
        if code == _BUG or "Traceback" in said:
            self._tally.find("bugs", f"{running.err.stem}: exit {code}: {' / '.join(said.strip().splitlines()[-3:])}")
        return code

    def _until_exit(self, running: _Running) -> bool:
        try:
            running.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            return False
        return True
