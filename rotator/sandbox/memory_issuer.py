"""An Issuer in memory, under any clock: the sandbox's books without the server. For simulations and unit tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from rotator.core.hygiene import sendable
from rotator.core.key_records import choose, confirm, needs_change, unmanaged
from rotator.model.errors import Refused
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus, KeyText
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.usage import MINUTE, Minute, Reading, Source, Unread, Usage
from rotator.ports import Clock
from rotator.sandbox.anthropic_books import Books, Denied, Draw
from rotator.sandbox.anthropic_models import MODELS
from rotator.sandbox.meter import Cell

MODEL = next(model.id for model in MODELS if model.line == "haiku")


class MemoryIssuer:
    """Deterministic where `draw` is: no threads, no time but the clock's.

    `calls`: every call as (verb, fingerprint or key id[, status]). `before`: called first with the same words; may
    raise what an adapter raises, or change the world. `disturb`: answers a ping in place of the books, if not None.
    """

    def __init__(self, clock: Clock, *, draw: Draw = secrets.choice, books: Books | None = None) -> None:
        self.books = books or Books(clock.now, draw=draw)
        self.manages = True
        self._read: Usage | None = None
        self._named: dict[str, datetime] = {}
        self.calls: list[tuple[str, ...]] = []
        self.before: Callable[[tuple[str, ...]], None] = _nothing
        self.disturb: Callable[[KeyText], Ping | None] = _undisturbed

    def issue(
        self, text: str | None = None, *, name: str = "key", workspace: str | None = None
    ) -> tuple[KeyText, KeyRecord]:
        """What a person does in the Console: make a key. `text` None: a random one."""
        return self.books.issue(name, workspace=workspace, text=text)

    def ping(self, key: KeyText, *, inference: bool, model: str | None = None) -> Ping:
        self._note("ping", str(key.fingerprint))
        disturbed = self.disturb(key)
        if disturbed is not None:
            return disturbed
        if not sendable(key):
            return Ping(verdict=Verdict.FAILED, cause=Cause.MALFORMED, why="The key cannot be sent: it is malformed.")
        caller = self.books.caller(key.reveal())
        request_ids = (f"req_{len(self.calls)}",)
        accepted = caller is not None and caller.honoured and not caller.admin
        self.books.count(caller.key_id if caller else None, accepted)
        if caller is None or not accepted:
            why = "Anthropic does not accept the key (401 authentication_error)."
            return Ping(verdict=Verdict.FAILED, cause=Cause.UNAUTHENTICATED, why=why, request_ids=request_ids)
        wanted = model or MODEL
        if inference and (caller.key_id, wanted) in self.books.closed_models:
            why = f"Anthropic accepts the key, but {wanted} is not open to it."
            return Ping(verdict=Verdict.FAILED, cause=Cause.FORBIDDEN, why=why, request_ids=request_ids, model=wanted)
        if inference:
            self.books.meter.count(caller.key_id, self.books.now(), wanted, caller.workspace)
        return Ping(
            verdict=Verdict.PASSED,
            cause=Cause.ACCEPTED,
            why="Anthropic accepts the key.",
            request_ids=request_ids,
            organization=caller.organization,
            workspace=caller.workspace,
            model=wanted if inference else None,
            models=() if model else _LISTED,
        )

    def usage(self, key_ids: Sequence[str], since: datetime) -> Reading:
        self._note("usage", *key_ids)
        now, meter = self.books.now(), self.books.meter
        if not self.manages or meter.reporting.open == "none":
            return Unread("this sandbox lets nobody read usage")
        self._named |= dict.fromkeys(key_ids, since)
        if self._read is not None and now - self._read.read_at < MINUTE:
            return self._read
        legacy = meter.reporting.open == "legacy"
        each, since = TOKENS if legacy else 1, min(self._named.values())
        minutes = {id: _minutes(meter.table({id}, since, now + MINUTE, now), each) for id in self._named}
        self._read = Usage(
            source=Source.LEGACY if legacy else Source.ANALYTICS,
            since=since,
            read_at=now,
            complete_until=None if legacy else meter.reporting.refreshed_at(now),
            minutes=minutes,
            request_ids=(f"req_{len(self.calls)}",),
        )
        return self._read

    def find(self, fingerprint: Fingerprint, key_id: str | None = None) -> KeyRecord | None:
        self._note("find", str(fingerprint))
        if not self.manages:
            return None
        if key_id is not None:
            return confirm(fingerprint, self._known(key_id))
        return choose(fingerprint, self.books.records(self.books.default.id))

    def record(self, key_id: str) -> KeyRecord:
        self._note("record", key_id)
        if not self.manages:
            raise unmanaged(f"read the record of {key_id}")
        return self._known(key_id)

    def set_status(self, key_id: str, status: KeyStatus) -> KeyRecord:
        self._note("set_status", key_id, status.value)
        if not self.manages:
            raise unmanaged(f"set the key {key_id} to {status.value}")
        record = self._known(key_id)
        if not needs_change(record, status):
            return record
        try:
            return self.books.change(key_id, status=status)
        except Denied as no:
            raise Refused(no.message, "Disable another key in the Console, then run the command again.") from None

    def _known(self, key_id: str) -> KeyRecord:
        try:
            return self.books.record(key_id)
        except Denied:
            raise Refused(f"Anthropic knows no key {key_id}.", "Correct `key_id:` in rotate.yaml.") from None

    def _note(self, *call: str) -> None:
        self.calls.append(call)
        self.before(call)


TOKENS: Final = 9
"""Of every message of the sandbox: 8 in, 1 out."""

_LISTED: Final = tuple(model.id for model in MODELS if model.lifecycle == "active")


def _minutes(table: Sequence[tuple[Cell, int]], each: int) -> tuple[Minute, ...]:
    """The rows of one key, oldest first, as minutes. `each`: what one call counts for."""
    found: dict[datetime, list[tuple[Cell, int]]] = {}
    for cell, calls in table:
        found.setdefault(cell.minute, []).append((cell, calls))
    return tuple(
        Minute(
            at=at,
            volume=each * sum(calls for _, calls in rows),
            models=frozenset(cell.model for cell, _ in rows),
            workspaces=frozenset(cell.workspace for cell, _ in rows if cell.workspace),
        )
        for at, rows in found.items()
    )


def _nothing(call: tuple[str, ...]) -> None:
    pass


def _undisturbed(key: KeyText) -> Ping | None:
    return None
