"""The laws that the journal itself must keep, looked at when a row is appended: one owner, no key, bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from rotator.core import record
from rotator.core.approval import CONSUMER
from rotator.core.decide import MAX_ATTEMPTS
from rotator.core.fold import ROLLBACK
from rotator.core.owed import SETTLED
from rotator.model.event import Event, Kind
from rotator.model.keys import KeyStatus
from rotator.model.plan import Plan
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.sim.order_laws import OrderLaws
from rotator.sandbox.sim.way_back import WayBackLaws

if TYPE_CHECKING:
    from rotator.sandbox.sim.crossing import SimulatedProcess
    from rotator.sandbox.sim.world import SimulatedWorld

_ENDS: Final = frozenset({Kind.COMPLETED, Kind.ROLLED_BACK, Kind.ABANDONED})
_NOTES: Final = frozenset({Kind.APPROVED, Kind.RESUMED, Kind.TAKEN_OVER, Kind.OPENED})
"""Kinds that a process may append without holding the rotation: a person's word, or its taking over."""


class LogLaws:
    """Laws 5, 6 and 8; and what the log says that laws 1, 3, 4 and 7 are judged by."""

    def __init__(self, world: SimulatedWorld, needles: list[str]) -> None:
        self._world = world
        self._needles = needles
        self.plan: Plan | None = None
        """The open rotation's: as the configuration was when it was opened, or last accepted."""
        self.intents: dict[str, Event] = {}
        """By step: what was intended and is not known to have ended."""
        self.true_at: dict[datetime, datetime] = {}
        """When it really was, by the time that an event names: a machine's clock may have been set back."""
        self.disabled_at: datetime | None = None
        self.soaked = False
        self.approved: Event | None = None
        """The approval of archive, for this plan and since the old key was disabled."""
        self.turned = False
        """Somebody has ordered a rollback."""
        self._missed = False
        """The last thing that was said of the soak is that somebody misses the old key, which may come back."""
        self._answers: set[str] = set()
        """Consumers for which a person has spoken since the last change."""
        self._owner: str | None = None
        self._open = False
        self._failures: Counter[str] = Counter()
        self._order = OrderLaws()
        self._way_back = WayBackLaws(world)

    def appended(self, event: Event, process: SimulatedProcess) -> None:
        """Laws 5, 6 and 8, at every row; and what laws 3 and 4 need to know later."""
        self.no_key(self._world.journal.written, f"event {event.seq}")
        self._one_open(event)
        self.true_at[event.at] = self._world.really(event.at)
        step = event.step or ""
        if self._missed:
            self._mended(event)
        match event.kind:
            case Kind.OPENED:
                self._begin(event, process)
            case Kind.INTENDED:
                self.intents[step] = event
            case Kind.APPLIED | Kind.UNDONE:
                self.intents.pop(step, None)
                self._settled(event)
                self._everywhere(event)
            case Kind.FAILED if event.data.get("standing"):
                self.intents.pop(step, None)
            case Kind.FAILED:
                self._failures[step] += 1
                needed = step == "disable" and bool(self.intents[step].data.get("undo"))  # never given up on
                if self._failures[step] > 2 * MAX_ATTEMPTS and not needed:  # as many forward as back
                    _fail(f"law 8: {step} failed {self._failures[step]} times without a person's word")
            case Kind.MEASURED if step == "soak":
                self.soaked = event.data["verdict"] == "passed"
                leaked = self.plan is not None and self.plan.playbook.leaked
                self._missed = event.data["verdict"] == "failed" and not leaked and not self.turned
            case Kind.APPROVED if event.data["what"] == "archive":
                self.approved = event
            case Kind.RESUMED:
                self._failures.clear()
                if event.data.get("plan") and _plan_in(event) != self.plan:
                    self.plan, self.approved = _plan_in(event), None
            case _:
                pass
        if event.kind is Kind.APPROVED:
            self._failures.clear()
            self._said(str(event.data["what"]))
        if self.plan is not None:
            self._order.appended(event, self.plan)
            self._way_back.appended(event, self.plan)

    def _begin(self, event: Event, process: SimulatedProcess) -> None:
        self.intents, self.disabled_at, self.soaked, self.approved = {}, None, False, None
        self.turned = self._missed = False
        self._answers.clear()
        self._failures.clear()
        self.plan = _plan_in(event)
        versions = cast("Mapping[str, Any]", event.data)["old"]["versions"]
        self._world.laws.stores.opened(versions, process.heard)

    def answered(self, consumer: str) -> bool:
        """Whether a person has spoken for it since anything changed that could change which key it holds."""
        return consumer in self._answers

    def _said(self, what: str) -> None:
        self.turned = self.turned or what == ROLLBACK
        if what.startswith(CONSUMER):
            self._answers.add(what.removeprefix(CONSUMER))

    def _settled(self, event: Event) -> None:
        verb, _, subject = (event.step or "").partition(" ")
        if verb == "promote":
            self._answers.clear()
        elif verb == "deploy":
            self._answers.discard(subject)
        elif verb == "disable":
            self.disabled_at = self.true_at[event.at] if event.kind is Kind.APPLIED else None
            self._gone(event)
            self.soaked, self.approved = False, None

    def _everywhere(self, event: Event) -> None:
        """Law 1: a secret counts as promoted, or restored, only when no replica gives out the other key any more."""
        verb, _, secret = (event.step or "").partition(" ")
        theirs = secret in self._world.edited_at  # the copies lag behind somebody's own version
        if verb == "promote" and not theirs and self._world.stores[secret].copies_behind:
            _fail(f"law 1: `{event.step}` counts as done, and a replica of {secret} lags")

    def _gone(self, event: Event) -> None:
        """Law 7: what is said to be disabled is disabled, unless somebody has enabled it again since. Without an Admin
        key nobody can see that a person has just done so: Anthropic refuses the key for a while yet."""
        world = self._world
        toggled = world.met["fault status_toggled"] or world.met["late effect of a stopped process"]
        unseen = not world.scenario.managed and not world.works(world.old)
        active = world.status(world.old) is KeyStatus.ACTIVE
        if event.kind is Kind.APPLIED and active and not (toggled or unseen):
            _fail("law 7: the old key counts as disabled, and it is active")

    def _mended(self, event: Event) -> None:
        """Law 1: when somebody misses the old key, enabling it again is the next thing that is done."""
        anew = event.data.get("entered") or event.data.get("what") == ROLLBACK or event.kind in _ENDS
        back = event.kind is Kind.INTENDED and event.step == "disable" and bool(event.data.get("undo"))
        if anew or back or (event.kind is Kind.MEASURED and event.step == "soak"):  # who goes on by hand looks anew
            self._missed = False
        elif event.kind not in _NOTES:
            _fail(f"law 1: somebody misses the old key, and the next that is done is {event.kind.value} {event.step}")

    def _one_open(self, event: Event) -> None:
        if event.kind is Kind.OPENED:
            if self._open:
                _fail("law 5: a second rotation was opened")
            self._open, self._owner = True, event.holder
            return
        if not self._open and not str(event.data.get("what")).startswith(SETTLED):
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


def _plan_in(event: Event) -> Plan:
    return record.from_json(cast("Mapping[str, Any]", event.data["plan"]))


def _fail(what: str) -> NoReturn:
    raise LawBroken(what)
