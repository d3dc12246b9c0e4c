"""Consumers in memory, under a virtual clock: for crash and simulation tests. Deterministic, no threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rotator.model.errors import OutsideError, Unreachable
from rotator.model.keys import KeyText
from rotator.model.measure import Cause, Instance, Ping, Verdict
from rotator.ports import Clock


@dataclass(slots=True)
class Process:
    """One instance. `ends`: when it is gone; None: it stays."""

    id: str
    key: KeyText | None
    since: datetime
    ends: datetime | None = None


def _said(key: KeyText | None) -> str | None:
    return key.fingerprint.digest if key else None


class MemoryConsumer:
    """Watcher, Deployer and Probe of one consumer.

    `boot` instances read the key when they start, so only `deploy` changes it; `hot` ones read it again by themselves,
    at every look, or `reload_after` a change at the earliest. `ping` asks the issuer about a key, as their calls would.

    Knobs, to be set at any time: `stuck` (a deploy or reload keeps the old key), `unknown` (that many instances cannot
    say), `lies` (observation claims the current key, whatever is held), `linger` (how long replaced instances go on
    terminating, with the old key), `deploy_error` (raised once by the next deploy, before anything happens),
    `unreachable` (observation raises).
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], KeyText | None],
        ping: Callable[[KeyText], Ping],
        clock: Clock,
        *,
        kind: Literal["boot", "hot"] = "boot",
        instances: int = 2,
        reload_after: timedelta = timedelta(0),
    ) -> None:
        self.name = name
        self.kind = kind
        self.deploys: list[str] = []
        """The token of every deploy that took effect, repeats included."""
        self.stuck = False
        self.unknown = 0
        self.linger = timedelta(0)
        self.deploy_error: OutsideError | None = None
        self.unreachable = False
        self.lies = False
        self._read, self._ping, self._clock = read, ping, clock
        self._size = instances
        self._reload_after = reload_after
        self._noticed: datetime | None = None
        self._generation = 0
        self._processes = self._started(read())

    def observe(self) -> Sequence[Instance]:
        if self.unreachable:
            raise Unreachable(f"{self.name} cannot be observed", "Clear the knob `unreachable`.")
        self._live()
        claimed = self._read() if self.lies else None
        return [
            Instance(
                id=process.id,
                fingerprint=_said(claimed or process.key) if number >= self.unknown else None,
                since=process.since,
                terminating=process.ends is not None,
            )
            for number, process in enumerate(self._processes)
        ]

    def deploy(self, token: str, timeout: timedelta) -> None:
        """Replace every instance. A repeat of a token restarts them once more, as a plain script would."""
        if self.deploy_error is not None:
            error, self.deploy_error = self.deploy_error, None
            raise error
        self._live()
        self.deploys.append(token)
        before = [process for process in self._processes if process.ends is None]
        held = before[0].key if before else None
        for process in before:
            process.ends = self._clock.now() + self.linger
        self._generation += 1
        self._processes += self._started(held if self.stuck else self._read())
        self._live()

    def measure(self) -> Ping:
        """One call through every live instance, terminating ones included; the first that fails is the answer."""
        self._live()
        answer: Ping | None = None
        for process in self._processes:
            if process.key is None:
                why = f"{process.id} has no key"
                return Ping(verdict=Verdict.FAILED, cause=Cause.UNAUTHENTICATED, why=why)
            answer = self._ping(process.key)
            if answer.verdict is not Verdict.PASSED:
                return answer
        why = f"{self.name} has no instance"
        return answer or Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why=why)

    def held(self) -> frozenset[KeyText]:
        """The keys that live instances would use for a call now: law 1 says that none of them is dead."""
        self._live()
        return frozenset(process.key for process in self._processes if process.key is not None)

    def _started(self, key: KeyText | None) -> list[Process]:
        now = self._clock.now()
        return [Process(f"{self.name}-{self._generation}-{number}", key, now) for number in range(self._size)]

    def _live(self) -> None:
        """Bring the processes up to now: ended ones go, hot ones may reload."""
        now = self._clock.now()
        self._processes = [process for process in self._processes if process.ends is None or process.ends > now]
        if self.kind == "hot" and not self.stuck:
            self._reload(now)

    def _reload(self, now: datetime) -> None:
        current = self._read()
        stale = [process for process in self._processes if process.key != current]
        if not stale:
            self._noticed = None
            return
        self._noticed = self._noticed or now
        if now - self._noticed >= self._reload_after:
            for process in stale:
                process.key, process.since = current, now
            self._noticed = None
