"""How the sandbox Anthropic's usage reports are told to be late, blind or full of gaps, from outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from rotator.sandbox.anthropic import SandboxAnthropic
from tests.anthropic_world import StillClock
from tests.unit.test_sandbox_anthropic import MESSAGE, Caller

ANALYTICS = "/v1/organizations/analytics/usage?starting_at=2026-11-23T11:00:00Z&ending_at=2026-11-23T14:00:00Z"
LEGACY = ANALYTICS.replace("analytics/usage", "usage_report/messages") + "&bucket_width=1m"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def server(clock: StillClock) -> Iterator[SandboxAnthropic]:
    with SandboxAnthropic(now=clock.now) as server:
        yield server


def told(server: SandboxAnthropic, path: str, **how: object) -> Any:
    """The report, after the sandbox was told how to report; nothing: as before."""
    if how:
        control = Caller(server, x_sandbox_token=server.control_token)
        assert control("POST", "/_sandbox/reports", how)[0] == 200
    admin, _ = server.books.issue_admin()
    return Caller(server, admin, anthropic_beta="analytics-usage-cost-2026-08-24")("GET", path)[1]


def test_calls_in_a_gap_are_never_counted_and_the_watermark_goes_past_them(
    server: SandboxAnthropic, clock: StillClock
) -> None:
    key, _ = server.books.issue()
    told(server, ANALYTICS, gap_seconds=90)
    for _ in range(3):
        assert Caller(server, key)("POST", "/v1/messages", MESSAGE)[0] == 200
        clock.sleep(timedelta(minutes=1))
    report = told(server, ANALYTICS + "&time_bucket_width=1m")
    assert [row["starting_at"] for row in report["data"]] == ["2026-11-23T12:02:00Z"]
    assert report["data_refreshed_at"] == "2026-11-23T12:03:00Z"
    assert [bucket["starting_at"] for bucket in told(server, LEGACY)["data"]] == ["2026-11-23T12:02:00Z"]


def test_every_second_call_may_arrive_late_after_the_watermark_has_gone_past_it(
    server: SandboxAnthropic, clock: StillClock
) -> None:
    key, _ = server.books.issue()
    told(server, ANALYTICS, lag_seconds=30, late_every=2, late_seconds=120)
    for _ in range(2):
        Caller(server, key)("POST", "/v1/messages", MESSAGE)
    counted = []
    for _ in range(4):
        clock.sleep(timedelta(minutes=1))
        counted.append(sum(row["usage"]["requests"] for row in told(server, ANALYTICS)["data"]))
    assert counted == [1, 1, 2, 2]


def test_a_dead_report_says_nothing_of_it(server: SandboxAnthropic, clock: StillClock) -> None:
    key, _ = server.books.issue()
    told(server, ANALYTICS, dead=True)
    Caller(server, key)("POST", "/v1/messages", MESSAGE)
    clock.sleep(timedelta(minutes=5))
    report = told(server, ANALYTICS)
    assert (report["data"], report["data_refreshed_at"]) == ([], "2026-11-23T12:05:00Z")
