"""What may follow what in the log: by what the rows themselves say, and never by how the engine reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from rotator.core.plan import waves_of
from rotator.core.record import plan_digest
from rotator.model.event import Event, Kind
from rotator.model.plan import Plan
from rotator.sandbox.sim.broken import LawBroken

_PLAYBOOK: Final = "playbook "
"""So begins the name of who says yes where a schedule does."""


class OrderLaws:
    """Laws 1, 2, 3, 7, 8 and 10, as far as they are about the order of things."""

    def __init__(self) -> None:
        self._begin(datetime.max.replace(tzinfo=UTC))

    def _begin(self, at: datetime) -> None:
        self._plan = ""
        """The digest of the plan that counts: it changes only where a rotation is opened, or a person goes on."""
        self._verdicts: dict[str, str] = {}
        """The last word about each gate since it could have changed."""
        self._facts: Mapping[str, Any] = {}
        """What is known of the drain."""
        self._yes: set[str] = set()
        """What somebody has approved, and nothing has made void since."""
        self._applied: set[str] = set()
        self._intended: set[str] = set()
        self._undoing: set[str] = set()
        self._entered = self._opened = at
        self._came_back: datetime | None = None
        """When the old key was enabled again by itself: until somebody goes on, it stays so."""

    def appended(self, event: Event, plan: Plan) -> None:
        data: Mapping[str, Any] = event.data
        step = event.step or ""
        match event.kind:
            case Kind.OPENED:
                self._begin(event.at)
                self._plan = plan_digest(plan)
            case Kind.MEASURED:
                self._measured(step, data)
            case Kind.APPROVED:
                self._approved(event, data, plan)
            case Kind.RESUMED:
                self._resumed(event, data, plan)
            case Kind.INTENDED:
                self._intends(step, event, data, plan)
                self._intended.add(step)
                (self._undoing.add if data.get("undo") else self._undoing.discard)(step)
            case Kind.APPLIED:
                self._applied.add(step)
            case Kind.UNDONE:
                self._taken_back(step, event)
            case _:
                pass

    def _measured(self, gate: str, data: Mapping[str, Any]) -> None:
        before, now = self._verdicts.get(gate), data["verdict"]
        if before == "passed" != now:
            self._yes.clear()  # it lapsed: whoever said yes did not know
        self._verdicts[gate] = now
        if gate == "drain":
            self._facts = data["facts"]

    def _approved(self, event: Event, data: Mapping[str, Any], plan: Plan) -> None:
        what = data["what"]
        word, _, step = what.partition(":")
        if word == "applied":
            self._applied.add(step)
        elif word == "absent" and step in self._undoing:
            self._taken_back(step, event)
        elif what == "rollback" and not self._too_late(plan):
            self._verdicts.clear()
            self._came_back = None
        if data["plan_digest"] == self._plan:
            self._yes.add(what)
        if not str(data["by"]).startswith(_PLAYBOOK):
            return
        policy = plan.playbook.approve_disable if what == "disable" else plan.playbook.approve_archive
        asks = what == "disable" and plan.playbook.drain.unproven == "ask" and self._facts.get("unproven")
        if policy != "scheduled" or (asks and not self._facts.get("accepted_by")):
            _fail(f"law 7: a schedule approved {what}, which only a person may")
        if what == "archive" and not plan.managed:
            _fail("law 3: a schedule said that a key was deleted by hand")

    def _resumed(self, event: Event, data: Mapping[str, Any], plan: Plan) -> None:
        if data.get("plan") and plan_digest(plan) != self._plan:
            self._yes.clear()
            self._plan = plan_digest(plan)
        if data.get("entered"):
            self._entered, self._came_back = event.at, None

    def _too_late(self, plan: Plan) -> bool:
        """A rollback that was ordered after the last way back turns nothing round."""
        touched = any(step.startswith(("promote", "disable")) for step in self._intended)
        return "archive" in self._applied or (plan.playbook.leaked and touched)

    def _taken_back(self, step: str, event: Event) -> None:
        self._applied.discard(step)
        self._undoing.discard(step)
        if step != "disable":
            return
        self._verdicts = {gate: said for gate, said in self._verdicts.items() if gate.startswith(("adopt", "test"))}
        self._yes.clear()
        self._came_back = event.at

    def _intends(self, step: str, event: Event, data: Mapping[str, Any], plan: Plan) -> None:
        verb, _, subject = step.partition(" ")
        if data.get("undo"):
            if plan.playbook.leaked and verb in ("disable", "promote"):
                _fail(f"law 10: it is intended to take `{step}` back, and the old key leaked")
            return
        if verb in ("stage", "promote", "deploy") and step not in self._intended:
            overdue = self._opened + plan.playbook.deadline
            if event.at >= overdue > self._entered:
                _fail(f"law 8: `{step}` was begun after the deadline, and nobody has gone on since")
        match verb:
            case "promote":
                self._tested(plan)
            case "deploy":
                self._observed(subject, plan)
            case "disable":
                self._retires(step, data)
            case "archive":
                self._approves(step)
            case "tidy" if not plan.first and plan.right is None and "archive" not in self._applied:
                _fail("law 3: the secrets were tidied before the old key was archived")

    def _tested(self, plan: Plan) -> None:
        for secret in plan.secrets:
            if self._verdicts.get(f"test {secret}") != "passed":
                _fail(f"law 2: promoted before {secret} was read back and pinged")

    def _observed(self, consumer: str, plan: Plan) -> None:
        if plan.playbook.waves != "ordered":
            return
        for wave in waves_of(plan.consumers):
            names = {one.name for one in wave}
            if consumer in names:
                return
            for one in wave:
                said = self._verdicts.get(f"observe {one.name}")
                if said is None or (one.required and said != "passed"):
                    _fail(f"principle 2: {consumer} was deployed, and {one.name} of an earlier wave is not proven")

    def _retires(self, step: str, data: Mapping[str, Any]) -> None:
        if self._came_back is not None:
            _fail("law 1: the old key came back because somebody missed it, and is disabled again by nobody's word")
        for gate in data["measured"]:
            if gate not in self._verdicts:
                _fail(f"law 1: disabled on evidence of {gate} from before the old key came back")
        self._approves(step)

    def _approves(self, step: str) -> None:
        if step not in self._yes:
            _fail(f"law 3: `{step}` without a yes that still counts")


def _fail(what: str) -> NoReturn:
    raise LawBroken(what)
