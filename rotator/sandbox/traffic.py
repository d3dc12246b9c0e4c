"""Traffic without a pause: asks every instance in the routing table in turn, and counts what fails.

A failure is any answer but 200, or none at all, from an instance that was in the table when the request was sent.
Runs as a process of its own, so that nothing else's work slows it down; GET / on its address tells the counts.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.consumer import FINGERPRINT
from rotator.sandbox.processes import announce, live_with_parent
from rotator.sandbox.serving import JsonHandler, LoopbackServer, call, connect

_TIMEOUT = 20.0  # seconds for one request: longer than a consumer's own towards Anthropic
_LOOK = 0.05  # seconds between two looks at the routing table
_SAMPLE = 20  # failures that are kept word for word
_TEXT = 300  # characters of each
_BODY = 64 * 1024  # bytes
_OK = 200


@dataclass(slots=True)
class Counts:
    requests: int = 0
    failed: int = 0
    by_fingerprint: Counter[str] = field(default_factory=Counter)  # of requests that succeeded
    failures: list[JsonObject] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def succeeded(self, fingerprint: str) -> None:
        with self.lock:
            self.requests += 1
            self.by_fingerprint[fingerprint] += 1

    def failed_with(self, instance: str, text: str) -> None:
        with self.lock:
            self.requests += 1
            self.failed += 1
            if len(self.failures) < _SAMPLE:
                now = datetime.now(UTC).isoformat(timespec="milliseconds")
                self.failures.append({"at": now, "instance": instance, "what": text[:_TEXT]})

    def to_json(self) -> JsonObject:
        with self.lock:
            return {
                "requests": self.requests,
                "failed": self.failed,
                "by_fingerprint": dict(self.by_fingerprint),
                "failures": list(self.failures),
            }


class Table:
    """The reader's side of `routing.py`: knows which version has been taken over completely."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._routes: list[tuple[str, str]] = []  # instance, URL
        self._in_flight: Counter[str] = Counter()
        self._turn = 0

    def replace(self, version: int, routes: list[tuple[str, str]]) -> None:
        with self._lock:
            self._version, self._routes = version, routes

    def taken_over(self) -> int:
        """The table's version, once nothing is in flight to an instance that it lacks; before, an older one."""
        with self._lock:
            listed = {instance for instance, _ in self._routes}
            waiting = any(count and instance not in listed for instance, count in self._in_flight.items())
            return 0 if waiting else self._version

    @contextmanager
    def next(self) -> Iterator[tuple[str, str] | None]:
        with self._lock:
            self._turn += 1
            route = self._routes[self._turn % len(self._routes)] if self._routes else None
            if route:
                self._in_flight[route[0]] += 1
        try:
            yield route
        finally:
            if route:
                with self._lock:
                    self._in_flight[route[0]] -= 1


def send(table: Table, counts: Counts, interval: float) -> None:
    """One thread's requests, `interval` seconds apart, for ever; over kept connections, one for each instance."""
    connections: dict[str, HTTPConnection] = {}
    due = time.monotonic()
    while True:
        due = max(due + interval, time.monotonic())
        with table.next() as route:
            if route is not None:
                _one(route, connections, counts)
        time.sleep(max(0.0, due - time.monotonic()))


def _one(route: tuple[str, str], connections: dict[str, HTTPConnection], counts: Counts) -> None:
    instance, url = route
    # By instance, not by URL: a later instance may be given an earlier one's port, but not its connections.
    connection = connections.get(instance) or connections.setdefault(instance, connect(url, _TIMEOUT))
    try:
        connection.request("GET", "/ask")
        response = connection.getresponse()
        body = response.read(_BODY)
    except (OSError, HTTPException) as error:
        connections.pop(instance).close()
        counts.failed_with(instance, f"no answer: {type(error).__name__}")
        return
    if response.status == _OK:
        counts.succeeded(response.getheader(FINGERPRINT, "unknown"))
    else:
        counts.failed_with(instance, f"{response.status} {body.decode(errors='replace')}")


def follow(table: Table, fleet: str, token: str) -> None:
    """Take the fleet's routing table over, for ever."""
    reader = f"traffic-{time.monotonic_ns()}"
    while True:
        try:
            _, answer = call("GET", f"{fleet}/routes?reader={reader}&version={table.taken_over()}", token=token)
        except OSError:
            answer = {}  # the fleet is busy or gone: the last table goes on, and what fails is counted
        routes: Json = answer.get("routes")
        if isinstance(routes, list):
            table.replace(int(str(answer["version"])), [(str(r["instance"]), str(r["url"])) for r in routes])
        time.sleep(_LOOK)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rotator.sandbox.traffic", description=__doc__)
    parser.add_argument("fleet", help="the fleet's URL")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=48.0, help="requests a second, all instances together")
    parser.add_argument("--threads", type=int, default=4)
    chosen = parser.parse_args()
    live_with_parent()
    table, counts = Table(), Counts()

    class Handler(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
            self.answer(_OK, counts.to_json())

    token = chosen.token_file.read_text().strip()
    threading.Thread(target=follow, args=(table, chosen.fleet, token), daemon=True).start()
    for _ in range(chosen.threads):
        threading.Thread(target=send, args=(table, counts, chosen.threads / chosen.rate), daemon=True).start()
    server = LoopbackServer(0, Handler)
    announce({"url": server.url})
    server.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
