"""The keys of a simulated world: who made them, whether they work, and who took them away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rotator.model.keys import Fingerprint, KeyStatus, KeyText
from rotator.sandbox.clock import VirtualClock
from rotator.sandbox.memory_issuer import MemoryIssuer
from rotator.sandbox.sim.laws import Laws


class Keys:
    def __init__(self, issuer: MemoryIssuer, clock: VirtualClock, laws: Laws) -> None:
        self.issuer = issuer
        self.clock = clock
        self.laws = laws
        self._ids: dict[KeyText, str] = {}

    def issue(self) -> KeyText:
        """A person makes a key in the Console."""
        with self._unlimited():
            key, record = self.issuer.issue()
        self._ids[key] = record.id
        self.laws.needles.append(key.reveal()[24:48])
        return key

    @property
    def keys(self) -> tuple[KeyText, ...]:
        """All that were ever made, in that order."""
        return tuple(self._ids)

    def key_of(self, key_id: str) -> KeyText:
        return next(key for key, id in self._ids.items() if id == key_id)

    def key_with(self, fingerprint: Fingerprint) -> KeyText:
        return next(key for key in self._ids if key.fingerprint == fingerprint)

    def status(self, key: KeyText) -> KeyStatus:
        return self.issuer.books.record(self._ids[key]).status

    def works(self, key: KeyText) -> bool:
        caller = self.issuer.books.caller(key.reveal())
        return caller is not None and caller.honoured

    def set_status(self, key: KeyText, status: KeyStatus, *, tool: bool = False) -> None:
        """Somebody changes a key in the Console, or it changes by itself. Limits do not bind them."""
        with self._unlimited():
            self.issuer.books.change(self._ids[key], status=status)
        self.status_changed(key, tool=tool)

    @contextmanager
    def _unlimited(self) -> Iterator[None]:
        books = self.issuer.books
        limit, books.organization_limit = books.organization_limit, None
        yield
        books.organization_limit = limit

    def status_changed(self, key: KeyText, *, tool: bool) -> None:
        if self.status(key) is KeyStatus.ACTIVE:
            self.laws.by_tool.pop(key, None)
            self.laws.died_at.pop(key, None)
        elif key not in self.laws.by_tool:
            self.laws.by_tool[key] = tool
            self.laws.died_at[key] = self.clock.now()
