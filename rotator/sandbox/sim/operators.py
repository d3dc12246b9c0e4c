"""People: those who make trouble until the world heals, and the patient one who then brings everything to an end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.approval import CONSUMER
from rotator.core.decide import decide
from rotator.core.status import phase
from rotator.model.decision import Ask, Close, Decision, Do, Exit, Stop, Undo, Wait
from rotator.model.keys import KeyStatus, Label
from rotator.model.plan import StepId
from rotator.model.rotation import Outcome, Rotation
from rotator.sandbox.sim.desk import Answer, SimulatedDesk
from rotator.sandbox.sim.faults import PERSISTENT
from rotator.sandbox.sim.scenario import Style

if TYPE_CHECKING:
    from rotator.sandbox.sim.world import SimulatedWorld

CHAOS: Final = 10
"""Most commands before the world heals."""

ROUNDS: Final = 60
"""Most commands that the patient operator may need after that (liveness)."""

_WORDS: Final = ("start", "verify", "finish", "finish", "tick", "resume", "approve disable", "approve archive")


def chaos(world: SimulatedWorld) -> None:
    """One seed's operator, as long as faults reign."""
    random, desk, style = world.random, SimulatedDesk(world), world.scenario.style
    desk.type("start")
    for _ in range(random.randint(1, CHAOS)):
        rotation = desk.rotation()
        if rotation is not None and rotation.outcome is not Outcome.OPEN:
            return
        world.clock.advance(timedelta(seconds=random.choice((0, 0, 1, 20, 90, 1200))))
        _act(world, desk, rotation, style)


def _act(world: SimulatedWorld, desk: SimulatedDesk, rotation: Rotation | None, style: Style) -> None:
    random = world.random
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
        _respond(world, desk, answer)


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
    for fleet in world.fleet.values():
        fleet.lied = fleet.lied or False
    seen = ""
    same = 0
    for number in range(ROUNDS):
        rotation = desk.rotation()
        if rotation is None:
            answer = desk.type("start")
            if number > 2:
                return f"never opened: {_code(answer)}"
            _settle(world, answer)
            continue
        if rotation.outcome is not Outcome.OPEN:
            _close(world, rotation)
            return rotation.outcome.value
        command = _patient_command(world, rotation, same)
        answer = desk.type(command, stay=60)
        if answer is not None:
            _respond(world, desk, answer)
        text = f"{command} {answer}"
        same = same + 1 if text == seen else 0
        seen = text
    world.laws.fail(f"liveness: no end within {ROUNDS} commands after everything healed; the last: {seen}")


def _patient_command(world: SimulatedWorld, rotation: Rotation, same: int) -> str:
    """What the tool says to type; where that has not helped three times, the next stronger remedy."""
    if same >= 9:
        if not (PERSISTENT & {state.partition(" ")[2] for state in world.met if state.startswith("fault ")}):
            world.laws.fail("liveness: only abandoning helped")
        world.met["last resort: abandon"] += 1
        return "abandon"
    if same >= 6 and rotation.rolling_back is None and same % 2 == 0:
        return "rollback"
    if same >= 3 and same % 2:
        return "resume"
    decision = decide(rotation, world.clock.now())
    if isinstance(decision, Stop) and decision.next in ("resume", "rollback", "start", "verify", "finish"):
        if decision.next == "rollback" and rotation.rolling_back is not None:
            return "resume"
        return decision.next
    return _next(rotation)


def _code(answer: Answer) -> str:
    return getattr(answer, "code", None) or type(answer).__name__


def _settle(world: SimulatedWorld, answer: Answer) -> None:
    """Before a rotation is open: whatever is wrong with the secrets, a person puts right."""
    del answer
    for ref, store in world.stores.items():
        holding = store.holder()
        if holding is not None:
            store.discard(holding.version_id)
        if world.current(ref) != world.old:
            store.edit(f"mended-{ref}", key=world.old)
            world.secret_changed()


def _respond(world: SimulatedWorld, desk: SimulatedDesk, answer: Answer) -> None:
    """Do what a correct person does about an answer."""
    code = getattr(answer, "code", "")
    if isinstance(answer, Ask):
        _answer(world, desk, answer.what)
    elif isinstance(answer, Wait):
        until = answer.until or answer.look_at
        world.clock.advance(max(timedelta(0), until - world.clock.now()))
    elif isinstance(answer, Stop) and answer.exit is Exit.APPROVAL:
        _in_the_console(world, answer.why)
    elif code == "plan_changed":
        desk.type("accept")
    elif code == "held":
        world.clock.advance(timedelta(minutes=1))
        desk.type("unlock")
    elif isinstance(answer, Stop) and answer.exit in (Exit.GATE_FAILED, Exit.INCONCLUSIVE):
        for fleet in world.fleet.values():
            fleet.restart()


def _answer(world: SimulatedWorld, desk: SimulatedDesk, what: str) -> None:
    """Truthfully: a consumer is restarted first; a doubtful effect is looked at in the world itself."""
    if what.startswith(CONSUMER):
        name = what.removeprefix(CONSUMER)
        if name in world.fleet:
            world.fleet[name].restart()
            world.clock.advance(timedelta(seconds=world.fleet[name].spec.linger))
        desk.type(f"approve {what}")
    elif ":" in what:
        step = StepId.parse(what.partition(":")[2])
        desk.type(f"approve {'applied' if _happened(world, step) else 'absent'}:{step}")
    else:
        desk.type(f"approve {what}")


def _happened(world: SimulatedWorld, step: StepId) -> bool:
    if step.verb in ("disable", "archive"):
        return world.status(world.old) is not KeyStatus.ACTIVE
    if step.verb == "promote":
        return world.current(step.subject) == world.new
    pending = world.stores[step.subject].read(Label.PENDING)
    return pending is not None and pending.key == world.new


def _in_the_console(world: SimulatedWorld, why: str) -> None:
    """A person does, at once, what only a person can."""
    if "disable the old key by hand" in why and world.status(world.old) is KeyStatus.ACTIVE:
        world.laws.before_disable("disable")
        world.set_status(world.old, KeyStatus.INACTIVE, tool=True)
        world.laws.standing()
    elif "ENABLE THE OLD KEY NOW" in why and world.status(world.old) is KeyStatus.INACTIVE:
        world.set_status(world.old, KeyStatus.ACTIVE)


def _close(world: SimulatedWorld, rotation: Rotation) -> None:
    """What must hold of the world when it is over."""
    from rotator.core.owed import owed

    if rotation.outcome is Outcome.ABANDONED:
        current = [world.current(ref) for ref in world.stores]
        pending = [store.read(Label.PENDING) for store in world.stores.values()]
        left = any(version is not None and version.key == world.new for version in pending)
        promoted = any(key == world.new for key in current)
        retired = world.status(world.old) is KeyStatus.ARCHIVED
        if ((promoted and not retired) or (left and not promoted)) and not list(owed(rotation, world.clock.now())):
            world.laws.fail("law 11: abandoned with debts, and nothing is owed")


__all__ = ["Close", "Decision", "Do", "Undo", "chaos", "interlude", "patient"]
