"""The live view: what a person sees on a terminal while a rotation goes on.

Every event is printed once, above, so that scrolling back shows the whole log; below it one frame is
drawn again and again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Final, TextIO, cast

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rotator.adapters.clock import SystemClock
from rotator.cli.frame import Shown, frame
from rotator.cli.ink import FAINT, Room, printable
from rotator.cli.words import sentence
from rotator.model.decision import Decision
from rotator.model.event import Event, Kind
from rotator.model.rotation import Rotation

_REFRESH: Final = 4
"""Frames a second: enough for a countdown, little for a slow line."""


class LiveView:
    """A `Screen`. Draws nothing before the first event; `close` leaves the last frame and gives the cursor back.

    `now` tells the time that countdowns are drawn by. `console` is replaced in tests.
    """

    def __init__(self, now: Callable[[], datetime] | None = None, console: Console | None = None) -> None:
        self._now = now or SystemClock().now
        self._console = console or Console(file=cast(TextIO, Lasting(sys.stderr)), highlight=False)
        self._shown: Shown | None = None  # replaced whole, never changed: rich draws it from a thread of its own
        self._traffic: tuple[str, ...] = ()
        self._printed: dict[str, int] = {}
        self._live: Live | None = None
        self._closed = False

    def listen(self, rotation: Rotation, what: Event | Decision) -> None:
        """A `session.Listener`. A measurement that changed nothing moves the frame, and is not printed."""
        before = self._shown
        if isinstance(what, Event):
            decision = before.decision if before else None
            doing = sentence(what) if what.kind is Kind.INTENDED else ""
        else:
            decision, doing = what, ""
        self._shown = Shown(rotation=rotation, decision=decision, doing=doing)
        self._start()
        if isinstance(what, Event):
            self._log(rotation, what)

    def _log(self, rotation: Rotation, event: Event) -> None:
        """Once each, as in `screen.Lines`. How it ended is the command's to say."""
        credential = rotation.plan.credential
        if event.seq > self._printed.get(credential, 0):
            self._printed[credential] = event.seq
            if event.kind is not Kind.HELD:
                self._print(sentence(event), event.at, FAINT)

    def say(self, text: str) -> None:
        for each in text.splitlines() or [""]:
            self._print(each, self._now(), "")

    def _print(self, text: str, at: datetime, style: str) -> None:
        row = Table.grid(padding=(0, 1))
        row.add_row(Text(f"{at:%H:%M:%S}", FAINT, no_wrap=True), Text(printable(text), style, overflow="fold"))
        self._console.print(row)

    def set_traffic(self, lines: Sequence[str]) -> None:
        """What stands at the bottom of the frame, a few short lines; `failed 3` or `3 failed` in them turns red."""
        self._traffic = tuple(lines)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The frame as it was stays above the question: it is what the answer is about."""
        was_drawing = self._live is not None
        self._stop()
        try:
            yield
        finally:
            if was_drawing:
                self._start()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stop()

    def _start(self) -> None:
        """Each time a new `Live`: one that is started again would draw over what was typed in between."""
        if self._live is not None or self._closed:
            return
        # stdout is left alone: results that are redirected to a file must get there.
        self._live = Live(
            get_renderable=self._frame,
            console=self._console,
            refresh_per_second=_REFRESH,
            redirect_stdout=False,
        )
        self._live.start(refresh=True)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _frame(self) -> Text:
        shown = self._shown
        if shown is None:
            return Text()
        size = self._console.size
        utf8 = self._console.encoding.startswith("utf")
        height = None if self._closed else size.height
        shown = replace(shown, traffic=self._traffic, over=self._closed)
        return frame(shown, self._now(), Room(width=size.width, height=height, utf8=utf8))


class Lasting:
    """A terminal to write to that may go away: what cannot be written then is dropped, so that the rotation goes on."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    @property
    def encoding(self) -> str:
        return self._file.encoding or "utf-8"

    def write(self, text: str) -> int:
        try:
            self._file.write(text)
        except UnicodeEncodeError:
            self.write(text.encode(self.encoding, "replace").decode(self.encoding))
        except (OSError, ValueError):  # ValueError: it was closed
            pass
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()

    def isatty(self) -> bool:
        try:
            return self._file.isatty()
        except (OSError, ValueError):
            return False

    def fileno(self) -> int:
        return self._file.fileno()
