"""What Anthropic's books say of a key: its record, who made it, its use. Facts: Admin API, Per-key usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rotator.adapters.issuer.admin import MAX_PAGES, PAGE, record_of
from rotator.adapters.issuer.classify import classify
from rotator.adapters.issuer.reply import quotable
from rotator.adapters.issuer.wire import Answer, Wire, url_of
from rotator.core.check.trials import Books
from rotator.core.hygiene import sendable
from rotator.core.key_records import confirm, fits
from rotator.model.errors import AmbiguousKey, OutsideError, RotatorError
from rotator.model.keys import Fingerprint, KeyRecord, KeyText
from rotator.ports import Clock

DAYS = 7
"""How far back use is looked for."""
MOST_NAMED = 5
"""Records that look alike, named; all are counted."""
_KEYS = "/v1/organizations/api_keys"
_USAGE = "/v1/organizations/analytics/usage"
_USAGE_BETA = "analytics-usage-cost-2026-08-24"
_LONGEST = 80
_STALE = timedelta(days=1)
"""A report that knows nothing of the last day cannot say that a key was not used."""


@dataclass(frozen=True, slots=True)
class _No:
    """Why there is no answer, as a sentence. `passing`: later there may be one."""

    why: str
    passing: bool = False


class Ledger:
    """`addresses`: asked in order until one answers. Never raises for what the outside does: `Books.unable` says it."""

    def __init__(self, wire: Wire, addresses: Sequence[str], admin_key: Callable[[], KeyText], clock: Clock) -> None:
        self._wire = wire
        self._addresses = list(addresses)
        self._admin_key = admin_key
        self._clock = clock
        self._ids: list[str] = []
        self._sent = KeyText("")
        """The Admin key of the last request: nothing that answered to it may quote it."""

    def look_up(self, fingerprint: Fingerprint, key_id: str | None) -> Books:
        """The record of the key: one request, and one more for each further thousand records."""
        if key_id is not None:
            answer = self._get(f"{_KEYS}/{key_id}", {})
            if isinstance(answer, _No):
                return Books(unable=answer.why, passing=answer.passing)
            books = self._found([answer.body or {}])
            return _confirmed(fingerprint, books)
        entries, no = self._entries()
        if no is not None:
            return Books(unable=no.why, passing=no.passing)
        return self._found([entry for entry in entries if fits(fingerprint, entry.get("partial_key_hint"))])

    def records(self) -> tuple[tuple[KeyRecord, ...], str]:
        """All of the organisation's, or why they cannot be listed, as a sentence."""
        entries, no = self._entries()
        try:
            return tuple(record_of(self._sent, entry) for entry in entries), no.why if no else ""
        except OutsideError as odd:
            return (), odd.message

    def _entries(self) -> tuple[list[Mapping[str, Any]], _No | None]:
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            asked: dict[str, str | int] = {"limit": PAGE}
            answer = self._get(_KEYS, asked | ({"after_id": cursor} if cursor else {}))
            if isinstance(answer, _No):
                return [], answer
            body = answer.body or {}
            page = body.get("data")
            found += [entry for entry in page if isinstance(entry, dict)] if isinstance(page, list) else []
            last = body.get("last_id") if body.get("has_more") else None
            if not isinstance(last, str):
                return found, None
            cursor = last
        return [], _No("The organisation has more key records than were looked at: name the key's own (`key_id:`).")

    def with_usage(self, books: Books) -> Books:
        """The same with the requests of the last days, where Anthropic says."""
        if books.record is None:
            return books
        now = self._clock.now()
        asked = {
            "starting_at": (now - timedelta(days=DAYS)).isoformat(),
            "ending_at": now.isoformat(),
            "api_key_ids[]": books.record.id,
        }
        answer = self._get(_USAGE, asked, {"anthropic-beta": _USAGE_BETA})
        if isinstance(answer, _No) or answer.body is None or answer.body.get("has_more"):
            return books  # nobody asked for more than one row: a part of them is no count
        refreshed = _time(answer.body.get("data_refreshed_at"))
        counted = _requests(answer.body.get("data"))
        if counted == 0 and (refreshed is None or now - refreshed > _STALE):  # null or old: unknown, not silent
            return books
        return replace(books, requests=counted, days=DAYS, refreshed_at=refreshed, request_ids=tuple(self._ids))

    def _found(self, entries: Sequence[Mapping[str, Any]]) -> Books:
        try:
            records = [record_of(self._sent, entry) for entry in entries]
        except OutsideError as odd:
            return Books(unable=odd.message)
        ids = tuple(self._ids)
        if len(records) > 1:
            said = [f"{record.id} ({record.name}) is {record.status.value}." for record in records[:MOST_NAMED]]
            return Books(others=(*said, f"{len(records)} records in all."), request_ids=ids)
        if not records:
            return Books(request_ids=ids)
        [entry] = entries
        return Books(
            record=records[0],
            created_by=_actor(self._sent, entry.get("created_by")),
            owner=_actor(self._sent, entry.get("principal")),
            request_ids=ids,
        )

    def _get(
        self, path: str, params: Mapping[str, str | int], headers: Mapping[str, str] | None = None
    ) -> Answer | _No:
        """The answer, where it is a 200."""
        try:
            key = self._admin_key()
        except RotatorError as error:
            return _No(f"Anthropic's books were not asked: {error.message}.")
        if not sendable(key):
            shown = key.fingerprint
            return _No(f"Anthropic's books were not asked: the Admin key {shown} cannot be sent (white space?).")
        self._sent, why, passing = key, "", False
        for address in list(self._addresses):
            bearer = {"Authorization": f"Bearer {key.reveal()}"}
            answer = self._wire.get(url_of(address, path), key, {**(headers or {}), **bearer}, params)
            if answer.reply.request_id:
                self._ids.append(answer.reply.request_id)
            if answer.reply.status == 200 and answer.body is not None:
                self._addresses = [address]
                return answer
            why, passing = answer.reply.words, classify(answer.reply).again
        what = f"Anthropic's books could not be asked with the Admin key, which says nothing of this key ({why})."
        return _No(what, passing)


def _confirmed(fingerprint: Fingerprint, books: Books) -> Books:
    """A record that a person named may be another key's, after a rotation for instance: then it says nothing."""
    try:
        if books.record is not None:
            confirm(fingerprint, books.record)
    except AmbiguousKey as other:
        return Books(unable=f"{other.message} {other.hint}", request_ids=books.request_ids)
    return books


def _actor(key: KeyText, said: object) -> str | None:
    """`user user_1`, of `{"id", "type"}` or of a wrapping of it."""
    if not isinstance(said, dict):
        return None
    inner = said if "id" in said else next((one for one in said.values() if isinstance(one, dict)), {})
    words = [str(inner.get(name)) for name in ("type", "id") if isinstance(inner.get(name), str)]
    text = quotable(key, " ".join(words)) or ""
    return text[:_LONGEST] or None


def _requests(rows: object) -> int:
    counts = [row["usage"].get("requests") for row in rows if _has_usage(row)] if isinstance(rows, list) else []
    return sum(count for count in counts if isinstance(count, int))


def _has_usage(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("usage"), dict)


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo else None
