"""Reading and changing key records through Anthropic's Admin API. Facts: Admin API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from rotator.adapters.issuer.classify import Reply
from rotator.adapters.issuer.connection import Answered, Connection
from rotator.adapters.issuer.reply import quotable
from rotator.core.exposure import exposes_key
from rotator.core.hygiene import sendable
from rotator.core.key_records import needs_change
from rotator.model.errors import OutsideError, Refused, Unreachable
from rotator.model.keys import KeyRecord, KeyStatus, KeyText
from rotator.model.measure import Cause

if TYPE_CHECKING:
    from anthropic import Anthropic

PAGE = 1000
"""Records asked for at once: the most that Anthropic gives."""
MAX_PAGES = 50
"""Of records, archived ones included (law 8). Past that the key's record must be named."""

_CONSOLE = "Console, Settings, API keys"
_PERSONS = frozenset({"user", "user_actor"})
"""Types of a key's `principal` that are a person (facts: Admin API)."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,120}")
"""A key record's id, and a page's cursor. Anything else would name another place in a URL."""


class AdminApi:
    """`admin_key` is called for each operation, so that an Admin key can itself be replaced."""

    def __init__(self, connection: Connection, admin_key: Callable[[], KeyText]) -> None:
        self._connection = connection
        self._admin_key = admin_key

    def records(self) -> Iterator[KeyRecord]:
        """Every record of the organisation, all pages, all statuses. Raises `OutsideError`."""
        from anthropic import omit

        purpose = "list the organisation's keys"
        key = self._key()
        with self._connection.client(key) as client:
            listing = client.organization.api_keys.with_raw_response.list
            cursor: str | None = None
            for _ in range(MAX_PAGES):
                body = self._ask(key, partial(listing, limit=PAGE, after_id=cursor or omit), purpose)
                page = body.get("data")
                if not isinstance(page, list) or len(page) > PAGE:
                    raise _odd(purpose)
                yield from (record_of(key, entry) for entry in page)
                cursor = body.get("last_id") if body.get("has_more") else None
                if not cursor:
                    return
                if not _is_id(cursor):
                    raise _odd(purpose)
        raise Refused(
            f"The organisation has more than {MAX_PAGES * PAGE} key records: not all were looked at.",
            "Name the key's record: `key_id:` under `issuer: anthropic:` in rotate.yaml, or --key-id.",
        )

    def record(self, key_id: str) -> KeyRecord:
        """Raises `Refused` where there is none."""
        key = self._key()
        with self._connection.client(key) as client:
            return self._get(key, client, key_id)

    def set_status(self, key_id: str, status: KeyStatus) -> KeyRecord:
        """Looks first, and writes where it has to. The same write twice is harmless: weather is retried."""
        key = self._key()
        with self._connection.client(key) as client:
            record = self._get(key, client, key_id)
            if not needs_change(record, status):
                return record
            writing = client.organization.api_keys.with_raw_response.update
            try:
                body = self._ask(
                    key,
                    lambda: writing(key_id, status=status.value),  # type: ignore[arg-type]  # never `expired`: see above
                    f"set the key {key_id} ({record.name}) to {status.value}",
                )
            except Refused:
                # Where an answer was lost, the write is repeated, and Anthropic refuses to archive what is archived.
                now = self._get(key, client, key_id)
                if now.status is not status:
                    raise
                return now
            return record_of(key, body)

    def _get(self, key: KeyText, client: Anthropic, key_id: str) -> KeyRecord:
        if not _is_id(key_id):
            raise Refused("What was named as a key's record is not an id.", "It looks like apikey_01… (--key-id).")
        retrieve = client.organization.api_keys.with_raw_response.retrieve
        return record_of(key, self._ask(key, lambda: retrieve(key_id), f"read the record of the key {key_id}"))

    def _key(self) -> KeyText:
        key = self._admin_key()
        if not sendable(key):
            raise Refused(
                f"The Admin key {key.fingerprint} cannot be sent: it is empty, or has white space or no ASCII in it.",
                "Look at what `admin_key:` in rotate.yaml names.",
            )
        return key

    def _ask(self, key: KeyText, call: Callable[[], Any], purpose: str) -> Mapping[str, Any]:
        outcome = self._connection.ask(key, call)
        if isinstance(outcome, Answered):
            return outcome.body
        if outcome.meaning.again:
            raise Unreachable(
                f"Anthropic's Admin API could not be asked to {purpose} ({_words(outcome.reply)}).",
                "Run the same command again in a while: it looks first, and repeats nothing that is done.",
            )
        raise _refusal(outcome.reply, outcome.meaning.cause, purpose)


def _refusal(reply: Reply, cause: Cause, purpose: str) -> OutsideError:
    words = _words(reply)
    if reply.code == "org_api_key_limit_exceeded":
        limit = "the organisation has reached its limit of active keys"
        return Refused(
            f"Anthropic refused to {purpose}: {limit} ({words}).", f"Disable a key that nobody uses ({_CONSOLE})."
        )
    if reply.code == "workspace_api_key_limit_exceeded":
        limit = "the workspace has reached its limit of active keys"
        hint = f"Disable a key of that workspace that nobody uses ({_CONSOLE})."
        return Refused(f"Anthropic refused to {purpose}: {limit} ({words}).", hint)
    if cause in (Cause.UNAUTHENTICATED, Cause.FORBIDDEN, Cause.MALFORMED):
        return Refused(
            f"Anthropic refused the ADMIN key, so rotator could not {purpose} ({words}). This says nothing of the key "
            "that is rotated.",
            "Look at what `admin_key:` in rotate.yaml names: it must hold an Admin key (sk-ant-admin…) of the same "
            "organisation.",
        )
    if reply.status == 404 and cause is not Cause.WORKSPACE:
        return Refused(
            f"Anthropic knows no such key in the Admin key's organisation: could not {purpose} ({words}).",
            "Correct `key_id:` in rotate.yaml (or --key-id), or use an Admin key of the key's own organisation.",
        )
    return Refused(f"Anthropic refused to {purpose} ({words}).", f"Look at the key in the {_CONSOLE}.")


def _words(reply: Reply) -> str:
    return reply.words + (f", request {reply.request_id}" if reply.request_id else "")


def _odd(purpose: str) -> Refused:
    return Refused(
        f"The answer to the request to {purpose} is not as Anthropic gives it.", "Look at ANTHROPIC_BASE_URL."
    )


def _is_id(said: object) -> bool:
    return isinstance(said, str) and _ID.fullmatch(said) is not None and not exposes_key(said)


def record_of(key: KeyText, entry: Any) -> KeyRecord:
    """A record from its JSON. Old answers carry `workspace_id` at the top instead of `scope`.

    Its texts are journaled and printed, so whatever answers to the Admin `key` must not slip that key into them.
    """
    try:
        scope = entry.get("scope") or {}
        if not _is_id(entry["id"]):
            raise ValueError
        return KeyRecord(
            id=entry["id"],
            name=quotable(key, entry["name"]) or "without a name",
            status=KeyStatus(entry["status"]),
            hint=quotable(key, entry.get("partial_key_hint")),
            workspace=quotable(key, scope.get("workspace_id") or entry.get("workspace_id")),
            created_at=_time(entry.get("created_at")),
            expires_at=_time(entry.get("expires_at")),
            personal=(entry.get("principal") or {}).get("type") in _PERSONS,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _odd("read a key's record") from None


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
