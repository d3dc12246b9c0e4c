"""Lengths of time in a person's words."""

from __future__ import annotations

from datetime import timedelta


def brief(length: timedelta) -> str:
    """`90s`, `15m`, `24h`, `7d`: in the largest unit that it is a whole number of."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
