"""Floor 1: what the engine asks of the world. Ports speak intent, so that AWS labels and Vault paths both fit.

Every call is bounded: it returns or raises within the adapter's own limits (law 8). What an adapter raises is an
`OutsideError`: `Unreachable` where the same call may succeed later, anything else where a person must act first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from rotator.model.event import Event
from rotator.model.keys import Claim, Fingerprint, Holding, KeyRecord, KeyStatus, KeyText, Label, Version
from rotator.model.measure import Instance, Ping
from rotator.model.usage import Reading


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, in UTC, aware."""
        ...

    def sleep(self, duration: timedelta) -> None: ...


class Issuer(Protocol):
    """Who honours keys."""

    @property
    def manages(self) -> bool:
        """Whether it can read and change key records: an Admin key is at hand."""
        ...

    def ping(self, key: KeyText, *, inference: bool, model: str | None = None) -> Ping:
        """Test a key: authentication, and with `inference` one token from a model; `model`: from this one.

        Retries weather, bounded; a verdict is returned, never raised.
        """
        ...

    def find(self, fingerprint: Fingerprint, key_id: str | None = None) -> KeyRecord | None:
        """The record that fits the fingerprint, or `key_id`'s; None where no record fits.

        Raises `AmbiguousKey` where several do.
        """
        ...

    def record(self, key_id: str) -> KeyRecord:
        """The record with this id. Raises `Refused` where there is none."""
        ...

    def set_status(self, key_id: str, status: KeyStatus) -> KeyRecord:
        """Disable, enable or archive. Setting the status that it already has changes nothing."""
        ...

    def usage(self, key_ids: Sequence[str], since: datetime) -> Reading:
        """What these keys were used for from `since` on, by the minute. Asked at most once a minute (law 8): before
        that the last reading is given again, and a key that it did not ask about is missing in it.

        `Unread` where nobody may read it. Raises `Unreachable`, and `Refused` where the Admin key itself is refused.
        """
        ...


class SecretStore(Protocol):
    """One secret in one store. Reads see other fields and versions only to preserve them."""

    def read(self, label: Label) -> Version | None:
        """The version that carries the label now; None where none does. No such secret: `Refused`."""
        ...

    def stage(self, version_id: str, key: KeyText, claim: Claim) -> None:
        """Write a pending version beside the current one, all other fields as they are now.

        Idempotent for the same id and key. Raises `StoreConflict` where the same id holds another key, or where a
        pending version that is not `version_id` is there (naming whose it is and since when).
        """
        ...

    def promote(self, version_id: str, expected_current: str | None) -> None:
        """Make the pending version current, if `expected_current` still is. Already current: changes nothing.

        Raises `StoreConflict` where another version is current; in a store that stages all fields (AWS) also where
        the others changed since the staging. One that merges (Vault) takes them as they are now.
        """
        ...

    def restore(self, version_id: str, expected_current: str) -> None:
        """Make an earlier version current again, if `expected_current` still is. Already current: changes nothing."""
        ...

    def discard(self, version_id: str) -> None:
        """Take the pending label and our claim off this version. Not pending: changes nothing."""
        ...

    def holder(self) -> Holding | None:
        """Whose pending version is there? None: nobody's."""
        ...

    def lagging(self) -> Sequence[str]:
        """The copies (replica regions) that do not hold the current version yet; empty: all do."""
        ...

    def warnings(self) -> Sequence[str]:
        """What a person should know before a rotation begins, in sentences. Changes nothing.

        Raises `Refused` where a later step would surely fail.
        """
        ...


class Watcher(Protocol):
    """Tells which key each instance of one consumer holds."""

    def observe(self) -> Sequence[Instance]:
        """Every instance that is not gone, terminating ones included.

        Raises `Unreachable` where it cannot be told at all.
        """
        ...


class Deployer(Protocol):
    """Makes one consumer read its secret again."""

    def deploy(self, token: str, timeout: timedelta) -> None:
        """Trigger it and wait until the trigger has ended. `token` is the same for a repeat of the same deploy.

        Raises `Refused` where it failed (with the end of its output) or outlasted `timeout`: a person looks first.
        """
        ...


class Probe(Protocol):
    """Live traffic through one consumer."""

    def measure(self) -> Ping:
        """One request through the consumer, weather retried. `UNAUTHENTICATED`: the consumer's own call was refused."""
        ...


class Notifier(Protocol):
    def tell(self, title: str, body: str) -> None:
        """Tell people, as well as can be: a failure to deliver is logged, never raised."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who works on a credential now, and until when it may be believed without another heartbeat. Advisory."""

    holder: str
    until: datetime


class Conflict(Exception):
    """The journal already has an event at that sequence number: re-read, then decide again."""


class Journal(Protocol):
    """Append-only, one log a credential, create-if-absent at the next sequence number (law 5)."""

    def read(self, credential: str, after: int = 0) -> Sequence[Event]:
        """The events with `seq` > `after`, in order; the chain is verified, a damaged one raises `JournalError`."""
        ...

    def read_many(self, credentials: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        """The whole log of each, as `read` gives it, in one look at the journal; empty where there is none."""
        ...

    def append(self, credential: str, event: Event) -> None:
        """Durable when it returns. Raises `Conflict` where `event.seq` is taken or is not the next one."""
        ...

    def credentials(self) -> Sequence[str]:
        """Every credential that has a log."""
        ...

    def heartbeat(self, credential: str, holder: str, until: datetime) -> None: ...

    def lease(self, credential: str) -> Lease | None: ...

    def release(self, credential: str, holder: str) -> None:
        """End the holder's lease; another's is left alone."""
        ...


class Holders(Protocol):
    """Names this process, and tells whether another one on this machine is gone."""

    @property
    def me(self) -> str: ...

    def is_gone(self, holder: str) -> bool:
        """True only where that is certain: same machine, and no such process."""
        ...
