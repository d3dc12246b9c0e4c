"""Law 7's arithmetic: a week of minutes of two keys, read from a report's JSON and weighed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from rotator.adapters.issuer.usage_rows import analytics_rows
from rotator.core import drain
from rotator.core.drain import Window
from rotator.model.keys import KeyText
from rotator.model.usage import MINUTE, Minute, Source, Usage
from tests.bench.measure import Figure, compared, in_turns, peak_of, timed

WEEK = 7 * 24 * 60
START = datetime(2026, 11, 16, tzinfo=UTC)
ADMIN = KeyText("sk-ant-admin99-" + "x" * 95)
WINDOW = Window(opened=START, quiet_for=15 * MINUTE, cadence=30 * MINUTE, slowest="batch", lag=5 * MINUTE)


def figures(rounds: int) -> list[Figure]:
    usage, page = _week(), json.dumps(_page())

    def weigh() -> None:
        drain.weigh(WINDOW, usage, "apikey_1", "apikey_2")

    def rows() -> None:
        for _ in analytics_rows(ADMIN, json.loads(page)):
            pass

    found = in_turns(
        rounds,
        {
            "a week of minutes, weighed": lambda: timed(weigh),
            "a day of minutes, read": lambda: timed(rows),
            "json.loads of that day": lambda: timed(lambda: json.loads(page)),
        },
    )
    most = peak_of(_weighed_anew) / 1e6
    weighed = _within(found["a week of minutes, weighed"], 0.05)
    read = compared(found, "a day of minutes, read", "json.loads of that day", unit="ms", scale=1e3)
    memory = Figure(
        name="a week of minutes, memory",
        against="20 MB",
        ratios=[most / 20],
        value=f"{most:.1f} MB",
        aim="<= 1x",
        met=most <= 20,
    )
    return [weighed, read, memory]


def _within(seconds: Sequence[float], most: float) -> Figure:
    return Figure(
        name="a week of minutes, weighed",
        against=f"{most * 1e3:.0f} ms",
        ratios=[each / most for each in seconds],
        value=f"{median(seconds) * 1e3:.1f} ms",
        aim="<= 1x",
        met=median(seconds) <= most,
    )


def _week() -> Usage:
    """Both keys in use in every minute: the worst case."""
    end = START + timedelta(days=7)
    both = {key: tuple(_minute(number) for number in range(WEEK)) for key in ("apikey_1", "apikey_2")}
    return Usage(source=Source.ANALYTICS, since=START, read_at=end, complete_until=end, minutes=both)


def _minute(number: int) -> Minute:
    at = START + number * MINUTE
    return Minute(at=at, volume=40, models=frozenset({"m1", "m2"}), workspaces=frozenset({"w"}))


def _page() -> dict[str, object]:
    rows = []
    for n in range(24 * 60):
        for key in ("apikey_1", "apikey_2"):
            at = (START + n * MINUTE).isoformat()
            group = {"api_key_id": key, "model": "m1", "workspace_id": "w"}
            rows.append({"starting_at": at, "group": group, "usage": {"requests": 40, "total_tokens": 360}})
    return {"data": rows}


def _weighed_anew() -> None:
    """The week itself, and weighing it."""
    drain.weigh(WINDOW, _week(), "apikey_1", "apikey_2")
