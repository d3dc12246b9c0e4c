"""`rotate start --right REF`: where the secrets hold several keys, they are made equal before the rotation begins."""

from __future__ import annotations

from rotator import opening
from rotator.cli.work import Desk, me
from rotator.engine import Run
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import UsageError


def agree(work: Desk, right: str | None, playbook: str | None) -> None:
    """Return where nothing is to be done about that, or nothing any more; else end the command.

    `right` None: only a rotation that is open already for this is gone on with.
    """
    opened = work.session.rotation if work.session.open_now else None
    if opened is not None and opened.plan.right is None:
        if right is not None:
            work.screen.say("the secrets held one key when the open rotation began: --right is not needed")
        return
    if opened is not None:
        work.forward(opened)
        if right not in (None, opened.plan.right):
            why = f"rotation {opened.id} is open, and gives others the key of {opened.plan.right}"
            raise UsageError(why, f"rotate rollback {opened.plan.credential}")
        work.place.checked_plan(work.credential, opened)
        work.screen.say(f"rotation {opened.id}, opened by {opened.opened_by}, is open: going on with it")
    elif right is None:
        return
    with work.session:
        end = _made_equal(work, right, playbook)
    if end is not None:
        work.finish(end)


def _made_equal(work: Desk, right: str | None, playbook: str | None) -> Ask | Stop | Wait | None:
    """Why it went no further; None where all secrets hold one key, and the person asked for more than that."""
    if not work.session.open_now and not (right is not None and _opened(work, right, playbook)):
        return None
    end = work.go_on(Run(by=me()))
    if right is None or not (isinstance(end, Stop) and end.exit is Exit.DONE):
        return end
    work.screen.say(end.why)
    return None


def _opened(work: Desk, right: str, playbook: str | None) -> bool:
    drifted = opening.drifted(work.credential.name, work.ports, right)
    if drifted:
        policy = work.place.playbook(work.credential, playbook)
        plan = work.place.plan(work.credential, policy, right=right, drifted=drifted)
        for warning in opening.open_rotation(work.session, work.ports, plan, me()):
            work.screen.say(f"warning: {warning}")
    return bool(drifted)
