"""What a correct person does about what the tool says: answers truthfully, waits, mends, goes to the Console."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core import fold
from rotator.core.approval import CONSUMER
from rotator.core.owed import SETTLED, owed
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.keys import KeyStatus, KeyText, Label
from rotator.model.plan import StepId
from rotator.model.rotation import Outcome, Rotation
from rotator.sandbox.sim.desk import Answer, SimulatedDesk

if TYPE_CHECKING:
    from rotator.sandbox.sim.fleet import SimulatedFleet
    from rotator.sandbox.sim.world import SimulatedWorld

_MENDABLE: Final = ("has a pending version", "somebody else wrote it", "no secret holds the key")
"""What a refusal says where a person has to put the secret right by hand."""


def _mend(world: SimulatedWorld) -> None:
    """A person puts right what the tool refuses to touch: a foreign pending version, secrets that differ."""
    world.met["a person mended the secrets"] += 1
    for ref, store in world.stores.items():
        holding = store.holder()
        if holding is not None and holding.version_id.startswith("foreign"):
            store.discard(holding.version_id)
        wanted = _wanted(world, ref)
        if wanted is not None and world.current(ref) != wanted and world.status(wanted) is KeyStatus.ACTIVE:
            store.edit(f"mended-{world.operations}", key=wanted)
            world.secret_changed()


def _wanted(world: SimulatedWorld, ref: str) -> KeyText | None:
    """What this secret should hold before a rotation, or on the way back; None: nobody puts it right by hand."""
    rotation = world.rotation
    if rotation is None or rotation.outcome is not Outcome.OPEN:
        return None if world.scenario.held else world.old
    if ref == rotation.plan.right:
        return world.new
    back = rotation.rolling_back is not None and rotation.old is not None
    return world.key_with(rotation.old.held(ref)) if back and rotation.old else None


def make_equal(world: SimulatedWorld) -> None:
    """A person puts one working key into every secret, and takes foreign pending versions away."""
    _mend(world)
    key = next((world.current(ref) for ref in world.stores if world.works(world.current(ref))), None) or world.issue()
    for ref, store in world.stores.items():
        if world.current(ref) != key:
            store.edit(f"mended-{world.operations}", key=key)
            world.secret_changed()
    for fleet in world.fleet.values():
        fleet.restart()


def respond(world: SimulatedWorld, desk: SimulatedDesk, answer: Answer) -> None:
    """Do what a correct person does about an answer."""
    code = getattr(answer, "code", "")
    if isinstance(answer, Ask):
        _answer(world, desk, answer.what)
    elif isinstance(answer, Wait):
        until = answer.until or answer.look_at
        world.clock.advance(max(timedelta(0), until - world.wall.now()))
    elif isinstance(answer, Stop) and answer.exit is Exit.APPROVAL:
        _in_the_console(world, answer.why)
    elif isinstance(answer, Stop) and "enable it in Anthropic's Console" in answer.hint:
        if world.status(world.old) is KeyStatus.INACTIVE:
            world.set_status(world.old, KeyStatus.ACTIVE)
    elif code == "plan_changed":
        desk.type("accept")
    elif code == "store_conflict" or any(said in getattr(answer, "why", "") for said in _MENDABLE):
        _mend(world)
    elif code == "usage" and world.right is not None and "rotate rollback" in getattr(answer, "hint", ""):
        desk.type("rollback")
    elif code == "usage" and "rotate start" in getattr(answer, "hint", ""):
        desk.type("start")
    elif code == "held":
        world.clock.advance(timedelta(minutes=1))
        desk.type("unlock")
    elif isinstance(answer, Stop) and answer.exit in (Exit.GATE_FAILED, Exit.INCONCLUSIVE):
        for fleet in world.fleet.values():
            _restart(world, fleet)


def _answer(world: SimulatedWorld, desk: SimulatedDesk, what: str) -> None:
    """Truthfully: a consumer is restarted first; a doubtful effect is looked at in the world itself."""
    if what.startswith(CONSUMER):
        name = what.removeprefix(CONSUMER)
        if name in world.fleet:
            _restart(world, world.fleet[name])
        desk.type(f"approve {what}")
    elif ":" in what:
        step = StepId.parse(what.partition(":")[2])
        if what == "absent:disable" and world.status(world.old) is KeyStatus.ARCHIVED:
            desk.type("abandon")  # as the question says, too: nobody can enable it any more
            return
        if what == "absent:disable" and world.status(world.old) is KeyStatus.INACTIVE:
            world.set_status(world.old, KeyStatus.ACTIVE)  # as the question says
        desk.type(f"approve {'applied' if _happened(world, step) else 'absent'}:{step}")
    else:
        desk.type(f"approve {what}")


def _restart(world: SimulatedWorld, fleet: SimulatedFleet) -> None:
    """And wait until the instances that were replaced have ended."""
    fleet.restart()
    world.clock.advance(timedelta(seconds=fleet.spec.linger))


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


def check_debts(world: SimulatedWorld, rotation: Rotation) -> None:
    """Law 11: what an abandoned rotation leaves behind is owed, as far as the world still shows it."""
    if any(one.what.startswith(SETTLED) for one in rotation.approvals):
        return
    if rotation.plan.right is not None and rotation.outcome is Outcome.COMPLETED and rotation.old is not None:
        named = {debt.subject for debt in owed([rotation], world.clock.now())}
        if named != {key.digest for key in rotation.old.keys}:
            world.laws.fail("law 11: a key that drifted was replaced, and it is not owed")
    if rotation.outcome is not Outcome.ABANDONED:
        return
    promoted = any(world.current(ref) == world.new for ref in rotation.plan.secrets)
    pending = [world.stores[ref].read(Label.PENDING) for ref in rotation.plan.secrets]
    left = any(version is not None and version.key == world.new for version in pending)
    left = left and rotation.plan.right is None  # else it is in use at the place that is right
    retired = world.status(world.old) is KeyStatus.ARCHIVED
    told = owed(fold.rotations(world.journal.events), world.wall.now())  # by whichever rotation did it
    if ((promoted and not retired) or (left and not promoted)) and not told:
        world.laws.fail("law 11: abandoned with debts, and nothing is owed")
