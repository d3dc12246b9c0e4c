"""Floor 4: lease → fold → decide → do → append, until the rotation waits, asks or stops.

1. `decide` says what is next, from the journal's fold and the time alone.
2. A gate is measured; its measurement is journaled where it changed.
3. An effect is intended in the journal, then applied, then journaled as applied. An intent that is found open
   is inspected before anything else: applied, absent (it may be done again), or unknown (a person is asked).
4. Any conflict in the journal means: read again, decide again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from rotator.core import entry
from rotator.core.decide import decide, given_up, never_fresh, outcome
from rotator.core.past import closed_ids, leaked
from rotator.inspection import inspect, standing
from rotator.model.canonical import JsonObject
from rotator.model.decision import Ask, Close, Decision, Do, Exit, Stop, Undo, Wait
from rotator.model.errors import HeldByAnother, JournalError, OutsideError
from rotator.model.event import Kind
from rotator.model.keys import KeyText
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Mark, Outcome, Standing
from rotator.overtaken import mend
from rotator.ports import Notifier
from rotator.session import Moved, Session
from rotator.steps import Context, Ports, effect_of, gate_of

_TURNS: Final = 1_000_000
"""Turns of the loop in one run (law 8): weeks of watching at the shortest interval."""

_ROUNDS: Final = 10
"""So often in a row every gate is measured, and then it is clear that they are never all fresh at once (law 8)."""

_MEASURE: Final = timedelta(minutes=5)
"""The longest that a measurement takes: a ping's retries in very bad weather."""

_NAP: Final = timedelta(seconds=10)
"""The longest sleep without a heartbeat and a look at what others wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yes:
    """A person's standing yes, for as long as this process runs; each use is journaled, bound to its evidence."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How far and how long one run goes on.

    `stay`: waits that are known to end within it are slept through; None: all are. Waits that nobody can date
    (an instance that is still restarting) are slept through unless `stay` is zero.
    """

    by: str
    horizon: Phase = Phase.CONTRACT
    stay: timedelta | None = timedelta(seconds=60)
    by_hand: bool = True
    key: KeyText | None = None
    yes: Mapping[str, Yes] = field(default_factory=dict)


def advance(session: Session, ports: Ports, run: Run, notifier: Notifier | None = None) -> Ask | Stop | Wait:
    """Take the open rotation as far as it will go, inside `with session`. Running it again is always safe.

    Returns why it went no further; for a rotation that has ended, how. Raises `JournalError`, and `HeldByAnother` where
    somebody took the rotation over; what the other systems refuse is journaled, and decided by.
    """
    ended = session.rotation
    if ended is not None and ended.outcome is not Outcome.OPEN:
        return outcome(ended)
    engine = _Engine(session, ports, run, notifier, closed_ids(session.events), leaked(session.events))
    if run.by_hand:
        engine.reenter()
    return engine.loop()


@dataclass(slots=True)
class _Engine:
    session: Session
    ports: Ports
    run: Run
    notifier: Notifier | None
    closed: frozenset[str]
    leaked: Mapping[str, str]
    looks: int = 0
    """Gates measured since it last waited, or changed anything."""

    @property
    def now(self) -> datetime:
        return self.session.clock.now()

    def reenter(self) -> None:
        """An operator's command goes on from a stop: time-outs and attempts count anew."""
        rotation = self.session.open
        stop = decide(rotation, self.now, self.run.horizon)
        stopped = isinstance(stop, Stop) and stop.exit not in (Exit.DONE, Exit.USAGE)
        if stopped or any(given_up(step, state) for step, state in rotation.steps.items()):
            with suppress(Moved):  # the log was read again: whatever came in between decides
                self.session.append(Kind.RESUMED, data={"entered": True, "by": self.run.by})

    def loop(self) -> Ask | Stop | Wait:
        for _ in range(_TURNS):
            self.session.beat()
            decision = self._decision()
            self.session.tell(decision)
            end = None
            with suppress(Moved):  # the log was read again: decide again
                end = self._carry_out(decision)
            if end is not None and not self._has_news():
                return end
        raise JournalError(f"the engine turned {_TURNS} times without an end", "this is a bug: please report it")

    def _decision(self) -> Decision:
        rotation = self.session.open
        decision = decide(rotation, self.now, self.run.horizon)
        measures = isinstance(decision, Do) and not rotation.plan.step(decision.step).effect
        self.looks = self.looks + 1 if measures else 0
        if self.looks <= _ROUNDS:  # for no plan has less than one gate
            return decision
        gates = sum(not step.effect for step in rotation.plan.steps)
        return never_fresh(rotation) if self.looks > _ROUNDS * gates else decision

    def _has_news(self) -> bool:
        """Whether somebody wrote while this process measured: an answer, perhaps, to the very question it ends with."""
        session, known = self.session, len(self.session.events)
        if session.open_now:
            session.refresh()
        return session.open_now and len(session.events) > known

    def _carry_out(self, decision: Decision) -> Ask | Stop | Wait | None:
        """None: go on."""
        match decision:
            case Do(step):
                self._do(step)
            case Undo(step, why):
                self._undo(step, why)
            case Wait():
                return self._wait(decision)
            case Ask():
                return self._ask(decision)
            case Stop():
                if decision.exit is not Exit.DONE:
                    self._hold(decision.why, decision.exit)
                return decision
            case Close(completed):
                return self._close(completed)
        return None

    def _do(self, step: StepId) -> None:
        if not self.session.open.plan.step(step).effect:
            return self._measure(step)
        state = self.session.open.steps.get(step)
        if state is not None and state.mark is Mark.OPEN:
            return inspect(self.session, self._context(step))
        attempt = 1 if state is None or state.mark is Mark.UNDONE else state.attempts + 1
        self.session.append(Kind.INTENDED, step, entry.grounds(self.session.open, step), attempt)
        return self._attempt(step, attempt)

    def _attempt(self, step: StepId, attempt: int) -> None:
        effect, context = effect_of(step), self._context(step)
        self.session.beat(effect.patience(context))
        try:
            data = effect.apply(context)
        except OutsideError as error:
            self.session.settle(Kind.FAILED, step, entry.failure(error), attempt)
            if not error.transient:  # it stops here: whoever reads why should read what became of it, too
                inspect(self.session, self._context(step))
            return None
        try:
            return self.session.settle(Kind.APPLIED, step, data, attempt)
        except HeldByAnother:
            mended = mend(self.session, context)
            if mended is not None:
                self._notify(mended, "")
            raise

    def _still_ours(self, step: StepId) -> None:
        """A process that was slow, or frozen, since its intent would kill a key that is in use again: look first."""
        self._look_once_more()
        self.session.beat(effect_of(step).patience(self._context(step)))

    def _look_once_more(self) -> None:
        """Raises `Moved` where somebody wrote, `HeldByAnother` where somebody took the rotation over."""
        known = len(self.session.events)
        self.session.refresh()
        if len(self.session.events) > known:
            raise Moved

    def _undo(self, step: StepId, why: str) -> None:
        state = self.session.open.steps.get(step)
        attempt = state.attempts + 1 if state is not None and state.mark is Mark.UNDOING else 1
        self.session.append(Kind.INTENDED, step, {"undo": True, "why": why}, attempt)
        found = standing(self.session, self._context(step), attempt)
        if found is Standing.ABSENT:
            self.session.append(Kind.UNDONE, step, {"inspected": True, "why": why}, attempt)
        elif found is not None and found is not Standing.UNKNOWN:
            self._take_back(step, why, attempt)

    def _take_back(self, step: StepId, why: str, attempt: int) -> None:
        effect, context = effect_of(step), self._context(step)
        self.session.beat(effect.patience(context))
        self._look_once_more()  # the inspection took its time
        try:
            data = effect.undo(context)
        except OutsideError as error:
            return self.session.settle(Kind.FAILED, step, entry.failure(error), attempt)
        self.session.settle(Kind.UNDONE, step, {**data, "why": why}, attempt)
        if self.session.open.reenabled is not None:
            self._notify("the old key was enabled again", why)
        return None

    def _measure(self, gate: StepId) -> None:
        self.session.beat(_MEASURE)
        try:
            measurement = gate_of(gate).measure(self._context(gate))
        except OutsideError as error:
            measurement = Measurement(
                gate=str(gate), verdict=Verdict.ERRORED, why=error.message, final=not error.transient
            )
        before = self.session.open.gates.get(gate)
        data = entry.measured(measurement)
        if (
            before is not None
            and before.seq >= self.session.open.entered_seq
            and entry.same(before.measurement, measurement)
        ):
            self.session.overlay(Kind.MEASURED, gate, data)
        else:
            self.session.append(Kind.MEASURED, gate, data)

    def _wait(self, wait: Wait) -> Wait | None:
        stay = self.run.stay
        too_long = stay is not None and wait.until is not None and wait.until - self.now > stay
        if too_long or stay == timedelta():
            return wait
        nap = min(wait.look_at - self.now, _NAP)
        if nap > timedelta():
            self.session.clock.sleep(nap)
        self.session.refresh()
        return None

    def _ask(self, ask: Ask) -> Ask | None:
        yes = self.run.yes.get(ask.what)
        if yes is None and ask.scheduled:
            name = self.session.open.plan.playbook.name
            yes = Yes(by=f"playbook {name}", reason="the playbook lets a schedule approve")
        if yes is None:
            self._hold(ask.why, Exit.APPROVAL)
            return ask
        self.session.append(Kind.APPROVED, data=entry.approval(self.session.open, ask.what, yes.by, yes.reason))
        return None

    def _close(self, completed: bool) -> Stop:
        end = outcome(replace(self.session.open, outcome=Outcome.COMPLETED if completed else Outcome.ROLLED_BACK))
        self.session.append(Kind.COMPLETED if completed else Kind.ROLLED_BACK)
        self._notify(end.why, "")
        return end

    def _hold(self, why: str, exit_code: Exit) -> None:
        """Say once in the log, and to people, that it stopped, and why."""
        data: JsonObject = {"why": why, "exit": int(exit_code)}
        for event in reversed(self.session.events):
            if event.kind is Kind.HELD and event.data == data:
                return
            if event.kind not in (Kind.RESUMED, Kind.TAKEN_OVER) and "debts" not in event.data:
                break
        self.session.append(Kind.HELD, data=data)
        self._notify("the rotation waits for you" if exit_code is Exit.APPROVAL else "the rotation stopped", why)

    def _notify(self, title: str, body: str) -> None:
        if self.notifier is not None:
            self.notifier.tell(f"rotate: {self.session.credential}: {title}", body)

    def _context(self, step: StepId) -> Context:
        return Context(
            rotation=self.session.open,
            ports=self.ports,
            step=step,
            by=self.run.by,
            key=self.run.key,
            closed=self.closed,
            leaked=self.leaked,
            still_ours=lambda: self._still_ours(step),
        )
