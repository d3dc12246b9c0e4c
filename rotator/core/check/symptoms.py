"""What is known of one key when a diagnosis is made: its text's look, the surroundings, and what Anthropic answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rotator.core.check.slips import Looked

if TYPE_CHECKING:
    from rotator.core.check.trials import Books, Trial
    from rotator.model.keys import Fingerprint

DEFAULT_URL = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What beside the key itself decides what an application's request carries (SDK 2.12, `_client.py`). No secrets.

    `base_url` None: Anthropic's own address; else without user name and query. `overriding`: the headers of
    ANTHROPIC_CUSTOM_HEADERS that replace the key's. `workspace`: the workspace that those headers name.
    `discovered`: the profile or federation that the SDK would use if no key were set. `runs_on`: a platform that can
    vouch for us.
    """

    base_url: str | None = None
    base_url_plain: bool = False
    """The address is neither https nor on this machine."""
    overriding: tuple[str, ...] = ()
    workspace: str | None = None
    api_key: Fingerprint | None = None
    """Of ANTHROPIC_API_KEY."""
    auth_token: bool = False
    discovered: str | None = None
    proxy: str | None = None
    runs_on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptoms:
    """`trials`: in the order they were made; empty: nothing was sent. `books` None: they were not asked."""

    looked: Looked
    around: Surroundings = field(default_factory=Surroundings)
    trials: tuple[Trial, ...] = ()
    books: Books | None = None
    now: datetime | None = None
    offline: bool = False
