"""The sandbox Anthropic's books: organisations, workspaces, keys, and the rules of their statuses.

Knows no HTTP. Texts of keys are not kept: a key is known again by its hash, as a real issuer would.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.model.keys import KeyRecord, KeyStatus, KeyText
from rotator.sandbox.meter import Meter

KEY_PREFIX = "sk-ant-api99-"
ADMIN_PREFIX = "sk-ant-admin99-"
"""Prefixes of the sandbox's own: its keys can be told from real ones at a glance. Facts: Key formats."""

UNKNOWN = "unknown"
"""Under this name requests are counted whose key no organisation ever had."""

_BODY = 93
_ALPHABET = string.ascii_letters + string.digits + "_-"

Draw = Callable[[str], str]
"""Draws one character of a text: `secrets.choice`, or a seeded generator's `choice` in a simulation."""


class Denied(Exception):
    """A rule of the books says no: the HTTP status and the fields of the error body."""

    def __init__(self, status: int, type: str, message: str, error_code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.message = message
        self.error_code = error_code


@dataclass(frozen=True, slots=True)
class Organization:
    id: str
    name: str
    default_workspace: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key a request carries. `honoured`: it is active, and known to be so by now."""

    key_id: str
    organization: str
    workspace: str | None
    admin: bool
    honoured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    record: KeyRecord
    organization: str
    admin: bool
    # What requests still see until `settled`: changes take effect with a delay where the books are told so.
    seen: bool
    settled: datetime


class Books:
    """Thread-safe. `now` is in UTC, aware.

    `slow_new`: for so long a fresh key is answered with 401. `slow_change`: for so long a key goes on as before its
    status changed. Both are undocumented at Anthropic (facts: What shapes the design, 6), so both must be lived with.
    `organization_limit`, `workspace_limit`: most active keys; None: no limit.
    """

    def __init__(self, now: Callable[[], datetime], *, draw: Draw = secrets.choice) -> None:
        self.slow_new = timedelta()
        self.slow_change = timedelta()
        self.organization_limit: int | None = None
        self.workspace_limit: int | None = None
        self.meter = Meter()
        self.closed_models: set[tuple[str, str]] = set()
        """Key ids and the models that they may not use."""
        self.now = now
        self._draw = draw
        self._lock = threading.RLock()
        self._organizations: dict[str, Organization] = {}
        self._workspaces: dict[str, str] = {}
        self._entries: dict[str, _Entry] = {}
        self._by_hash: dict[bytes, str] = {}
        self._counts: Counter[tuple[str, bool]] = Counter()
        self.default = self.add_organization("Acme")

    def add_organization(self, name: str) -> Organization:
        with self._lock:
            number = len(self._organizations) + 1
            id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{number}.{name}"))
            organization = Organization(id, name, f"wrkspc_{len(self._workspaces) + 1:02d}")
            self._organizations[id] = organization
            self._workspaces[organization.default_workspace] = id
            return organization

    def add_workspace(self, organization: str | None = None) -> str:
        """The id of a new workspace of the organisation (its id; None: the default one)."""
        with self._lock:
            id = f"wrkspc_{len(self._workspaces) + 1:02d}"
            self._workspaces[id] = organization or self.default.id
            return id

    def organization(self, id: str) -> Organization:
        return self._organizations[id]

    def has_workspace(self, id: str) -> bool:
        return id in self._workspaces

    def issue(
        self,
        name: str = "key",
        *,
        workspace: str | None = None,
        text: str | None = None,
        expires_at: datetime | None = None,
        personal: bool = False,
    ) -> tuple[KeyText, KeyRecord]:
        """What the Console does: make a key, show it once. Raises `Denied` for an unknown workspace or at a limit."""
        with self._lock:
            home = workspace or self.default.default_workspace
            if home not in self._workspaces:
                raise Denied(404, "not_found_error", f"Workspace {home} not found")
            self._check_limits(self._workspaces[home], home)
            key, record = self._enter(name, KEY_PREFIX, text, self._workspaces[home], home, expires_at)
            if personal:
                record = replace(record, personal=True)
                self._entries[record.id] = replace(self._entries[record.id], record=record)
            return key, record

    def issue_admin(self, name: str = "admin", *, organization: str | None = None) -> tuple[KeyText, KeyRecord]:
        """An Admin key of the organisation (its id; None: the default one)."""
        with self._lock:
            return self._enter(name, ADMIN_PREFIX, None, organization or self.default.id, None, None)

    def caller(self, text: str) -> Caller | None:
        """Whose key it is, honoured or not; None where nobody's."""
        with self._lock:
            id = self._by_hash.get(_hash(text))
            if id is None:
                return None
            entry, now = self._entries[id], self.now()
            active = entry.seen if now < entry.settled else self._standing(entry).status is KeyStatus.ACTIVE
            return Caller(id, entry.organization, entry.record.workspace, entry.admin, active)

    def records(self, organization: str) -> Sequence[KeyRecord]:
        """The API keys of one organisation, newest first."""
        with self._lock:
            mine = [entry for entry in self._entries.values() if entry.organization == organization and not entry.admin]
            return [self._standing(entry) for entry in reversed(mine)]

    def record(self, key_id: str) -> KeyRecord:
        """Raises `Denied` where there is none."""
        with self._lock:
            return self._standing(self._entry(key_id))

    def owner(self, key_id: str) -> str:
        """The organisation's id. Raises `Denied` where there is no such key."""
        with self._lock:
            return self._entry(key_id).organization

    def change(self, key_id: str, *, status: KeyStatus | None = None, name: str | None = None) -> KeyRecord:
        """Set name or status. Raises `Denied`: archived is final, an expired key can only be archived, limits."""
        with self._lock:
            entry = self._entry(key_id)
            record = self._standing(entry)
            seen = record.status is KeyStatus.ACTIVE
            settled = entry.settled
            if status is not None and status is not record.status:
                self._check_change(entry, record, status)
                settled = max(settled, self.now() + self.slow_change)
                record = replace(record, status=status)
            elif record.status is KeyStatus.ARCHIVED:
                raise Denied(400, "invalid_request_error", "Archived API keys cannot be updated.")
            record = replace(record, name=record.name if name is None else name)
            self._entries[key_id] = replace(entry, record=record, seen=seen, settled=settled)
            return record

    def check_model(self, key_id: str, model: str) -> None:
        """Raises `Denied` where the model is not open to the key."""
        if (key_id, model) in self.closed_models:
            raise Denied(404, "not_found_error", f"model: {model}")

    def count(self, key_id: str | None, accepted: bool) -> None:
        with self._lock:
            self._counts[key_id or UNKNOWN, accepted] += 1

    def traffic(self) -> dict[str, dict[str, int]]:
        """Requests since the start by key id: `accepted` and `refused` (for its status; faults are not counted)."""
        with self._lock:
            ids = sorted({key_id for key_id, _ in self._counts})
            return {
                key_id: {"accepted": self._counts[key_id, True], "refused": self._counts[key_id, False]}
                for key_id in ids
            }

    def _enter(
        self,
        name: str,
        prefix: str,
        text: str | None,
        organization: str,
        workspace: str | None,
        expires_at: datetime | None,
    ) -> tuple[KeyText, KeyRecord]:
        key = KeyText(text or prefix + "".join(self._draw(_ALPHABET) for _ in range(_BODY)) + "AA")
        now = self.now()
        record = KeyRecord(
            id=f"apikey_{len(self._entries) + 1:02d}",
            name=name,
            status=KeyStatus.ACTIVE,
            hint=key.fingerprint.hint,
            workspace=workspace,
            created_at=now,
            expires_at=expires_at,
        )
        self._entries[record.id] = _Entry(
            record=record,
            organization=organization,
            admin=prefix == ADMIN_PREFIX,
            seen=False,
            settled=now + self.slow_new,
        )
        self._by_hash[_hash(key.reveal())] = record.id
        return key, record

    def _entry(self, key_id: str) -> _Entry:
        if key_id not in self._entries:
            raise Denied(404, "not_found_error", f"API key {key_id} not found")
        return self._entries[key_id]

    def _standing(self, entry: _Entry) -> KeyRecord:
        record = entry.record
        over = record.expires_at is not None and record.expires_at <= self.now()
        return replace(record, status=KeyStatus.EXPIRED) if over and record.status is not KeyStatus.ARCHIVED else record

    def _check_change(self, entry: _Entry, record: KeyRecord, status: KeyStatus) -> None:
        if record.status is KeyStatus.ARCHIVED:
            raise Denied(400, "invalid_request_error", "Archived API keys cannot be updated.")
        if record.status is KeyStatus.EXPIRED and status is not KeyStatus.ARCHIVED:
            raise Denied(400, "invalid_request_error", "Expired API keys can only be archived.")
        if status is KeyStatus.ACTIVE:
            self._check_limits(entry.organization, record.workspace)

    def _check_limits(self, organization: str, workspace: str | None) -> None:
        active = [record for record in self.records(organization) if record.status is KeyStatus.ACTIVE]
        if self.organization_limit is not None and len(active) >= self.organization_limit:
            text = "The organization has reached its limit of active API keys."
            raise Denied(400, "invalid_request_error", text, "org_api_key_limit_exceeded")
        here = sum(record.workspace == workspace for record in active)
        if self.workspace_limit is not None and here >= self.workspace_limit:
            text = "The workspace has reached its limit of active API keys."
            raise Denied(400, "invalid_request_error", text, "workspace_api_key_limit_exceeded")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
