"""Carries the drawn faults out: around operations, and in the world beside them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from rotator.model.errors import JournalError, Refused, Unreachable
from rotator.model.keys import Claim, KeyStatus, Label
from rotator.model.measure import Cause, Ping, Verdict
from rotator.sandbox.sim import tally
from rotator.sandbox.sim.edits import another_plan, another_playbook
from rotator.sandbox.sim.faults import KINDS, Fault, FaultState
from rotator.sandbox.watched import Killed

if TYPE_CHECKING:
    from rotator.sandbox.sim.crossing import Operation
    from rotator.sandbox.sim.world import SimulatedWorld

_WATCH: Final = {f"watch_{lie}": lie for lie in ("lags", "flaps", "pessimist", "optimist", "blind", "empty")}
_AFTER: Final = ("reply_lost", "killed_after", "journal_lost_after")
"""Beginnings of the names of what strikes when the operation has happened."""
_PAUSES: Final = (1, 45, 400)
"""Seconds for which a stopped process sleeps: less than a lease, more than one, more than an effect's patience."""
_JUMPS: Final = (1, 6, 30)
"""Hours."""
_STEPS_BACK: Final = (1, 90, 7200)
"""Seconds."""


class Injector:
    def __init__(self, world: SimulatedWorld, faults: tuple[Fault, ...]) -> None:
        self._world = world
        self._states = [FaultState(fault) for fault in faults]
        self._near: dict[tuple[str, str, bool], list[FaultState]] = {}
        """Which of them concern an operation, by its port and verb, and whether it is over: most concern few."""
        self.staleness = timedelta(seconds=max([0, *(fault.lasts for fault in faults if fault.kind == "stale_read")]))
        self._frozen: dict[tuple[str, str, Any], Any] = {}
        """Answers that a stale store still gives."""

    def inject(self, fault: Fault) -> None:
        self._states.append(FaultState(fault))
        self._near.clear()

    def heal(self) -> None:
        """Every fault ends; what people did stays done."""
        self._states.clear()
        self._near.clear()
        self._frozen.clear()
        self._world.issuer.books.organization_limit = None
        for store in self._world.stores.values():
            store.copies_behind.clear()
        for fleet in self._world.fleet.values():
            fleet.lie, fleet.lag, fleet.stuck, fleet.fail_next = None, timedelta(), False, False

    def around(self, operation: Operation, *, after: bool) -> list[Any] | None:
        """What strikes before an operation, or after it. A list of one: the answer in place of the port's."""
        if not self._states:
            return None
        place = (operation.port, operation.verb, after)
        near = self._near.get(place)
        if near is None:
            near = self._near[place] = [state for state in self._states if _concerns(state.fault, *place)]
        if not near:
            return None
        given: list[Any] | None = None
        now = self._world.clock.now()
        for state in near:
            fault = state.fault
            state.seen += 1
            if state.seen - 1 == fault.at:
                state.until = now + timedelta(seconds=fault.lasts)
            elif not (fault.lasts and state.until is not None and now < state.until):
                if fault.lasts and state.until is not None and state.struck:
                    self._ended(fault)
                    state.struck = 0
                continue
            state.struck += 1
            tally.struck(self._world.met, fault)
            self._world.note(fault)
            given = self._strike(fault, operation) or given
        return given

    def _strike(self, fault: Fault, operation: Operation) -> list[Any] | None:
        world = self._world
        match fault.kind:
            case "request_lost" | "throttled" | "server_errors" | "records_down" | "refused":
                return _unanswered(operation, fault.kind == "refused")
            case kind if kind.startswith("reply_lost"):
                return _unanswered(operation, refused=False)
            case "slow_reply":
                world.clock.sleep(timedelta(seconds=1 + 40 * fault.choice))
            case "stale_read":
                return self._stale(operation)
            case kind if kind.startswith("killed_"):
                tally.killed(world.met, kind.split("_")[1], operation)
                raise Killed(str(operation))
            case "paused" | "paused_at_retirement":
                self._pause(operation, _PAUSES[int(fault.choice * 3)])
            case "interleaved":
                self._pause(operation, 0)
            case "journal_lost_before" | "journal_lost_after" | "journal_full":
                raise JournalError("the journal cannot be written: disk full", "free some space")
            case kind if kind in _WATCH:
                fleet = world.fleet[operation.subject]
                fleet.lie, fleet.lag = _WATCH[kind], timedelta(seconds=fault.lasts if kind == "watch_lags" else 0)
            case "rollout_stuck":
                world.fleet[operation.subject].stuck = True
            case "rollout_fails":
                world.fleet[operation.subject].fail_next = True
            case "key_limit":
                world.issuer.books.organization_limit = 1
            case "replicas_lag":
                world.stores[operation.subject].copies_behind = ["eu-north-1"]
            case "woken_in_soak":
                at = world.clock.now() + fault.choice * world.playbook.soak
                world.clock.at(at, lambda: world.fleet[fault.consumer].appear(world.old, world.excused))
            case "clock_back":
                world.wall.behind += timedelta(seconds=_STEPS_BACK[int(fault.choice * 3)])
            case "clock_jump":
                world.clock.advance(timedelta(hours=_JUMPS[int(fault.choice * 3)]))
            case _:
                self._meanwhile(fault)
        return None

    def _ended(self, fault: Fault) -> None:
        world = self._world
        if fault.kind in _WATCH:
            for fleet in world.fleet.values():
                fleet.lie = None
        elif fault.kind == "replicas_lag":
            for store in world.stores.values():
                store.copies_behind = []
        elif fault.kind == "key_limit":
            world.issuer.books.organization_limit = None
        elif fault.kind == "rollout_stuck":
            for fleet in world.fleet.values():
                fleet.stuck = False
        elif fault.kind == "stale_read":
            self._frozen.clear()

    def _stale(self, operation: Operation) -> list[Any]:
        """The first answer after the fault began is given again and again."""
        label = operation.args[0] if operation.args else None
        place = (operation.subject, operation.verb, label)
        store = self._world.stores[operation.subject]
        if place not in self._frozen:
            self._frozen[place] = store.read(label) if isinstance(label, Label) else store.holder()
        return [self._frozen[place]]

    def _pause(self, operation: Operation, seconds: int) -> None:
        """The process is stopped (a closed laptop); others work; it goes on in the middle of its operation."""
        world, process = self._world, operation.process
        if world.interlude is None or process.deep:
            return
        world.met["operator two at once"] += 1
        length = len(world.journal.events)
        world.clock.advance(timedelta(seconds=seconds))
        world.interlude(process.deep + 1)
        if len(world.journal.events) > length and operation.verb != "append":
            process.late = True
            world.met[f"others worked during {operation.name}"] += 1

    def _meanwhile(self, fault: Fault) -> None:
        """Something happens in the world, beside the tool."""
        world, fleet = self._world, self._world.fleet[fault.consumer]
        match fault.kind:
            case "instance_late":
                fleet.appear(world.old, world.excused)
            case "fleet_scales":
                fleet.scale(int(fault.choice * 6) - 2)
            case "old_key_dies":
                self._dies(world.old, fault.choice)
            case "new_key_dies":
                self._dies(world.new, fault.choice)
            case "status_toggled":
                if world.status(world.old) is KeyStatus.INACTIVE and not world.leaked:
                    world.set_status(world.old, KeyStatus.ACTIVE)
            case "secret_edited" | "key_edited":
                self._edit(fault)
            case "pending_taken":
                ref = list(world.stores)[int(fault.choice * len(world.stores))]
                claim = Claim(rotation="another", by="colleague", at=world.clock.now()) if fault.choice < 0.5 else None
                world.stores[ref].foreign(f"foreign-{world.operations}", world.issue(), claim)
            case "plan_edited":
                world.edited(another_plan(world.credential, fault.choice))
            case "playbook_edited":
                world.playbook, world.unaccepted = another_playbook(world.playbook, fault.choice), True
            case kind:
                raise ValueError(f"no fault is called {kind}")

    def _dies(self, key: Any, choice: float) -> None:
        world = self._world
        if world.status(key) is KeyStatus.ACTIVE:
            world.set_status(key, KeyStatus.ARCHIVED if choice < 0.3 else KeyStatus.INACTIVE)

    def _edit(self, fault: Fault) -> None:
        """By hand: another field, or another key: a third one, or the old one again."""
        world = self._world
        ref = list(world.stores)[int(fault.choice * len(world.stores))]
        id = f"edited-{world.operations}"
        if fault.kind == "secret_edited":
            world.stores[ref].edit(id, fields={"note": id})
        else:
            world.stores[ref].edit(id, key=world.issue() if fault.choice * 100 % 1 < 0.5 else world.old)
        world.edited_at[ref] = world.clock.now()
        if world.laws.by_tool.get(world.current(ref)):
            world.excused.add(ref)  # a person's own doing: the tool had retired that key before
        world.secret_changed()


def _unanswered(operation: Operation, refused: bool) -> list[Any]:
    """A ping answers with a verdict, always; everything else raises."""
    why = f"{operation.port} {operation.subject}" + (": permission denied" if refused else " did not answer")
    if operation.verb in ("ping", "measure"):
        return [Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why=why)]
    raise Refused(why, "ask") if refused else Unreachable(why)


def _concerns(fault: Fault, port: str, verb: str, after: bool) -> bool:
    return fault.kind.startswith(_AFTER) is after and KINDS[fault.kind].reach(port, verb)
