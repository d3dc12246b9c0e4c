"""The journal of a simulated world: as the memory journal, but not parsed again for every process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rotator.core import chain
from rotator.model.errors import JournalError
from rotator.model.event import GENESIS, Event
from rotator.ports import Conflict, Lease


class SimulatedJournal:
    """Each event is written down and read back once, when it is appended: what cannot be stored does not get through.

    The hashes are not computed again: no simulated fault damages a stored row, and a run reads each some dozen times.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.written = ""
        """The last row's text, as it would stand on a disk."""
        self._lease: Lease | None = None

    def read(self, credential: str, after: int = 0) -> Sequence[Event]:
        return self.events[after:]

    def read_many(self, credentials: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        return {credential: self.read(credential) for credential in credentials}

    def append(self, credential: str, event: Event) -> None:
        if event.seq != len(self.events) + 1:
            raise Conflict(f"event {event.seq} of {credential}: the last one is {len(self.events)}")
        if event.prev != (self.events[-1].hash if self.events else GENESIS):
            raise JournalError(f"event {event.seq} does not follow from the event before it")
        row = chain.to_row(event)
        self.events.append(chain.from_row(row))
        self.written = f"{row['step']} {row['data']} {row['holder']}"

    def credentials(self) -> Sequence[str]:
        return ["prod-chat"] if self.events else []

    def heartbeat(self, credential: str, holder: str, until: datetime) -> None:
        self._lease = Lease(holder=holder, until=until)

    def lease(self, credential: str) -> Lease | None:
        return self._lease

    def release(self, credential: str, holder: str) -> None:
        if self._lease is not None and self._lease.holder == holder:
            self._lease = None
