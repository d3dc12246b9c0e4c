"""The journal in memory: the same contract as the durable ones, for simulated worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock

from rotator.core import chain
from rotator.model.event import GENESIS, Event
from rotator.ports import Conflict, Lease


class MemoryJournal:
    """`ports.Journal` that ends with the process.

    Events are kept as the rows that a database would keep, so nothing that could not be stored gets through.
    """

    def __init__(self) -> None:
        self._logs: dict[str, list[dict[str, int | str | None]]] = {}
        self._leases: dict[str, Lease] = {}
        self._lock = Lock()

    def read(self, credential: str, after: int = 0) -> Sequence[Event]:
        with self._lock:
            rows = self._logs.get(credential, [])[max(0, after - 1) :]
        return chain.follow([tuple(row.values()) for row in rows], after)

    def read_many(self, credentials: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        return {credential: self.read(credential) for credential in credentials}

    def append(self, credential: str, event: Event) -> None:
        row = chain.to_row(event)
        with self._lock:
            log = self._logs.get(credential, [])
            if event.seq != len(log) + 1:
                raise Conflict(f"event {event.seq} of {credential}: the last one is {len(log)}")
            chain.check_next(event, len(log), str(log[-1]["hash"]) if log else GENESIS)
            self._logs[credential] = [*log, row]

    def credentials(self) -> Sequence[str]:
        with self._lock:
            return sorted(self._logs)

    def heartbeat(self, credential: str, holder: str, until: datetime) -> None:
        with self._lock:
            self._leases[credential] = Lease(holder=holder, until=until)

    def lease(self, credential: str) -> Lease | None:
        with self._lock:
            return self._leases.get(credential)

    def release(self, credential: str, holder: str) -> None:
        with self._lock:
            held = self._leases.get(credential)
            if held and held.holder == holder:
                del self._leases[credential]
