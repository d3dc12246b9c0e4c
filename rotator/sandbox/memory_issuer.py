"""An Issuer in memory, under any clock: the sandbox's books without the server. For simulations and unit tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from rotator.core.hygiene import sendable
from rotator.core.key_records import choose, confirm, needs_change, unmanaged
from rotator.model.errors import Refused
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus, KeyText
from rotator.model.measure import Cause, Ping, Verdict
from rotator.ports import Clock
from rotator.sandbox.anthropic_books import Books, Denied, Draw
from rotator.sandbox.anthropic_models import MODELS

MODEL = next(model.id for model in MODELS if model.line == "haiku")


class MemoryIssuer:
    """Deterministic where `draw` is: no threads, no time but the clock's.

    `calls`: every call as (verb, fingerprint or key id[, status]). `before`: called first with the same words; may
    raise what an adapter raises, or change the world. `disturb`: answers a ping in place of the books, if not None.
    """

    def __init__(self, clock: Clock, *, draw: Draw = secrets.choice, books: Books | None = None) -> None:
        self.books = books or Books(clock.now, draw=draw)
        self.manages = True
        self.calls: list[tuple[str, ...]] = []
        self.before: Callable[[tuple[str, ...]], None] = _nothing
        self.disturb: Callable[[KeyText], Ping | None] = _undisturbed

    def issue(
        self, text: str | None = None, *, name: str = "key", workspace: str | None = None
    ) -> tuple[KeyText, KeyRecord]:
        """What a person does in the Console: make a key. `text` None: a random one."""
        return self.books.issue(name, workspace=workspace, text=text)

    def ping(self, key: KeyText, *, inference: bool) -> Ping:
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
        return Ping(
            verdict=Verdict.PASSED,
            cause=Cause.ACCEPTED,
            why="Anthropic accepts the key.",
            request_ids=request_ids,
            organization=caller.organization,
            workspace=caller.workspace,
            model=MODEL if inference else None,
        )

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


def _nothing(call: tuple[str, ...]) -> None:
    pass


def _undisturbed(key: KeyText) -> Ping | None:
    return None
