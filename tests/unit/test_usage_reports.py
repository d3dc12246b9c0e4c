"""The usage adapter against the sandbox's server: pages, spans, refusals, odd answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from rotator.adapters.issuer import usage as reports
from rotator.adapters.issuer.usage_rows import analytics_rows, legacy_rows, when
from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import KeyText
from rotator.model.usage import Source, Unread, Usage
from rotator.sandbox.anthropic_faults import Fault
from tests.anthropic_world import AnthropicWorld, anthropic_world

MINUTE = timedelta(minutes=1)
MODELS = ("claude-haiku-5-5", "claude-opus-5-5", "claude-haiku-5")
ADMIN = KeyText("sk-ant-admin99-" + "x" * 95)


@pytest.fixture
def world() -> Iterator[AnthropicWorld]:
    with anthropic_world() as served:
        served.server.books.meter.reporting.open = "both"
        yield served


def read(world: AnthropicWorld, key_id: str, back: timedelta = timedelta(hours=1)) -> Usage:
    found = world.issuer.usage([key_id], world.clock.now().replace(second=0) - back)
    assert isinstance(found, Usage)
    return found


@pytest.mark.parametrize("which", ["both", "legacy"])
def test_every_page_of_every_day_is_read(world: AnthropicWorld, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, record = world.server.books.issue()
    meter, now = world.server.books.meter, world.clock.now()
    meter.reporting.open = "both" if which == "both" else "legacy"
    for minute in range(1, 60 * 50, 7):
        for model in MODELS:
            meter.count(record.id, now - minute * MINUTE, model, "wrkspc_01")
    monkeypatch.setattr(reports, "PAGE", 100)
    found = read(world, record.id, timedelta(hours=51))
    assert len(found.minutes[record.id]) == len(range(1, 60 * 50, 7))
    assert {minute.models for minute in found.minutes[record.id]} == {frozenset(MODELS)}
    assert list(found.minutes[record.id]) == sorted(found.minutes[record.id], key=lambda minute: minute.at)


def test_pages_are_bounded_and_an_unfinished_reading_is_none(
    world: AnthropicWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, record = world.server.books.issue()
    for minute in range(30):
        world.server.books.meter.count(record.id, world.clock.now() - (minute + 2) * MINUTE, MODELS[0], None)
    monkeypatch.setattr(reports, "PAGE", 1)
    monkeypatch.setattr(reports, "MAX_PAGES", 20)
    with pytest.raises(Unreachable, match="20 pages"):
        read(world, record.id)


def test_it_looks_back_a_month_at_most(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()
    found = read(world, record.id, timedelta(days=400))
    assert found.since == world.clock.now() - reports.REACH


def test_the_legacy_report_is_read_where_analytics_may_not_be(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()
    world.server.books.meter.reporting.open = "legacy"
    assert read(world, record.id).source is Source.LEGACY


@pytest.mark.parametrize("status", [403, 404])
def test_where_both_are_shut_nothing_is_read_and_it_says_so(world: AnthropicWorld, status: int) -> None:
    _, record = world.server.books.issue()

    def shut(method: str, path: str, key_id: str | None) -> Fault | None:
        return Fault(status=status, type="permission_error", message="no") if "usage" in path else None

    world.server.faults = shut
    found = world.issuer.usage([record.id], world.clock.now() - MINUTE)
    assert isinstance(found, Unread)
    assert str(status) in found.why


def test_weather_is_retried_and_then_said_and_the_minute_counts_all_the_same(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()
    asked: list[str] = []

    def storm(method: str, path: str, key_id: str | None) -> Fault | None:
        if "usage" not in path:
            return None
        asked.append(path)
        return Fault(status=529, type="overloaded_error", message="busy")

    world.server.faults = storm
    for _ in range(2):
        with pytest.raises(Unreachable, match="529"):
            read(world, record.id)
    assert len(asked) == 4


def test_an_admin_key_that_is_refused_is_no_missing_right(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()

    def dead(method: str, path: str, key_id: str | None) -> Fault | None:
        return Fault(status=401, type="authentication_error", message="invalid") if "usage" in path else None

    world.server.faults = dead
    with pytest.raises(Refused, match="ADMIN"):
        read(world, record.id)


def test_without_an_admin_key_nothing_is_asked(world: AnthropicWorld) -> None:
    from rotator.adapters.issuer.anthropic import AnthropicIssuer

    bare = AnthropicIssuer(admin_key=None, clock=world.clock, base_url="http://127.0.0.1:1")
    assert isinstance(bare.usage(["apikey_1"], world.clock.now()), Unread)


AT = "2026-11-23T12:00:00Z"


def analytics(**row: Any) -> Mapping[str, Any]:
    return {"data": [{"starting_at": AT, "group": {"api_key_id": "apikey_1"}, **row}]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": [None]},
        {"data": ["text"]},
        analytics(),
        analytics(usage=None),
        analytics(usage={"requests": "3"}),
        analytics(usage={"requests": -1}),
        analytics(usage={"requests": True}),
        analytics(usage={"requests": 1}, starting_at=None),
        analytics(usage={"requests": 1}, starting_at="yesterday"),
        {"data": [{"starting_at": 3, "usage": {"requests": 1}}]},
    ],
)
def test_a_row_that_cannot_be_read_is_never_taken_for_silence(body: Mapping[str, Any]) -> None:
    with pytest.raises(Unreachable):
        list(analytics_rows(ADMIN, body))


def test_a_quiet_minute_may_be_there_or_not() -> None:
    rows = {"data": [{"starting_at": AT, "results": []}, {"starting_at": AT}]}
    assert list(legacy_rows(ADMIN, rows)) == []
    assert list(analytics_rows(ADMIN, analytics(usage={"requests": 0, "total_tokens": 0}))) == []


def test_tokens_without_requests_are_use_and_the_playgrounds_have_no_key() -> None:
    [row] = analytics_rows(ADMIN, analytics(usage={"requests": 0, "total_tokens": 7}, group={"api_key_id": None}))
    assert (row.volume, row.key_id) == (1, None)
    bucket = {"starting_at": AT, "results": [{"api_key_id": "a", "cache_creation": {"ephemeral_5m_input_tokens": 4}}]}
    [legacy] = legacy_rows(ADMIN, {"data": [bucket]})
    assert (legacy.volume, legacy.key_id) == (4, "a")


def test_a_watermark_that_is_no_time_is_unknown() -> None:
    assert [when(said) for said in (None, "", "soon", 7)] == [None] * 4
    assert when("2026-11-23T12:00:00") == when(AT)


def test_an_admin_key_in_a_models_name_goes_no_further() -> None:
    body = analytics(usage={"requests": 1}, group={"api_key_id": "a", "model": ADMIN.reveal()})
    [row] = analytics_rows(ADMIN, body)
    assert row.model is not None
    assert ADMIN.reveal() not in row.model
