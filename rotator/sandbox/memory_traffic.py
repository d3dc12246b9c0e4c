"""Calls that consumers in memory make, under a virtual clock: counted by the meter, remembered where they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.model.keys import KeyText
from rotator.sandbox.anthropic_books import Books
from rotator.sandbox.clock import VirtualClock


@dataclass(frozen=True, slots=True)
class Outage:
    """A call that was refused: what every law is there to prevent."""

    at: datetime
    caller: str


@dataclass(slots=True)
class Traffic:
    """Every caller of one world."""

    clock: VirtualClock
    books: Books
    model: str
    outages: list[Outage] = field(default_factory=list)

    def calls(
        self, name: str, keys: Callable[[], Iterable[KeyText]], every: timedelta, first: timedelta = timedelta()
    ) -> None:
        """From `first` on, and then every `every`, one call with each of the keys that the caller holds at that time.

        No key: it is gone, or sleeps, and makes none.
        """

        def call() -> None:
            for key in sorted(keys(), key=lambda key: key.fingerprint.digest):
                self._one(name, key)
            self.clock.at(self.clock.now() + every, call)

        self.clock.at(self.clock.now() + first, call)

    def _one(self, name: str, key: KeyText) -> None:
        caller = self.books.caller(key.reveal())
        if caller is None or not caller.honoured:
            self.outages.append(Outage(self.clock.now(), name))
        else:
            self.books.meter.count(caller.key_id, self.clock.now(), self.model, caller.workspace)
