"""What `rotate check` is told of a refused key's use, by the sandbox's own report over whole days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest

from rotator.adapters.issuer.inquiry import Inquiry
from rotator.core.check.trials import Books
from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_faults import Fault
from tests.anthropic_world import AnthropicWorld, anthropic_world


@pytest.fixture
def world() -> Iterator[AnthropicWorld]:
    with anthropic_world() as served:
        served.server.books.meter.reporting.open = "both"
        yield served


def told(world: AnthropicWorld, *days_ago: float) -> Books:
    """Of a key that is refused, and was used so many days ago, beside another one that is used all the time."""
    key, record = world.server.books.issue("ours")
    _, other = world.server.books.issue("another")
    admin, now = world.admin, world.clock.now()
    assert admin is not None
    for ago in days_ago:
        for id, model in ((record.id, "claude-haiku-5-5"), (other.id, "claude-opus-5-5")):
            world.server.books.meter.count(id, now - timedelta(days=ago), model, "wrkspc_01")
    world.server.books.change(record.id, status=KeyStatus.INACTIVE)
    inquiry = Inquiry(
        world.clock, base_url=world.server.url, admin_key=lambda: admin, key_id=record.id, direct_url=None
    )
    _, books = inquiry.ask(key)
    assert books is not None
    return books


def test_a_refused_keys_requests_of_the_last_days_are_counted(world: AnthropicWorld) -> None:
    books = told(world, 0.1, 3, 6.9, 8)
    assert (books.requests, books.refreshed_at) == (3, world.clock.now() - timedelta(seconds=30))


@pytest.mark.parametrize(("watermark", "requests"), [("honest", 0), ("null", None), ("stuck", None)])
def test_no_use_is_told_only_where_the_report_says_how_far_it_is_complete(
    world: AnthropicWorld, watermark: Literal["honest", "null", "stuck"], requests: int | None
) -> None:
    reporting = world.server.books.meter.reporting
    reporting.watermark, reporting.stuck_at = watermark, world.clock.now() - timedelta(days=2)
    assert told(world).requests == requests


def test_a_part_of_the_rows_is_no_count(world: AnthropicWorld) -> None:
    body = b'{"data": [{"usage": {"requests": 1}}], "has_more": true, "next_page": "p", "data_refreshed_at": null}'

    def partly(method: str, path: str, key_id: str | None) -> Fault | None:
        return Fault(status=200, body=body) if "usage" in path else None

    world.server.faults = partly
    assert told(world, 1).requests is None


def test_where_usage_may_not_be_read_the_record_is_told_all_the_same(world: AnthropicWorld) -> None:
    world.server.books.meter.reporting.open = "none"
    books = told(world, 1)
    assert (books.requests, books.record is not None) == (None, True)
