"""A process that slept through its own retries (a closed laptop) does not send what it meant to send long ago."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.issuer.connection import TRIES
from rotator.model.errors import Unreachable
from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic import SandboxAnthropic
from rotator.sandbox.anthropic_faults import Fault
from tests.anthropic_world import AnthropicWorld, StillClock


@dataclass
class Laptop(StillClock):
    """Its lid is closed during every pause."""

    asleep: timedelta = timedelta(hours=2)

    def sleep(self, duration: timedelta) -> None:
        super().sleep(duration)
        self.at += self.asleep


@pytest.fixture
def world() -> Iterator[AnthropicWorld]:
    clock = Laptop()
    with SandboxAnthropic(now=clock.now) as server:
        admin, _ = server.books.issue_admin()
        issuer = AnthropicIssuer(admin_key=lambda: admin, clock=clock, base_url=server.url)
        yield AnthropicWorld(clock, server, issuer, admin)


def overloaded(world: AnthropicWorld) -> list[str]:
    """Every write is answered 529; returned are the writes, as they come."""
    writes: list[str] = []

    def fault(method: str, path: str, key_id: str | None) -> Fault | None:
        if method != "POST":
            return None
        writes.append(path)
        return Fault(status=529, type="overloaded_error", message="Overloaded")

    world.server.faults = fault
    return writes


def test_a_write_is_not_repeated_after_a_long_sleep(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()
    writes = overloaded(world)
    with pytest.raises(Unreachable, match="529"):
        world.issuer.set_status(record.id, KeyStatus.INACTIVE)
    assert len(writes) == 1


def test_a_write_is_repeated_after_a_nap(world: AnthropicWorld) -> None:
    assert isinstance(world.clock, Laptop)
    world.clock.asleep = timedelta(seconds=5)
    _, record = world.server.books.issue()
    writes = overloaded(world)
    with pytest.raises(Unreachable, match="529"):
        world.issuer.set_status(record.id, KeyStatus.INACTIVE)
    assert len(writes) == TRIES
