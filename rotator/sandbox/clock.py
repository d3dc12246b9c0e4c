"""A clock that runs a day in no time, and lets a simulated world act while it passes."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

MAX_CALLBACKS = 1_000_000
"""Most callbacks that one passage of time runs: one that schedules itself for now would never end."""

_NOTHING: Final = timedelta()


class SteppedClock:
    """`ports.Clock` of a machine whose clock was set back: `behind` the true one, which passes as it always does."""

    def __init__(self, true: VirtualClock) -> None:
        self.behind = _NOTHING
        self._true = true

    def now(self) -> datetime:
        return self._true.now() - self.behind

    def sleep(self, duration: timedelta) -> None:
        self._true.sleep(duration)


class VirtualClock:
    """`ports.Clock` whose time passes only through `sleep` and `advance`. For one thread."""

    def __init__(self, start: datetime, on_sleep: Callable[[timedelta], None] | None = None) -> None:
        """`start` must be aware. `on_sleep` is told every sleep's duration, before its time passes."""
        if start.utcoffset() is None:
            raise ValueError("a virtual clock starts at an aware time")
        self._now = start
        self._on_sleep = on_sleep
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._scheduled = 0

    def now(self) -> datetime:
        return self._now

    def sleep(self, duration: timedelta) -> None:
        """Let `duration` pass at once; a negative one is over at once, as with the system's clock."""
        if self._on_sleep:
            self._on_sleep(duration)
        self.advance(max(_NOTHING, duration))

    def at(self, when: datetime, fn: Callable[[], None]) -> None:
        """Run `fn` when time reaches `when`; a past one runs the next time that time passes.

        Callbacks of one instant run in the order in which they were given. `fn` may itself use the clock.
        """
        heapq.heappush(self._agenda, (when, self._scheduled, fn))
        self._scheduled += 1

    def advance(self, delta: timedelta) -> None:
        """Let `delta` pass; what is due on the way runs at its own time."""
        if delta < _NOTHING:
            raise ValueError("time does not run backwards")
        end = self._now + delta
        if not self._agenda:
            self._now = end
            return
        for _ in range(MAX_CALLBACKS):
            if not self._agenda or self._agenda[0][0] > end:
                break
            when, _order, fn = heapq.heappop(self._agenda)
            self._now = max(self._now, when)
            fn()
        else:
            raise RuntimeError(f"more than {MAX_CALLBACKS} callbacks in one passage of time")
        # A callback that slept may already have gone past the end.
        self._now = max(self._now, end)
