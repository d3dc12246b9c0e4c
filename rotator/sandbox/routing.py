"""The routing table: which instances receive requests, and the proof that a removed one receives no more.

A reader (the traffic) asks for the table again and again, each time saying the last version that it has *taken over
completely*: it sends nothing to, and awaits nothing from, an instance that this version lacks. Only when every reader
has said so may a removed instance be stopped. This is what a load balancer calls connection draining.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rotator.model.canonical import JsonObject

_READER_GONE = 2.0  # seconds of silence after which a reader no longer counts
_LOOK = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Route:
    instance: str
    consumer: str
    url: str


class RoutingTable:
    """Thread-safe. Every change makes a new version."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._routes: dict[str, Route] = {}
        self._version = 0
        self._readers: dict[str, tuple[int, float]] = {}
        self._at_the_door: dict[str, int] = {}
        self._turn = 0

    def add(self, route: Route) -> None:
        with self._changed:
            self._routes[route.instance] = route
            self._version += 1

    def remove(self, instance: str) -> int:
        """The version from which on the instance is absent, for `drained`."""
        with self._changed:
            self._routes.pop(instance, None)
            self._version += 1
            return self._version

    def read(self, reader: str, taken_over: int) -> JsonObject:
        """The table, for a reader that has taken `taken_over` over completely."""
        with self._changed:
            if reader:
                self._readers[reader] = (taken_over, time.monotonic())
                self._changed.notify_all()
            routes = [{"instance": r.instance, "consumer": r.consumer, "url": r.url} for r in self._routes.values()]
            return {"version": self._version, "routes": routes}

    def drained(self, instance: str, version: int, timeout: float) -> bool:
        """Whether, within `timeout` seconds, nobody sends to or awaits anything from the instance any more."""

        def done() -> bool:
            oldest = time.monotonic() - _READER_GONE
            behind = any(seen < version and heard > oldest for seen, heard in self._readers.values())
            return not behind and not self._at_the_door.get(instance)

        deadline = time.monotonic() + timeout
        with self._changed:
            while not done() and time.monotonic() < deadline:
                self._changed.wait(_LOOK)  # a reader that died notifies nobody
            return done()

    @contextmanager
    def one_of(self, consumer: str) -> Iterator[Route | None]:
        """An instance of the consumer, in turn, held in the table's books until the request through it has ended."""
        with self._changed:
            routes = [route for route in self._routes.values() if route.consumer == consumer]
            self._turn += 1
            route = routes[self._turn % len(routes)] if routes else None
            if route is not None:
                self._at_the_door[route.instance] = self._at_the_door.get(route.instance, 0) + 1
        try:
            yield route
        finally:
            if route is not None:
                with self._changed:
                    self._at_the_door[route.instance] -= 1
                    self._changed.notify_all()
