"""What is looked at after every rule: invariants that need no operation of the tool to be broken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from rotator.core.decide import decide
from rotator.core.fold import rotations
from rotator.core.owed import SETTLED, Debt, owed
from rotator.core.plan import DRAIN
from rotator.core.status import status
from rotator.model.event import Kind
from rotator.model.plan import Plan
from rotator.model.rotation import Outcome, Rotation
from rotator.sandbox.sim.person import check_debts
from rotator.sandbox.sim.scenario import NAME
from rotator.sandbox.sim.world import SimulatedWorld
from tests.counted_world import Callers

_LATE: Final = timedelta(minutes=5)
"""More than it takes until a call is counted, told, and read once a minute."""


class Looks:
    def __init__(self, world: SimulatedWorld, callers: Callers | None) -> None:
        self._world, self._callers = world, callers
        self._seen = 0
        self._owed: dict[str, Debt] = {}
        self._ended: list[str] = []
        """The rotations of the log at the last look, where all had ended."""

    def all(self) -> None:
        """Raises `LawBroken`."""
        self._world.laws.standing()
        found = rotations(self._world.journal.events)
        self._no_stranger_cut_off(found)
        self._debts_stay(found)
        if not found:
            return
        check_debts(self._world, found[-1])
        decide(found[-1], self._world.wall.now())
        shown = status(NAME, found[-1], self._world.wall.now(), found[:-1])
        self._world.laws.log.no_key(str(shown), "the status")

    def debts_by_word(self) -> Sequence[Debt]:
        found = owed(rotations(self._world.journal.events), self._world.wall.now())
        return [debt for debt in found if debt.by_word]

    def _debts_stay(self, found: Sequence[Rotation]) -> None:
        """Law 11: where nothing is open, and nothing was opened since, only a person's word closes a debt."""
        world = self._world
        debts = {debt.id: debt for debt in owed(found, world.wall.now())}
        ended = [one.id for one in found] if found and found[-1].outcome is not Outcome.OPEN else []
        if ended and ended == self._ended:
            said = {str(one.data["what"]) for one in world.journal.events if one.kind is Kind.APPROVED}
            for id, debt in self._owed.items():
                if id not in debts and SETTLED + id not in said:
                    world.laws.fail(f"law 11: nobody settled it, and it is no longer owed: {debt}")
        self._owed, self._ended = debts, ended

    def _no_stranger_cut_off(self, found: Sequence[Rotation]) -> None:
        """Law 7: where usage can be read, nobody on no list is cut off who has called without a pause for longer than
        the window and the report's lag; unless a person took on what the report did not show, or the key leaked."""
        world, callers = self._world, self._callers
        events, self._seen = world.journal.events[self._seen :], len(world.journal.events)
        if callers is None or callers.stranger is None or not found or found[-1].old is None:
            return
        plan, drain = found[-1].plan, found[-1].gates.get(DRAIN)
        theirs = callers.stranger.fingerprint == found[-1].old.fingerprint
        accepted = drain is not None and drain.measurement.facts.get("accepted_by") is not None
        if not theirs or accepted or plan.playbook.leaked:
            return
        for event in events:
            if event.kind is Kind.INTENDED and event.step == "disable" and not event.data.get("undo"):
                called = world.laws.log.true_at.get(event.at, event.at) - callers.since
                if called > _window(plan) + _LATE:
                    world.laws.fail(f"law 7: the old key is disabled, and a stranger has used it for {called}")


def _window(plan: Plan) -> timedelta:
    slowest = max((consumer.cadence for consumer in plan.consumers), default=timedelta())
    return max(plan.playbook.drain.quiet_for, slowest) + plan.playbook.drain.lag
