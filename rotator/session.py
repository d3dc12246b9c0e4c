"""Floor 4: one process's hold on one credential's log: its lease, its place in the log, its appends (laws 4 and 5).

The lease is advisory; what keeps two processes apart is the append at the next sequence number. A process that lost the
log learns it from a conflict, re-reads, and either goes on (somebody answered) or stops (somebody took over).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, TypeAlias

from rotator.core import chain, fold
from rotator.model.canonical import JsonObject
from rotator.model.decision import Decision
from rotator.model.errors import HeldByAnother, JournalError, UsageError
from rotator.model.event import Event, Kind, process
from rotator.model.plan import StepId
from rotator.model.rotation import Outcome, Rotation
from rotator.ports import Clock, Conflict, Holders, Journal

LEASE: Final = timedelta(seconds=30)
"""How long a silent holder is believed to be alive. One that certainly is not, on this machine, is not waited for."""

_RENEW: Final = timedelta(seconds=10)
"""A lease that was written less than this ago, and holds long enough, is not written again: each write is a commit."""

_POSTS: Final = 20
"""How often a person's note, or how our effect ended, is tried again after a conflict with a busy process."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)

Listener: TypeAlias = Callable[[Rotation, Event | Decision], None]
"""Told of every event, journaled or only measured, and of every decision."""


class Moved(Exception):
    """Somebody else appended first. The log was read again: decide again."""


def ignore(rotation: Rotation, what: Event | Decision) -> None:
    """A listener that does not listen."""


class Session:
    """Read the log with `refresh`; hold it inside `with`; write with `append` (held) or `post` (a note, not held)."""

    def __init__(
        self, journal: Journal, clock: Clock, holders: Holders, credential: str, listener: Listener = ignore
    ) -> None:
        self._journal = journal
        self.clock = clock
        self._holders = holders
        self.credential = credential
        self._listener = listener
        self.events: list[Event] = list(journal.read(credential))
        self.rotation: Rotation | None = fold.fold(self.events)
        self._owned = False
        self._from_the_dead = False
        self._found: str | None = None
        self._beaten = self._until = _NEVER

    @property
    def me(self) -> str:
        return self._holders.me

    @property
    def open(self) -> Rotation:
        """The rotation that is open now. Raises `JournalError` where there is none: the caller has checked."""
        if self.rotation is None or self.rotation.outcome is not Outcome.OPEN:
            raise JournalError(f"{self.credential} has no open rotation", f"rotate status {self.credential}")
        return self.rotation

    def _require_same(self, rotation: str) -> None:
        """What a person said of one rotation is never written into the next."""
        now = self.open.id
        if now != rotation:
            raise JournalError(
                f"rotation {rotation} has ended, and {now} was opened meanwhile: nothing was written into that one",
                f"rotate status {self.credential}",
            )

    @property
    def earlier(self) -> list[Rotation]:
        """The log's rotations before the latest one, oldest first: what they left undone is still owed."""
        return fold.rotations(self.events)[:-1]

    @property
    def open_now(self) -> bool:
        return self.rotation is not None and self.rotation.outcome is Outcome.OPEN

    def held_by(self) -> str | None:
        """Another holder whose lease is still believed; None where the log is free."""
        lease = self._journal.lease(self.credential)
        if lease is None or lease.holder == self.me or lease.until <= self.clock.now():
            return None
        return None if self._holders.is_gone(lease.holder) else lease.holder

    def __enter__(self) -> Session:
        self._refuse_held()
        lease = self._journal.lease(self.credential)
        self._from_the_dead = lease is not None and lease.holder != self.me
        self.beat()
        self._refuse_held()  # by one that came at the same moment
        self.refresh()
        self._found = self.rotation.owner if self.rotation is not None else None
        return self

    def _refuse_held(self) -> None:
        other = self.held_by()
        if other is not None:
            raise HeldByAnother(
                f"{self.credential} is being worked on by {process(other)}",
                f"wait for it, watch it with `rotate status {self.credential} --watch`, or if that process is surely "
                f"dead: rotate unlock {self.credential} --by WHO --reason WHY",
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._until = _NEVER
        self._journal.release(self.credential, self.me)

    def evict(self, holder: str) -> None:
        """End another holder's lease: a person says that it is dead."""
        self._journal.release(self.credential, holder)

    def beat(self, longer: timedelta = timedelta()) -> None:
        """Extend the lease: by `LEASE`, and by what the next call may take."""
        now = self.clock.now()
        if self._beaten <= now < self._beaten + _RENEW and now + longer + LEASE - _RENEW <= self._until:
            return
        if self.held_by() is not None:
            return  # somebody took over while this process slept: theirs is not overwritten, and the log says so next
        self._beaten, self._until = now, now + LEASE + longer
        self._journal.heartbeat(self.credential, self.me, self._until)

    def refresh(self) -> None:
        """Read what others appended. Raises `HeldByAnother` where one of them took the rotation over."""
        for event in self._journal.read(self.credential, after=self.events[-1].seq if self.events else 0):
            if self.events and event.prev != self.events[-1].hash:
                raise JournalError(
                    f"the journal of {self.credential} is not the one that this process began with (event {event.seq})",
                    "Was it restored from a backup? Run the command again: it begins with the journal as it is now.",
                )
            self._take_in(event)
        if self._owned and self.rotation is not None and self.rotation.owner != self.me:
            self._owned = False
            raise HeldByAnother(
                f"{self.credential} was taken over by {process(self.rotation.owner)} while this process worked on it",
                f"rotate status {self.credential}",
            )

    def begin(self, data: JsonObject) -> None:
        """Open a rotation. Raises `UsageError` where one is open already, or is opened at the same moment."""

        def write() -> None:
            self.refuse_open()
            self._write(Kind.OPENED, None, data, 0)

        self._insist(write)
        self._owned = True

    def refuse_open(self) -> None:
        if self.rotation is not None and self.rotation.outcome is Outcome.OPEN:
            raise UsageError(
                f"{self.credential} has an open rotation already: {self.rotation.id}",
                f"rotate status {self.credential}",
            )

    def append(self, kind: Kind, step: StepId | None = None, data: JsonObject | None = None, attempt: int = 0) -> None:
        """One event of ours at the next place in the log. Raises `Moved` where that place was taken."""
        self._own(kind)
        self._write(kind, step, data or {}, attempt)

    def post(self, kind: Kind, data: JsonObject) -> None:
        """A person's note in the log: it does not take the rotation from the process that works on it.

        Raises `JournalError` where the rotation has ended meanwhile.
        """
        spoken_of = self.open.id

        def write() -> None:
            self._require_same(spoken_of)
            self._write(kind, None, data, 0)

        self._insist(write)

    def note(self, kind: Kind, data: JsonObject) -> None:
        """What concerns the log and not the open rotation: a debt that was settled, or told of. It may have none."""
        self._insist(lambda: self._write(kind, None, data, 0))

    def order(self, kind: Kind, data: JsonObject) -> None:
        """What this process's own person orders: a note that came in meanwhile does not stand in its way.

        Raises `JournalError` where the rotation has ended meanwhile, `HeldByAnother` where it was taken over.
        """
        spoken_of = self.open.id

        def write() -> None:
            self._require_same(spoken_of)
            self.append(kind, data=data)

        self._insist(write)

    def settle(self, kind: Kind, step: StepId, data: JsonObject, attempt: int) -> None:
        """How our effect ended: a note that came in meanwhile changes nothing about that, a takeover does.

        Raises `HeldByAnother` where the rotation was taken over.
        """
        self._insist(lambda: self.append(kind, step, data, attempt))

    def _insist(self, write: Callable[[], None]) -> None:
        """Write, whoever else is faster: after each conflict the log has been read again."""
        for _ in range(_POSTS):
            with suppress(Moved):
                return write()
        raise JournalError(f"the journal of {self.credential} changed {_POSTS} times in a row", "try again")

    def overlay(self, kind: Kind, step: StepId, data: JsonObject) -> None:
        """A look that changed nothing: known to this process, not worth a line in the log."""
        rotation = self.open
        event = Event(
            seq=rotation.seq,
            rotation=rotation.id,
            at=self.clock.now(),
            kind=kind,
            step=str(step),
            attempt=0,
            data=data,
            holder=self.me,
            prev=self.events[-1].prev,
            hash=rotation.head,
        )
        self.rotation = fold.advance(rotation, event)
        self._listener(self.open, event)

    def tell(self, decision: Decision) -> None:
        if self.rotation is not None:
            self._listener(self.rotation, decision)

    def _own(self, kind: Kind) -> None:
        """Before our first event in a rotation that another process wrote: say that we go on, and from whom."""
        rotation = self.rotation
        if rotation is None or rotation.outcome is not Outcome.OPEN:
            self._owned = True
            return
        if self._owned or rotation.owner == self.me:
            self._owned = True
            return
        if rotation.owner != self._found:
            raise HeldByAnother(
                f"{self.credential} was taken over by {process(rotation.owner)} at the same moment",
                f"rotate status {self.credential}",
            )
        if kind is Kind.RESUMED:  # owned by what it says, once it is written
            return
        taken = Kind.TAKEN_OVER if self._from_the_dead else Kind.RESUMED
        self._write(taken, None, {"from": rotation.owner}, 0)
        self._owned = True

    def _write(self, kind: Kind, step: StepId | None, data: JsonObject, attempt: int) -> None:
        last = self.events[-1] if self.events else None
        event = chain.next_event(
            last,
            rotation=self._rotation_id(kind, data),
            at=self.clock.now(),
            kind=kind,
            step=None if step is None else str(step),
            attempt=attempt,
            data=data,
            holder=self.me,
        )
        try:
            self._journal.append(self.credential, event)
        except Conflict:
            self.refresh()
            raise Moved from None
        self._take_in(event)

    def _rotation_id(self, kind: Kind, data: JsonObject) -> str:
        return str(data["rotation"]) if kind is Kind.OPENED or self.rotation is None else self.rotation.id

    def _take_in(self, event: Event) -> None:
        self.events.append(event)
        self.rotation = fold.advance(self.rotation, event)
        if self.rotation is not None:
            self._listener(self.rotation, event)
