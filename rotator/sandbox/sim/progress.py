"""How far a run has come: one line that is written over and over on a terminal, else a line every thousand seeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, TextIO

_WIDE: Final = 16
"""Characters of the bar: with the rest of the line no more than the 79 of a terminal."""

_SELDOM: Final = 1_000
"""Seeds between two lines where nobody watches."""

_BLINK: Final = timedelta(milliseconds=100)
"""Between two looks of a person."""


class Progress:
    def __init__(self, wanted: int, out: TextIO) -> None:
        self._wanted, self._out = wanted, out
        self._terminal = out.isatty()
        self._began = self._drawn = datetime.now(UTC)
        self._done = 0

    def come(self, done: int, broken: int) -> None:
        """`done`: how many seeds of all have been run; `broken`: how many of them broke a law."""
        now, before, self._done = datetime.now(UTC), self._done, done
        words = told(done, self._wanted, broken, now - self._began)
        if not self._terminal:
            if done // _SELDOM > before // _SELDOM:
                self._out.write(words + "\n")
        elif now - self._drawn >= _BLINK or done >= self._wanted:
            self._drawn = now
            self._out.write(f"\r{bar(done, self._wanted)} {words}\x1b[K" + ("\n" if done >= self._wanted else ""))
        self._out.flush()


def bar(done: int, wanted: int) -> str:
    full = _WIDE * done // max(wanted, 1)
    return f"[{'#' * full}{'.' * (_WIDE - full)}]"


def told(done: int, wanted: int, broken: int, took: timedelta) -> str:
    """The speed is that of the whole run so far, and the rest, in minutes and seconds, is believed to go on at it."""
    speed = done / max(took.total_seconds(), 1e-3)
    minutes, seconds = divmod(round((wanted - done) / speed) if done else 0, 60)
    return f"{done} of {wanted} seeds, {broken} broken, {speed:.0f}/s, {minutes}:{seconds:02} left"
