"""Where talk goes: stderr, as plain timestamped lines. Results go to stdout, by `results.py`.

`open_screen` picks the live view on a terminal that can show it, and these lines everywhere else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol

from rotator.adapters.clock import SystemClock
from rotator.cli.words import sentence
from rotator.model.decision import Decision
from rotator.model.event import Event, Kind
from rotator.model.rotation import Rotation


class Screen(Protocol):
    """Shows a rotation while it goes on."""

    def listen(self, rotation: Rotation, what: Event | Decision) -> None:
        """A `session.Listener`: every event and decision comes through here."""
        ...

    def say(self, text: str) -> None:
        """A line for the person, above whatever is drawn."""
        ...

    def paused(self) -> AbstractContextManager[None]:
        """While a question is asked, nothing is drawn over it."""
        ...

    def close(self) -> None: ...


class Lines:
    """One line for each thing that changed. Never two equal ones in a row; never a word about what is the same."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or SystemClock().now
        self._seq = 0

    def listen(self, rotation: Rotation, what: Event | Decision) -> None:
        if isinstance(what, Event) and what.seq > self._seq:  # a repeated seq: measured again, nothing changed
            self._seq = what.seq
            if what.kind is not Kind.HELD:  # the command's ending says it
                self.say(sentence(what), what.at)

    def say(self, text: str, at: datetime | None = None) -> None:
        write(f"{at or self._now():%H:%M:%S} {text}")

    @contextmanager
    def paused(self) -> Iterator[None]:
        yield

    def close(self) -> None:
        pass


def write(line: str) -> None:
    """One line on stderr. A terminal that has gone away must not end a rotation half-way: its errors are dropped."""
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def can_draw() -> bool:
    """Whether stderr is a terminal that can move its cursor."""
    try:
        return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except ValueError:
        return False


def open_screen(*, json: bool) -> Screen:
    if json or not can_draw():
        return Lines()
    from rotator.cli.live import LiveView  # rich is loaded only where something is drawn

    return LiveView()
