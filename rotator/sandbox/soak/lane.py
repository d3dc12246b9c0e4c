"""One world of the soak, and rotation after rotation in it."""

from __future__ import annotations

import random
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rotator.sandbox.instances import Spec
from rotator.sandbox.soak.command import Commands, Ended
from rotator.sandbox.soak.disturbance import Dealer, Draw
from rotator.sandbox.soak.drive import Course, Courses, Driver
from rotator.sandbox.soak.ground import FLEET, Ground
from rotator.sandbox.soak.judge import Judge
from rotator.sandbox.soak.leaks import leaks
from rotator.sandbox.soak.places import Store
from rotator.sandbox.soak.tally import Tally
from rotator.sandbox.soak.watch import Watch


class Lane(threading.Thread):
    """Rotates until so many of its processes were `kills`, or it is `late`; always to the last rotation's end."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        *,
        kills: int,
        seed: int,
        ending: threading.Event,
        late: Callable[[], bool] = lambda: False,
        fleet: Sequence[Spec] = FLEET,
        drawn: Draw | None = None,
        courses: Callable[[random.Random], Course] | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        super().__init__(name=f"soak-{store}", daemon=True)
        self.store, self.tally = store, Tally()
        self._directory, self._kills, self._ending, self._late = directory, kills, ending, late
        self._ground = Ground(directory, seed, store, fleet)
        self._source = random.Random(f"{seed} {store}")
        self._drawn, self._courses, self._tell = drawn or Dealer(), courses or Courses(), tell

    def run(self) -> None:
        try:
            self._soak()
        except Ended:
            pass
        except Exception as error:  # a lane that died unseen would find nothing, and call that a pass
            self.tally.find("bugs", f"the soak itself: {type(error).__name__}: {error}: {_where(error)}")
        for found in leaks(self._directory, self._ground.keys):
            self.tally.find("law_violations", found)

    def _soak(self) -> None:
        with self._ground as ground, Watch(ground, self.tally) as watch:
            commands = Commands(ground, self.tally, self._ending)
            driver = Driver(commands, ground.ledger, self.tally, self._source, self._drawn, ground.leak)
            judge = Judge(ground, commands, watch, self.tally)
            try:
                self._rotate(driver, judge)
            finally:
                commands.close()
                self._count()

    def _rotate(self, driver: Driver, judge: Judge) -> None:
        used, leaked = self._ground.world.old_key, False
        while not self._enough() and not self._late() and not self.tally.bad["unfinished"]:
            course, new = self._courses(self._source), self._ground.new_key()
            course = replace(course, leaked=course.leaked or leaked)  # once leaked, the tool takes no other playbook
            self._ground.let_usage_be_read(course.usage)
            ended = driver.rotate(new, course, self._enough)
            self.tally.counts["rotations"] += 1
            self.tally.counts[ended] += 1
            self.tally.met[f"{ended} on {self.store}"] += 1
            self.tally.met[f"{ended} after a leak on {self.store}"] += course.leaked
            if ended == "unfinished":
                self.tally.find(
                    "unfinished", f"rotation {self.tally.counts['rotations']}: {self._ground.ledger.last()}"
                )
            judge.rotation_over(ended, used, new, course)
            used = new if ended == "completed" else used
            leaked = course.leaked and ended != "completed"
            self._tell(f"{self.store:<6}{ended:<12}{course!s:<24}")

    def _enough(self) -> bool:
        return self.tally.counts["kills"] >= self._kills

    def _count(self) -> None:
        traffic = self._ground.world.traffic()
        self.tally.requests, self.tally.failed_requests = traffic.requests, traffic.failed
        for failure in traffic.failures:
            self.tally.find("law_violations", f"law 1: {failure.at:%H:%M:%S} {failure.instance}: {failure.what}")
        for server, proxy in self._ground.proxies.items():
            for fault, count in proxy.met.items():
                self.tally.met[f"{fault.value} at {server}"] += count


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
