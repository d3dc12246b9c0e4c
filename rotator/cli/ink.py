"""What a line on a terminal is drawn with: marks that survive without colour, and text that cannot break it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from textwrap import wrap
from typing import Final, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.text import Text

# Only colours that can be read on light and on dark backgrounds; what they say is also said by a mark or a word.
GOOD: Final = "green"
BAD: Final = "bold red"
ATTENTION: Final = "magenta"
FAINT: Final = "dim"
STRONG: Final = "bold"

Piece: TypeAlias = tuple[str, str]
"""Text and its style."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    done: str
    now: str
    to_come: str
    wrong: str
    unsure: str
    error: str
    on_new: str
    on_old: str
    unknown: str
    rule: str
    dot: str
    more: str
    spinner: Sequence[str]


FINE: Final = Marks(
    done="✓",
    now="▶",
    to_come="·",
    wrong="✗",
    unsure="?",
    error="!",
    on_new="█",
    on_old="░",
    unknown="?",
    rule="─",
    dot="·",
    more="…",
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
)
PLAIN: Final = Marks(
    done="+",
    now=">",
    to_come=".",
    wrong="x",
    unsure="?",
    error="!",
    on_new="#",
    on_old="-",
    unknown="?",
    rule="-",
    dot="-",
    more="...",
    spinner="|/-\\",
)
"""For a terminal whose encoding is not UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the terminal has: cells a line, lines (None: as many as are needed), and whether it speaks UTF-8."""

    width: int
    height: int | None = None
    utf8: bool = True

    @property
    def marks(self) -> Marks:
        return FINE if self.utf8 else PLAIN


def printable(text: str) -> str:
    """One line, without control characters: an outside system's error text must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def clipped(text: str, width: int, more: str) -> str:
    """At most `width` cells wide; ends in `more` where something was cut off."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - len(more), 0)).rstrip() + more[: max(width, 0)]


def clipped_inside(text: str, width: int, more: str) -> str:
    """As `clipped`, keeping both ends: secrets differ in the last part of their names."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    tail = max((width - len(more)) * 2 // 3, 0)
    return clipped(text[: len(text) - tail], width - tail, more) + text[len(text) - tail :]


def line(pieces: Sequence[Piece], width: int, more: str) -> Text:
    """One line of at most `width` cells: the piece that does not fit is cut, the ones after it are left out."""
    made, left = Text(no_wrap=True, overflow="crop"), width
    for text, style in pieces:
        shown = clipped(text, left, more)
        made.append(shown, style)
        left -= cell_len(shown)
        if left <= 0 or shown != printable(text):
            break
    return made


def folded(text: str, width: int, most: int, more: str) -> list[str]:
    """Broken between words into at most `most` lines."""
    lines = wrap(printable(text), max(width, 10), break_on_hyphens=False) or [""]
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [clipped(each, width, more) for each in lines]


def lasting(duration: timedelta) -> str:
    """`3m 12s`, `2h 5m`, `1d 3h`: the two largest units."""
    seconds = max(int(duration.total_seconds()), 0)
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {seconds % 60}s" if minutes else f"{seconds}s"
