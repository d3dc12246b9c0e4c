"""What was asked of Anthropic about one key, and what it answered, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from rotator.model.keys import KeyRecord
from rotator.model.measure import Cause


class Header(Enum):
    """How a request carries the key. Anthropic honours both (facts: What shapes the design, 3)."""

    BEARER = "Authorization"  # SDK 2.0 and later
    X_API_KEY = "x-api-key"  # older SDKs, and most code without an SDK


class Address(Enum):
    CONFIGURED = "configured"  # ANTHROPIC_BASE_URL, where it is set: what the application uses
    DIRECT = "direct"  # Anthropic's own, asked only where the configured one is another and something is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One request with the key. `words`: status, error type and message, without any key. `status` None: no answer.

    `genuine`: the answer has a request id and the form that Anthropic's answers have.
    """

    header: Header
    address: Address
    at: datetime
    status: int | None
    cause: Cause
    words: str
    code: str | None = None
    request_id: str | None = None
    organization: str | None = None
    workspace: str | None = None
    genuine: bool = True

    @property
    def accepted(self) -> bool:
        return self.cause is Cause.ACCEPTED

    @property
    def refused(self) -> bool:
        return self.cause is Cause.UNAUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the Admin API said of the key. `unable`: why it could not be asked, as a sentence; then the rest is void.
    `passing`: it did not answer, or was busy; later it may.

    `record` None: no record fits. `others`: further records whose hint fits as well. `requests`: in the last `days`
    days; None: not known.
    """

    unable: str = ""
    passing: bool = False
    record: KeyRecord | None = None
    created_by: str | None = None
    owner: str | None = None
    """A person or a service account that the key belongs to; None: to its workspace."""
    others: tuple[str, ...] = ()
    requests: int | None = None
    days: int = 7
    refreshed_at: datetime | None = None
    """Up to when `requests` is complete."""
    request_ids: tuple[str, ...] = ()
