"""The laws that the journal itself must keep, looked at when a row is appended: one owner, no key, bounds."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Final, NoReturn

from rotator.core.decide import MAX_ATTEMPTS
from rotator.model.event import Event, Kind
from rotator.model.plan import Plan

if TYPE_CHECKING:
    from rotator.sandbox.sim.world import SimulatedWorld

_ENDS: Final = frozenset({Kind.COMPLETED, Kind.ROLLED_BACK, Kind.ABANDONED})
_NOTES: Final = frozenset({Kind.APPROVED, Kind.RESUMED, Kind.TAKEN_OVER, Kind.OPENED})
"""Kinds that a process may append without holding the rotation: a person's word, or its taking over."""


class LawBroken(BaseException):
    """A law does not hold. No part of the tool may catch it: the run ends here."""


class LogLaws:
    """Laws 5, 6 and 8; and what the log says that laws 1, 3, 4 and 7 are judged by."""

    def __init__(self, world: SimulatedWorld, needles: list[str]) -> None:
        self._world = world
        self._needles = needles
        self.plan: Plan | None = None
        """The open rotation's: as the configuration was when it was opened, or last accepted."""
        self.intents: dict[str, Event] = {}
        """By step: what was intended and is not known to have ended."""
        self.disabled_at: datetime | None = None
        self.soaked = False
        self.approved: Event | None = None
        """The approval of archive, for this plan and since the old key was disabled."""
        self._owner: str | None = None
        self._open = False
        self._failures: Counter[str] = Counter()

    def appended(self, event: Event, late: bool) -> None:
        """Laws 5, 6 and 8, at every row; and what laws 3 and 4 need to know later."""
        self.no_key(self._world.journal.written, f"event {event.seq}")
        self._one_open(event, late)
        step = event.step or ""
        match event.kind:
            case Kind.OPENED:
                self.intents, self.disabled_at, self.soaked, self.approved = {}, None, False, None
                self._failures.clear()
                self.plan = self._world.plan
            case Kind.INTENDED:
                self.intents[step] = event
            case Kind.APPLIED | Kind.UNDONE:
                self.intents.pop(step, None)
                self._settled(event)
            case Kind.FAILED if event.data.get("standing"):
                self.intents.pop(step, None)
            case Kind.FAILED:
                self._failures[step] += 1
                needed = step == "disable" and bool(self.intents[step].data.get("undo"))  # never given up on
                if self._failures[step] > 2 * MAX_ATTEMPTS and not needed:  # as many forward as back
                    _fail(f"law 8: {step} failed {self._failures[step]} times without a person's word")
            case Kind.MEASURED if step == "soak":
                self.soaked = event.data["verdict"] == "passed"
            case Kind.APPROVED if event.data["what"] == "archive":
                self.approved = event
            case Kind.RESUMED:
                self._failures.clear()
                if event.data.get("plan"):
                    self.plan, self.approved = self._world.plan, None
            case _:
                pass
        if event.kind is Kind.APPROVED:
            self._failures.clear()

    def _settled(self, event: Event) -> None:
        if event.step == "disable":
            self.disabled_at = event.at if event.kind is Kind.APPLIED else None
            self.soaked, self.approved = False, None

    def _one_open(self, event: Event, late: bool) -> None:
        if event.kind is Kind.OPENED:
            if self._open:
                _fail("law 5: a second rotation was opened")
            self._open, self._owner = True, event.holder
            return
        if not self._open:
            _fail(f"law 5: {event.kind.value} after the rotation's end")
        if event.kind not in _NOTES and event.holder != self._owner:
            _fail(f"law 5: {event.holder} appended {event.kind.value} to {self._owner}'s rotation")
        if event.kind in (Kind.RESUMED, Kind.TAKEN_OVER):
            self._owner = event.holder
        if event.kind in _ENDS:
            self._open = False

    def no_key(self, text: str, where: str) -> None:
        for needle in self._needles:
            if needle in text:
                _fail(f"law 6: {where} holds a key's text")


def _fail(what: str) -> NoReturn:
    raise LawBroken(what)
