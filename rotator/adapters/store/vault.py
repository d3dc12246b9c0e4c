"""Vault's (or OpenBao's) KV version 2 as a `SecretStore`. Facts: "Vault / OpenBao, KV v2".

KV has no labels, so a new key waits at a sibling path, `<path>.pending`, and becomes current by one check-and-set write
to the path. That write takes every other field as it is at that moment: an edit of another field is no conflict, one of
the key's own field is. How versions are named: `vault_secret.py`.

Every write is made in rounds: look, decide, write once. Where the answer to a write is lost, or another version came in
between, the next look tells whether anything is left to do, so nothing is ever written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rotator.adapters.store import vault_conflicts
from rotator.adapters.store.fields import Document
from rotator.adapters.store.vault_calls import Gone, SecretCalls
from rotator.adapters.store.vault_connection import VaultConnection
from rotator.adapters.store.vault_errors import CasMismatch, Unanswered
from rotator.adapters.store.vault_preflight import preflight
from rotator.adapters.store.vault_secret import KEY, VERSION, Content, name_of, noted, pending_text
from rotator.model.config import VaultSecretRef
from rotator.model.keys import Claim, Holding, KeyText, Label, Version

_ROUNDS = 5
"""How often one write is tried: others' edits of other fields, and lost answers, are what may come in between."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds between rounds, doubling
_DEEPEST = 50
"""How many versions are read back in search of an earlier key. Vault keeps 10 of them, unless it is told otherwise."""


class VaultSecretStore:
    """One field of one secret."""

    def __init__(self, ref: VaultSecretRef, connection: VaultConnection, *, pending_suffix: str = ".pending") -> None:
        """`connection` may be shared with other secrets."""
        self._ref = ref
        self._calls = SecretCalls(ref, connection, pending_suffix)

    def read(self, label: Label) -> Version | None:
        match label:
            case Label.PENDING:
                pending = self._calls.sibling().pending
                return Version(id=pending.id, key=pending.key, created_at=pending.created_at) if pending else None
            case Label.CURRENT:
                return _version(self._calls.content())
            case Label.PREVIOUS:
                current = self._calls.content()
                return _version(self._earlier(current, None)) if current else None

    def stage(self, version_id: str, key: KeyText, claim: Claim) -> None:
        current = self._calls.content()
        if current and current.id == version_id:
            vault_conflicts.refuse_other_key(self._ref, version_id, current.key, key)
            return
        if current:
            current.document.with_key(key)  # where the field is not there, that is known before anything is written
        fields, number = pending_text(self._ref.field, version_id, key, claim), 0

        def attempt() -> None:
            nonlocal number
            try:
                self._calls.write_sibling(fields, number)
            except (CasMismatch, Unanswered):
                sibling = self._calls.sibling()
                if sibling.pending is None:
                    number = sibling.number
                    raise
                if sibling.pending.id != version_id:
                    raise vault_conflicts.foreign(self._ref, sibling.pending, self._calls.sibling_path) from None
                vault_conflicts.refuse_other_key(self._ref, version_id, sibling.pending.key, key)

        _in_rounds(attempt)

    def promote(self, version_id: str, expected_current: str | None) -> None:
        _in_rounds(lambda: self._promote(version_id, expected_current))

    def _promote(self, version_id: str, expected: str | None) -> None:
        current = self._calls.content()
        if current and current.id == version_id:
            return
        pending = self._calls.sibling().pending
        ours = pending if pending and pending.id == version_id else None
        custom = noted(current, ours) if ours else {}
        if ours and current and current.key and ours.key == current.key:
            self._calls.note(custom)  # promoted already, and somebody has wiped the note since
            return
        if (current.id if current else None) != expected:
            raise vault_conflicts.other_current(self._ref, current, expected)
        if ours is None or ours.key is None:
            raise vault_conflicts.not_pending(self._ref, version_id, pending, self._calls.sibling_path)
        if not current or any(current.custom.get(name) != custom[name] for name in (VERSION, KEY)):
            self._calls.note(custom)
        self._write(current, ours.key)

    def restore(self, version_id: str, expected_current: str) -> None:
        """As in the port, for the key's own field; the others stay as they are now.

        Raises `Refused` where the history no longer holds that key.
        """
        _in_rounds(lambda: self._restore(version_id, expected_current))

    def _restore(self, version_id: str, expected: str) -> None:
        current = self._calls.content()
        if current and current.id == version_id:
            return
        if current is None or (current.id != expected and not self._wiped(current, expected)):
            raise vault_conflicts.other_current(self._ref, current, expected)
        earlier = self._earlier(current, version_id)
        if earlier is None or earlier.key is None:
            raise vault_conflicts.forgotten(self._ref, version_id, _DEEPEST)
        self._write(current, earlier.key)

    def discard(self, version_id: str) -> None:
        """As in the port. The claim stands at the sibling and goes with it; the note that names the key stays."""

        def attempt() -> None:
            pending = self._calls.sibling().pending
            if pending and pending.id == version_id:
                self._calls.forget_sibling()

        _in_rounds(attempt)

    def holder(self) -> Holding | None:
        """As in the port. A version that is current already is held until the rotation that claims it has ended."""
        pending = self._calls.sibling().pending
        if pending is None:
            return None
        return Holding(
            version_id=pending.id,
            claim=pending.claim,
            since=pending.claim.at if pending.claim else pending.created_at,
            detail="" if pending.claim else f"{self._calls.sibling_path} without a claim in it",
        )

    def lagging(self) -> Sequence[str]:
        """Empty: what Vault replicates, it replicates by itself, and reads that come too early are repeated."""
        return ()

    def warnings(self) -> Sequence[str]:
        """What may go wrong later, found out before the rotation starts. Raises `Refused` for what surely would."""
        return preflight(self._calls)

    # What is written, and from what

    def _write(self, current: Content | None, key: KeyText) -> None:
        if current is None:
            self._calls.write(Document.first(key, self._ref.field, str(self._ref)), 0)
        else:
            self._calls.write(current.document.with_key(key), current.number)

    def _wiped(self, current: Content, expected: str) -> bool:
        """Where somebody has wiped the note, the sibling still says that the current key is the expected version's."""
        pending = self._calls.sibling().pending
        return pending is not None and pending.id == expected and pending.key is not None and pending.key == current.key

    def _earlier(self, current: Content, wanted: str | None) -> Content | None:
        """The newest earlier version that holds the wanted key; None: that holds another key than the current one."""
        for number in range(current.number - 1, max(0, current.number - 1 - _DEEPEST), -1):
            try:
                content = self._calls.content(number)
            except Gone:
                continue
            if content is None:
                break  # dropped, and with it all older ones
            if content.key and content.key != current.key and wanted in (None, name_of(content.key, current.custom)):
                return content
        return None


def _version(content: Content | None) -> Version | None:
    return Version(id=content.id, key=content.key, created_at=content.created_at) if content else None


def _in_rounds(attempt: Callable[[], None]) -> None:
    """Again where the write lost a race or its answer; every round begins with a look."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    Retrying(
        retry=retry_if_exception_type((CasMismatch, Unanswered)),
        stop=stop_after_attempt(_ROUNDS),
        wait=wait_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        reraise=True,
    )(attempt)
