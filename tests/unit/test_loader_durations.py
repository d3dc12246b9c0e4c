from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.loader import format_duration, parse_duration
from rotator.model.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("0.2s", 0.2),
        ("90s", 90),
        ("15m", 900),
        ("24h", 86400),
        ("7d", 604800),
        ("1.5h", 5400),
        ("0s", 0),
    ],
)
def test_one_number_and_one_unit_are_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "1h30m", "5S", "٥s", "1e3s", "5s\n", "9" * 5000 + "s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a duration"):
        parse_duration(text)


def test_more_than_ten_years_is_a_slip_of_the_keyboard() -> None:
    with pytest.raises(ConfigError, match="longer than ten years"):
        parse_duration("999999999d")


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660)))
def test_what_is_formatted_is_read_back_as_the_same(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["0s", "200ms", "1.25s", "90s", "15m", "24h", "36h", "7d", "90d"])
def test_the_form_is_the_one_that_people_write(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


def test_a_negative_duration_has_no_form() -> None:
    with pytest.raises(ValueError, match="negative"):
        format_duration(timedelta(seconds=-1))
