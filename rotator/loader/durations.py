"""Durations as people write them: `500ms`, `90s`, `15m`, `24h`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from rotator.model.errors import ConfigError

PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,6})?(ms|s|m|h|d)$"
_SHAPE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)", re.ASCII)
_MICROSECONDS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
LONGEST = timedelta(days=3660)
"""Ten years: anything longer is a slip of the keyboard."""


def parse_duration(text: str) -> timedelta:
    """One number (decimals allowed) and one unit of ms, s, m, h, d. Raises `ConfigError`."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{_quoted(text)} is not a duration", "One number and one unit: `500ms`, `90s`, `15m`, `24h`, `7d`."
        )
    number, unit = found.groups()
    microseconds = int(Decimal(number) * _MICROSECONDS[unit])
    if microseconds > LONGEST // timedelta(microseconds=1):
        raise ConfigError(f"{_quoted(text)} is longer than ten years", "Units are ms, s, m (minutes), h and d.")
    return timedelta(microseconds=microseconds)


def format_duration(duration: timedelta) -> str:
    """The shortest form that `parse_duration` reads back as the same duration: `15m`, `24h`, `90s`, `7d`, `1.25s`.

    Raises `ValueError` for a negative one, which no configuration can say.
    """
    microseconds = duration // timedelta(microseconds=1)
    if microseconds < 0:
        raise ValueError("a duration is not negative")
    if microseconds == 0:
        return "0s"
    for unit, least in (("d", 2), ("h", 1), ("m", 1), ("s", 1), ("ms", 1)):  # a day reads best as 24h
        count, rest = divmod(microseconds, _MICROSECONDS[unit])
        if rest == 0 and count >= least and (unit != "ms" or count < 1000):
            return f"{count}{unit}"
    return f"{Decimal(microseconds) / 1_000_000:f}".rstrip("0") + "s"


def _quoted(text: str) -> str:
    return f"`{text}`" if len(text) <= 30 else "this text"
