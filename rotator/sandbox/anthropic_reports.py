"""The sandbox Anthropic's two usage reports. Facts: "Per-key usage"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qs

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.anthropic_books import Denied
from rotator.sandbox.anthropic_wire import Request, invalid
from rotator.sandbox.meter import MINUTE, Cell, Meter

BETA = "analytics-usage-cost-2026-08-24"
SPAN = timedelta(hours=24)
MOST_ROWS, MOST_BUCKETS = 1000, 1440
TOKENS_IN, TOKENS_OUT = 8, 1
"""Of every message of the sandbox."""

_RANGE = ("starting_at", "ending_at")
_T = TypeVar("_T")


def analytics(meter: Meter, request: Request, mine: Collection[str], now: datetime) -> JsonObject:
    """`GET /v1/organizations/analytics/usage`. `mine`: the keys of the caller's organisation."""
    if meter.reporting.open != "both":
        raise Denied(403, "permission_error", "This API key may not read analytics")
    if BETA not in request.headers.get("anthropic-beta", ""):
        raise Denied(404, "not_found_error", "Not Found")
    asked = parse_qs(request.query)
    if _one(asked, "time_bucket_width", "1m") != "1m":
        raise invalid("time_bucket_width: the sandbox serves 1m only, or the whole range at once")
    rows = _rows(meter, asked, mine, now) if "time_bucket_width" in asked else _whole(meter, asked, mine, now)
    if _one(asked, "order", "desc") == "desc":
        rows.reverse()
    page, cursor = _page(rows, asked, MOST_ROWS, 20)
    refreshed = meter.reporting.refreshed_at(now)
    return {
        "data": [_analytics_row(cell, calls, _all(asked, "group_by")) for cell, calls in page],
        "has_more": cursor is not None,
        "next_page": cursor,
        "data_refreshed_at": _time(refreshed) if refreshed else None,
    }


def legacy(meter: Meter, request: Request, mine: Collection[str], now: datetime) -> JsonObject:
    """`GET /v1/organizations/usage_report/messages`."""
    if meter.reporting.open == "none":
        raise Denied(403, "permission_error", "This API key may not read usage")
    asked = parse_qs(request.query)
    if _one(asked, "bucket_width") != "1m":
        raise invalid("bucket_width: the sandbox serves 1m only")
    groups = _all(asked, "group_by")
    buckets: dict[datetime, list[Json]] = {}
    for cell, calls in _rows(meter, asked, mine, now):
        buckets.setdefault(cell.minute, []).append(_legacy_row(cell, calls, groups))
    page, cursor = _page(sorted(buckets.items(), key=lambda bucket: bucket[0]), asked, MOST_BUCKETS, 60)
    data: list[Json] = [
        {"starting_at": _time(at), "ending_at": _time(at + MINUTE), "results": results} for at, results in page
    ]
    return {"data": data, "has_more": cursor is not None, "next_page": cursor}


def _whole(meter: Meter, asked: dict[str, list[str]], mine: Collection[str], now: datetime) -> list[tuple[Cell, int]]:
    """Without a bucket: one row a group for the whole range, which begins at the full hour before."""
    since, until = (_when(asked, name).replace(minute=0, second=0, microsecond=0) for name in _RANGE)
    groups, found = _all(asked, "group_by"), Counter[Cell]()
    for cell, calls in meter.table(_wanted(asked, mine), since, until + timedelta(hours=1), now):
        key, model = cell.key_id if "api_key_id" in groups else "", cell.model if "model" in groups else ""
        workspace = cell.workspace if "workspace_id" in groups else ""
        found[Cell(since, key, model, workspace, since)] += calls
    return sorted(found.items())


def _rows(meter: Meter, asked: dict[str, list[str]], mine: Collection[str], now: datetime) -> list[tuple[Cell, int]]:
    since, until = (_when(asked, name) for name in _RANGE)
    if until <= since or until - since > SPAN:
        raise invalid("ending_at: with 1m buckets the range may span at most 24 hours")
    return meter.table(_wanted(asked, mine), since, until, now)


def _wanted(asked: dict[str, list[str]], mine: Collection[str]) -> set[str]:
    return (set(_all(asked, "api_key_ids")) or set(mine)) & set(mine)


def _analytics_row(cell: Cell, calls: int, groups: Collection[str]) -> JsonObject:
    named = {"api_key_id": cell.key_id, "model": cell.model, "workspace_id": cell.workspace or None}
    group: dict[str, Json] = {name: value if name in groups else None for name, value in named.items()}
    usage: dict[str, Json] = {
        "requests": calls,
        "total_tokens": calls * (TOKENS_IN + TOKENS_OUT),
        "uncached_input_tokens": calls * TOKENS_IN,
        "output_tokens": calls * TOKENS_OUT,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 0},
    }
    return {
        "starting_at": _time(cell.minute),
        "ending_at": _time(cell.minute + MINUTE),
        "group": group,
        "usage": usage,
    }


def _legacy_row(cell: Cell, calls: int, groups: Collection[str]) -> JsonObject:
    named = {"api_key_id": cell.key_id, "model": cell.model, "workspace_id": cell.workspace or None}
    tokens = {
        "uncached_input_tokens": calls * TOKENS_IN,
        "output_tokens": calls * TOKENS_OUT,
        "cache_read_input_tokens": 0,
    }
    return {name: value if name in groups else None for name, value in named.items()} | tokens


def _page(items: Sequence[_T], asked: dict[str, list[str]], most: int, default: int) -> tuple[Sequence[_T], str | None]:
    """One page, and the cursor of the next one."""
    limit, cursor = _one(asked, "limit", str(default)), _one(asked, "page", "page_0")
    if not limit.isdecimal() or not 1 <= int(limit) <= most:
        raise invalid(f"limit: Input should be between 1 and {most}")
    start = cursor.removeprefix("page_")
    if not start.isdecimal():
        raise invalid("page: Invalid cursor")
    end = int(start) + int(limit)
    return items[int(start) : end], f"page_{end}" if end < len(items) else None


def _one(asked: dict[str, list[str]], name: str, default: str = "") -> str:
    return asked.get(name, [default])[0]


def _all(asked: dict[str, list[str]], name: str) -> list[str]:
    return asked.get(f"{name}[]", []) + asked.get(name, [])


def _when(asked: dict[str, list[str]], name: str) -> datetime:
    try:
        at = datetime.fromisoformat(_one(asked, name))
    except ValueError:
        raise invalid(f"{name}: Input should be a valid datetime") from None
    if at.tzinfo is None:
        raise invalid(f"{name}: Input should have timezone info")
    return at.astimezone(UTC)


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
