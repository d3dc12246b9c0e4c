"""A simulated consumer: its instances, its rollouts, and a watcher that may lie about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import KeyText
from rotator.model.measure import Cause, Instance, Ping, Verdict
from rotator.sandbox.clock import VirtualClock
from rotator.sandbox.sim.scenario import SimulatedConsumer

_HISTORY: Final = 64
"""How many past states a lagging watcher can look back on."""


@dataclass(slots=True)
class Running:
    """One instance. `since`: when it took up the key that it holds; `ends`: when it is gone, if it is going."""

    id: str
    key: KeyText
    since: datetime
    ends: datetime | None = None


class SimulatedFleet:
    """Watcher, deployer and probe of one consumer, without threads: rollouts happen while the clock passes."""

    def __init__(
        self,
        spec: SimulatedConsumer,
        secret: str,
        clock: VirtualClock,
        read: Callable[[], KeyText],
        works: Callable[[KeyText], bool],
        changed: Callable[[], None],
        met: Counter[str],
    ) -> None:
        self.spec = spec
        self.name = spec.config.name
        self.secret = secret
        """The reference of the secret that it reads."""
        self.lie: str | None = None
        """The watcher's trouble of the moment: lags, flaps, pessimist, optimist, blind, empty."""
        self.lied = False
        """It has claimed, at least once, that instances hold a key which they do not."""
        self.lag = timedelta()
        self.stuck = False
        self.fail_next = False
        self.tokens: list[str] = []
        """The token of every deploy that took effect, repeats included."""
        self.deployed_at: datetime | None = None
        self._clock, self._read, self._works, self._changed, self._met = clock, read, works, changed, met
        self._looks = 0
        self._born = 0
        now = clock.now()
        self.running = [self._start(read(), now) for _ in range(spec.instances)]
        self._past: list[tuple[datetime, list[Instance]]] = [(now, self._truth())]

    # What stands at the ports

    def observe(self) -> Sequence[Instance]:
        self._looks += 1
        _, truth = self._past[-1]  # every change of it is noted
        match self.lie:
            case "blind":
                raise Unreachable(f"{self.name} cannot be observed")
            case "empty":
                return []
            case "lags":
                then = self._clock.now() - self.lag
                return next((seen for at, seen in reversed(self._past) if at <= then), self._past[0][1])
            case "flaps":
                return [self._unknown(one) if (self._looks + n) % 3 == 0 else one for n, one in enumerate(truth)]
            case "pessimist":
                return [self._unknown(truth[0]), *truth[1:]] if truth else truth
            case "optimist":
                current = self._read().fingerprint.digest
                self.lied = self.lied or any(one.fingerprint != current for one in truth)
                return [Instance(id=one.id, fingerprint=current, since=one.since) for one in truth]
            case _:
                return truth

    def deploy(self, token: str, timeout: timedelta) -> None:
        """Replace the instances, one every `pace` seconds; as a rollout it goes on after a time-out."""
        if self.fail_next:
            self.fail_next = False
            self._met["rollout fails"] += 1
            raise Refused(f"the deploy of {self.name} failed: exit status 1", f"rotate resume {self.name}")
        self.tokens.append(token)
        now = self._clock.now()
        self.deployed_at = now
        pace = timedelta(seconds=self.spec.pace)
        going = [one for one in self.running if one.ends is None]
        if self.stuck:
            self._met["rollout stuck"] += 1
            return
        if self.spec.linger:
            self._met["rollout leaves instances terminating"] += 1
        if not pace:
            self._met["rollout at once"] += 1
            self._replace(going)
            return
        self._met["rollout slow"] += 1
        for number, one in enumerate(going, start=1):
            self._clock.at(now + number * pace, partial(self._replace, [one]))
        takes = len(going) * pace
        if takes > timeout:
            self._met["rollout outlasts its time-out"] += 1
            self._clock.sleep(timeout)
            raise Unreachable(f"the deploy of {self.name} outlasted {timeout}")
        self._clock.sleep(takes)

    def measure(self) -> Ping:
        """One call through every instance; the first that is refused is the answer."""
        if not self.running:
            return Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why=f"{self.name} has no instance")
        for one in self.running:
            if not self._works(one.key):
                why = f"{one.id} was refused"
                return Ping(verdict=Verdict.FAILED, cause=Cause.UNAUTHENTICATED, why=why)
        return Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="it answered")

    # What happens to it

    def secret_changed(self) -> None:
        """Hot instances take the new current key up, some time later."""
        if self.spec.kind == "hot":
            self._clock.at(self._clock.now() + timedelta(seconds=self.spec.reload_after), self._reload)

    def restart(self) -> None:
        """A person restarts everything, and sees to it that it really does."""
        self.stuck = False
        self._replace([one for one in self.running if one.ends is None])

    def appear(self, key: KeyText, excused: set[str]) -> None:
        """An instance that slept through everything wakes up with the key that it once read: nobody could know."""
        self.running.append(self._start(key, self._clock.now()))
        excused.add(self.running[-1].id)
        self._note()

    def scale(self, more: int) -> None:
        """New instances read what is current; fewer: the first ones go."""
        if more > 0:
            self.running += [self._start(self._read(), self._clock.now()) for _ in range(more)]
        else:
            del self.running[: min(-more, len(self.running) - 1)]
        self._note()

    def _reload(self) -> None:
        if self.stuck:
            return
        self._met["reload by itself"] += 1
        current, now = self._read(), self._clock.now()
        for one in self.running:
            if one.ends is None and one.key != current:
                one.key, one.since = current, now
        self._note()

    def _replace(self, going: Sequence[Running]) -> None:
        now, linger = self._clock.now(), timedelta(seconds=self.spec.linger)
        fresh = [one for one in going if one.ends is None and one in self.running]
        for one in fresh:
            one.ends = now + linger
        self.running += [self._start(self._read(), now) for _ in fresh]
        if linger:
            self._clock.at(now + linger, self._bury)
        self._bury()

    def _bury(self) -> None:
        now = self._clock.now()
        self.running = [one for one in self.running if one.ends is None or one.ends > now]
        self._note()

    def _note(self) -> None:
        self._past.append((self._clock.now(), self._truth()))
        del self._past[:-_HISTORY]
        self._changed()

    def _start(self, key: KeyText, now: datetime) -> Running:
        self._born += 1
        return Running(f"{self.name}-{self._born}", key, now)

    def _truth(self) -> list[Instance]:
        return [
            Instance(id=one.id, fingerprint=one.key.fingerprint.digest, since=one.since, terminating=bool(one.ends))
            for one in self.running
        ]

    def _unknown(self, one: Instance) -> Instance:
        return Instance(id=one.id, fingerprint=None, since=one.since, terminating=one.terminating)
