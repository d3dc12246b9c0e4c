"""Lengths of time are said as `rotate.yaml` has them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.periods import brief
from rotator.loader import format_duration


@pytest.mark.parametrize("said", ["0s", "1s", "90s", "15m", "1h", "24h", "36h", "2d", "7d"])
def test_a_sentence_says_a_length_as_the_configuration_does(said: str) -> None:
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[said[-1]]
    length = timedelta(**{unit: int(said[:-1])})
    assert brief(length) == format_duration(length) == said


def test_a_sentence_leaves_parts_of_a_second_out() -> None:
    assert brief(timedelta(seconds=61, milliseconds=900)) == "61s"
