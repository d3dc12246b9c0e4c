"""The demo's traffic as one short line, kept up to date while the rotation goes on."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self, runtime_checkable

from rotator.sandbox.world import Traffic, World

_EVERY: Final = 0.5  # seconds between two looks
_LOOKS: Final = 48  # of the past, in one line of 80 columns
_FINE: Final = " ▁▂▃▄▅▆▇█"
_PLAIN: Final = " .:-=+*#@"


@runtime_checkable
class ShowsTraffic(Protocol):
    """A screen that has a place for it: the live view."""

    def set_traffic(self, lines: Sequence[str]) -> None: ...


def traffic_line(traffic: Traffic, names: Mapping[str, str]) -> str:
    """`names`: a key's 12 hex digits → what a person calls it."""
    by_key = [f"{names.get(digest, digest)} {count:,}" for digest, count in sorted(traffic.by_fingerprint.items())]
    by_key.sort(reverse=True)  # old before new
    return " · ".join([f"traffic: {traffic.requests:,} requests", f"{traffic.failed:,} failed", *by_key])


def sparkline(counts: Sequence[int], levels: str = _FINE) -> str:
    """Counts as marks of growing height; nothing is blank, and anything at all is at least the lowest mark."""
    most = max(counts, default=0)
    steps = len(levels) - 1
    return "".join(levels[-(-count * steps // most) if most else 0] for count in counts)


class TrafficFeed:
    """A context manager: a thread that gives the screen a new line twice a second."""

    def __init__(self, world: World, screen: object, names: Mapping[str, str]) -> None:
        self._world, self._names = world, names
        self._screen = screen if isinstance(screen, ShowsTraffic) else None
        self._old = next((digest for digest, name in names.items() if name.startswith("old")), None)
        self._seen = 0
        self._fall: deque[int] = deque(maxlen=_LOOKS)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="demo-traffic", daemon=True)

    @property
    def visible(self) -> bool:
        return self._screen is not None

    def __enter__(self) -> Self:
        if self._screen is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(2 * _EVERY)

    def _follow(self) -> None:
        while not self._ending.wait(_EVERY):
            self.show()

    def show(self) -> None:
        if self._screen is None:
            return
        try:
            traffic = self._world.traffic()
        except OSError:
            return  # the world is busy, or ending; the last line stays
        self._screen.set_traffic([traffic_line(traffic, self._names), self._falling(traffic)])

    def _falling(self, traffic: Traffic) -> str:
        """The old key's requests from look to look: how its traffic comes to nothing."""
        count = traffic.by_fingerprint.get(self._old or "", 0)
        self._fall.append(max(count - self._seen, 0))
        self._seen = count
        terminal = sys.__stderr__  # not `stderr`: the live view stands before that
        fine = terminal is not None and terminal.encoding.lower().startswith("utf")
        return f"old key over time: {sparkline(self._fall, _FINE if fine else _PLAIN)}"
