"""Who was asking for usage when it died is not waited for by others, where its end is certain."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rotator.adapters.issuer import usage as reports
from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.issuer.readings import Readings
from rotator.model.errors import Unreachable
from rotator.model.usage import Reading, Usage
from rotator.sandbox.anthropic_faults import Fault
from tests.anthropic_world import AnthropicWorld, anthropic_world

MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """The process is gone, and no line of it runs any more."""


class Holders:
    """One process's name, and which others are gone for certain."""

    def __init__(self, me: str, *gone: str) -> None:
        self.me, self._gone = me, gone

    def is_gone(self, holder: str) -> bool:
        return holder in self._gone


def read(world: AnthropicWorld, path: Path, key_id: str, holders: Holders) -> Reading:
    admin = world.admin
    assert admin is not None
    issuer = AnthropicIssuer(
        admin_key=lambda: admin, clock=world.clock, base_url=world.server.url, readings=Readings(path, holders)
    )
    return issuer.usage([key_id], world.clock.now() - MINUTE)


def killed_while_it_asked(world: AnthropicWorld, path: Path, key_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(readings: Readings, *_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Readings, "post", die)  # where the kill falls
        with pytest.raises(Killed):
            read(world, path, key_id, Holders("one"))


def test_a_process_that_surely_died_while_it_asked_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db-usage"
    with anthropic_world() as world:
        world.server.books.meter.reporting.open = "both"
        _, record = world.server.books.issue()
        killed_while_it_asked(world, path, record.id, monkeypatch)
        asked = 0

        def count(method: str, where: str, key_id: str | None) -> Fault | None:
            nonlocal asked
            asked += "usage" in where
            return None

        world.server.faults = count
        began = world.clock.now()
        first = read(world, path, record.id, Holders("two", "one"))
        assert isinstance(first, Usage)
        assert read(world, path, record.id, Holders("three", "one")) == first
        assert (asked, world.clock.now()) == (1, began)


def test_one_that_may_be_alive_elsewhere_is_given_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db-usage"
    with anthropic_world() as world:
        world.server.books.meter.reporting.open = "both"
        _, record = world.server.books.issue()
        killed_while_it_asked(world, path, record.id, monkeypatch)
        began = world.clock.now()
        with pytest.raises(Unreachable, match="Another process"):
            read(world, path, record.id, Holders("two"))
        assert world.clock.now() - began >= reports.WAIT
