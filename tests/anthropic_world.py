"""A clock that moves only when it is slept on, and an issuer on a sandbox Anthropic under that clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.issuer.readings import Readings
from rotator.model.keys import KeyText
from rotator.sandbox.anthropic import SandboxAnthropic


@dataclass
class StillClock:
    at: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    slept: list[timedelta] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        self.at += duration


@dataclass
class AnthropicWorld:
    clock: StillClock
    server: SandboxAnthropic
    issuer: AnthropicIssuer
    """With an Admin key."""
    admin: KeyText | None = None
    readings: Readings = field(default_factory=Readings)

    def again(self) -> AnthropicIssuer:
        """Another rotation's, with the same Admin key."""
        admin = self.admin
        return AnthropicIssuer(
            admin_key=None if admin is None else lambda: admin,
            clock=self.clock,
            base_url=self.server.url,
            readings=self.readings,
        )


@contextmanager
def anthropic_world() -> Iterator[AnthropicWorld]:
    clock = StillClock()
    with SandboxAnthropic(now=clock.now) as server:
        admin, _ = server.books.issue_admin()
        readings = Readings()
        issuer = AnthropicIssuer(admin_key=lambda: admin, clock=clock, base_url=server.url, readings=readings)
        yield AnthropicWorld(clock, server, issuer, admin, readings)
