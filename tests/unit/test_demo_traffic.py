"""The sparkline of the demo's traffic."""

from __future__ import annotations

from rotator.cli.demo_traffic import sparkline


def test_the_most_is_the_highest_mark_and_nothing_is_blank() -> None:
    assert sparkline([8, 4, 1, 0]) == "█▄▁ "


def test_one_request_among_thousands_is_still_to_be_seen() -> None:
    assert sparkline([5000, 1]) == "█▁"


def test_without_traffic_there_is_nothing_to_draw() -> None:
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""
