"""A tally as lines for a person, none wider than 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from rotator.sandbox.soak.disturbance import COMMANDS, Blow
from rotator.sandbox.soak.instants import STARTING
from rotator.sandbox.soak.tally import COUNTED, FAULTS, FOUND_ABSENT, FOUND_DONE, PROVEN, SERVERS, Tally

_SHOWN: Final = 20  # findings of one sort that are printed
_WIDE: Final = 80  # columns
_NAME, _NUMBER = 38, 8  # columns


def lines(tally: Tally) -> Iterator[str]:
    """Counts; what was met, and where; findings."""
    yield from (_row(name.replace("_", " "), tally.counts[name]) for name in COUNTED)
    yield from (_row(name.replace("_", " "), len(found)) for name, found in tally.bad.items())
    yield from (_row("failed requests", tally.failed_requests), _row("requests", tally.requests))
    yield _row("seconds", round(tally.seconds))
    yield from _table("signals", tally, [blow.value for blow in Blow], "in", COMMANDS)
    yield from _table("network faults", tally, FAULTS, "at", SERVERS)
    yield from _table("rotations", tally, ["completed", "rolled_back", "completed after a leak"], "on", SERVERS[1:])
    yield ""
    yield from (_row(name, tally.met[name]) for name in (PROVEN, FOUND_DONE, FOUND_ABSENT))
    yield ""
    yield "where the kills struck"
    yield from (_row(f"  {where}", count) for where, count in sorted(tally.killed.items(), key=_inside_first))
    yield ""
    yield "exit codes (negative: ended by that signal)"
    yield from _codes(tally)
    for name, found in tally.bad.items():
        yield from (f"{name}: {words}" for words in found[:_SHOWN])
    yield from (f"never met: {what}" for what in tally.never_met)


def _row(name: str, count: int) -> str:
    return f"{name:<{_NAME}}{count:>{_NUMBER}}"


def _table(title: str, tally: Tally, rows: Sequence[str], word: str, columns: Sequence[str]) -> Iterator[str]:
    yield ""
    yield f"{title:<{_NAME - 2 * _NUMBER}}" + "".join(f"{name:>{_NUMBER + 2}}" for name in columns)
    for row in rows:
        counts = (tally.met[f"{row} {word} {column}"] for column in columns)
        yield f"  {row.replace('_', ' '):<{_NAME - 2 * _NUMBER - 2}}" + "".join(f"{n:>{_NUMBER + 2}}" for n in counts)


def _inside_first(item: tuple[str, int]) -> tuple[bool, int, str]:
    where, count = item
    return where.startswith(STARTING), -count, where


def _codes(tally: Tally) -> Iterator[str]:
    for command in sorted({name.split()[0] for name in tally.codes}):
        said = [(int(name.split()[1]), n) for name, n in tally.codes.items() if name.split()[0] == command]
        text = ", ".join(f"{n} x {code}" for code, n in sorted(said))
        yield from textwrap.wrap(f"{command:<10}{text}", _WIDE, initial_indent="  ", subsequent_indent=" " * 12)
