"""Lengths of time in a person's words."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_UNITS: Final = (("d", 86400, 2), ("h", 3600, 1), ("m", 60, 1))  # a day reads best as 24h, as in rotate.yaml


def brief(length: timedelta) -> str:
    """`90s`, `15m`, `24h`, `7d`: in the largest unit that it is a whole number of; parts of a second are left out."""
    seconds = int(length.total_seconds())
    for unit, size, least in _UNITS:
        if seconds >= size * least and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
