"""People: those who make trouble until the world heals, and the patient one who then brings everything to an end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.decide import decide
from rotator.core.status import phase
from rotator.model.decision import Stop
from rotator.model.rotation import Outcome, Rotation
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.sim.desk import SimulatedDesk
from rotator.sandbox.sim.faults import PERSISTENT
from rotator.sandbox.sim.person import check_debts, make_equal, respond
from rotator.sandbox.sim.scenario import Style

if TYPE_CHECKING:
    from rotator.sandbox.sim.world import SimulatedWorld

CHAOS: Final = 10
"""Most commands before the world heals."""

ROUNDS: Final = 60
"""Most commands that the patient operator may need after that (liveness)."""

_TOO_OFTEN: Final = 12
"""So many commands without any progress, and the last resort is at hand."""

_TRIES: Final = 3
"""So often a person types `start` again, having put the secrets right."""

_SETTLES: Final = timedelta(minutes=2)
"""So long a person waits who was told that a store may still read as before."""

_BETWEEN: Final = timedelta(seconds=5)
"""Between two commands of a patient person."""

_WORDS: Final = ("start", "verify", "finish", "finish", "tick", "resume", "approve disable", "approve archive")


def chaos(world: SimulatedWorld) -> None:
    """One seed's operator, as long as faults reign."""
    random, desk, style = world.random, SimulatedDesk(world), world.scenario.style
    desk.type("start")
    for _ in range(random.randint(1, CHAOS)):
        rotation = _latest(world)
        if rotation is not None and rotation.outcome is not Outcome.OPEN:
            return
        world.clock.advance(timedelta(seconds=random.choice((0, 0, 1, 20, 90, 1200))))
        _act(world, desk, rotation, style)


def _latest(world: SimulatedWorld) -> Rotation | None:
    """The rotation to go on with. One that made the secrets equal is only what comes before the rotation."""
    rotation = world.rotation
    if rotation is None or rotation.plan.right is None or rotation.outcome is not Outcome.COMPLETED:
        return rotation
    world.met["secrets made equal"] += 1
    check_debts(world, rotation)
    return None


def _act(world: SimulatedWorld, desk: SimulatedDesk, rotation: Rotation | None, style: Style) -> None:
    random = world.random
    _accept(world, desk)
    if rotation is None:
        desk.type("start")
    elif style is Style.IMPATIENT:
        desk.type(random.choice(_WORDS), stay=random.choice((0, 5, 60)), yes=random.random() < 0.7)
    elif style is Style.ABSENT:
        world.clock.advance(timedelta(seconds=random.choice((60, 600, 20_000))))
        desk.type("tick")
    elif style is Style.QUITTER and random.random() < 0.3:
        desk.type(random.choice(("rollback", "rollback", "abandon", "unlock")))
    else:
        answer = desk.type(_next(rotation), stay=random.choice((60, 600)))
        respond(world, desk, answer)


def _accept(world: SimulatedWorld, desk: SimulatedDesk) -> None:
    """Who has changed the playbook half-way says that it shall count."""
    rotation = world.rotation
    if world.unaccepted and rotation is not None and rotation.outcome is Outcome.OPEN:
        world.unaccepted = False
        desk.type("accept")


def interlude(world: SimulatedWorld, deep: int) -> None:
    """While one process is stopped, a colleague types something else."""
    desk, random = SimulatedDesk(world, deep), world.random
    for _ in range(random.choice((1, 1, 2))):
        words = ("tick", "rollback", "finish", "verify", "resume", "unlock", "approve disable", "approve archive")
        desk.type(random.choice(words), stay=random.choice((0, 60)))


def _next(rotation: Rotation) -> str:
    if rotation.rolling_back is not None:
        return "rollback"
    return {"expand": "start", "overlap": "verify", "contract": "finish"}[phase(rotation)]


def patient(world: SimulatedWorld) -> str:
    """After the world has healed. Returns how it ended; breaks liveness where it does not end within `ROUNDS`."""
    desk = SimulatedDesk(world)
    world.interlude = None
    stuck, hopeless, last = 0, 0, ""
    before: tuple[object, ...] | None = None
    for _ in range(ROUNDS):
        rotation = _latest(world)
        if rotation is not None and rotation.outcome is not Outcome.OPEN:
            check_debts(world, rotation)
            ended: Outcome = rotation.outcome
            return str(ended.value)
        world.clock.advance(_BETWEEN)
        _accept(world, desk)
        command = "start" if rotation is None else _patient_command(world, rotation, stuck, hopeless)
        answer = desk.type(command)
        last = f"{command}: {answer}"
        respond(world, desk, answer)
        now = _progress(world)
        stuck, before = (stuck + 1 if now == before else 0), now
        hopeless = 0 if not stuck or _on_its_way_out(world) else hopeless + 1
    raise LawBroken(f"liveness: no end within {ROUNDS} commands after everything healed; the last: {last}")


def once_more(world: SimulatedWorld) -> str:
    """After a rotation that came to nothing, another one must find its way through what the first left behind."""
    desk = SimulatedDesk(world)
    for _ in range(_TRIES):
        world.clock.advance(_BETWEEN)
        answer = desk.type("start")
        if world.rotation is not None and world.rotation.outcome is Outcome.OPEN:
            return patient(world)
        make_equal(world)
        world.clock.advance(_SETTLES)
    raise LawBroken(f"liveness: after the end of a rotation no other can be opened: {answer}")


def _progress(world: SimulatedWorld) -> tuple[object, ...]:
    """What must change now and then, or nothing is going forward."""
    rotation = world.rotation
    if rotation is None:
        return ()
    marks = [state.mark for state in rotation.steps.values()]
    back = rotation.rolling_back is not None
    return (marks, back, rotation.outcome, len(rotation.approvals), rotation.reenabled)


def _patient_command(world: SimulatedWorld, rotation: Rotation, stuck: int, hopeless: int) -> str:
    """What the tool says to type; where that has not helped a few times, the next stronger remedy."""
    if hopeless >= _TOO_OFTEN:
        return _last_resort(world, rotation)
    if stuck >= 6 and rotation.rolling_back is None and stuck % 2 == 0:
        return "rollback"
    if stuck >= 3 and stuck % 2:
        return "resume"
    decision = decide(rotation, world.wall.now())
    if isinstance(decision, Stop) and decision.next in ("resume", "rollback", "start", "verify", "finish"):
        if decision.next == "rollback" and rotation.rolling_back is not None:
            return "resume"
        return decision.next
    return _next(rotation)


def _on_its_way_out(world: SimulatedWorld) -> bool:
    """Whoever still has the old key is terminating: that comes to its end without anybody's doing."""
    old = [one for fleet in world.fleet.values() for one in fleet.running if one.key == world.old]
    return bool(old) and all(one.ends is not None for one in old)


def _last_resort(world: SimulatedWorld, rotation: Rotation) -> str:
    """Nothing helped. Fair only where somebody did something for good that no tool may undo."""
    done = {kind for kind in PERSISTENT if world.met[f"fault {kind}"]}
    if world.met["late effect of a stopped process"]:
        done.add("the archive of a stopped process, which landed in somebody else's rollback")
    if not done and rotation.plan.playbook.drain.unproven != "refuse":
        world.laws.fail(f"liveness: only abandoning helped; it says {decide(rotation, world.wall.now())}")
    world.met["last resort: abandon"] += 1
    return "abandon"
