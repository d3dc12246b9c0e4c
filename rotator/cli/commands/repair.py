"""`rotate rollback`, `resume`, `abandon`, `unlock`, `approve`: repair is a product surface, not an accident."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from rotator.cli.options import AsJson, By, ConfigPath, Name, Reason


def register(app: typer.Typer) -> None:
    app.command(short_help="Go back to the old key.")(rollback)
    app.command(short_help="Go on after a stop.")(resume)
    app.command(short_help="End the record, touch nothing; debts stay.")(abandon)
    app.command(short_help="Take a rotation from a dead process.")(unlock)
    app.command(short_help="A person's yes, from any terminal.")(approve)


def rollback(name: Name, by: By = None, reason: Reason = None, config: ConfigPath = None, json: AsJson = False) -> None:
    """Back to the old key, from any step before archive: enable it, restore it, deploy again, observe."""
    from rotator import orders
    from rotator.cli.work import desk, me
    from rotator.core.decide import outcome
    from rotator.engine import Run, Yes
    from rotator.model.event import process
    from rotator.model.rotation import Outcome

    with desk(name, config, json=json) as work:
        if work.rotation is not None and work.rotation.outcome is Outcome.ROLLED_BACK:
            work.finish(outcome(work.rotation))  # typed again after its end: nothing is left to do
        rotation = work.open_rotation("roll back")
        work.place.checked_plan(work.credential, rotation)
        orders.roll_back(work.session, Yes(by=by or me(), reason=reason or "no reason given"))
        holder = work.session.held_by()
        if holder is not None:
            work.screen.say(f"{process(holder)} works on this rotation: it turns round before its next effect")
        with work.session:
            end = work.go_on(Run(by=by or me()))
        work.finish(end)


def resume(
    name: Name,
    accept_plan: Annotated[
        bool, typer.Option("--accept-plan", help="Go on by rotate.yaml as it is now; voids approvals.")
    ] = False,
    by: By = None,
    reason: Reason = None,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Go on after a stop: time-outs and attempts count anew. Asks before it takes anything away."""
    from rotator import orders
    from rotator.cli.work import desk, me, said
    from rotator.engine import Run, Yes

    with desk(name, config, json=json) as work:
        rotation = work.open_rotation("resume")
        if accept_plan:
            yes = said(by, reason, "--accept-plan")
        else:
            yes = Yes(by=by or me(), reason=reason or "no reason given")
            work.place.checked_plan(work.credential, rotation)
        with work.session:
            if accept_plan:
                plan = work.place.plan_anew(work.credential, rotation.plan)
                orders.accept_plan(work.session, work.ports, yes, plan, work.credential.issuer.key_id)
            else:
                orders.resume(work.session, yes)
            end = work.go_on(Run(by=yes.by, by_hand=False, stay=timedelta(seconds=60)))
        work.finish(end)


def abandon(name: Name, by: By = None, reason: Reason = None, config: ConfigPath = None, json: AsJson = False) -> None:
    """End the rotation's record and touch nothing: whatever is left undone stays in `status` as owed."""
    from rotator import orders
    from rotator.cli.prompts import confirm
    from rotator.cli.work import desk, me, said
    from rotator.engine import Yes
    from rotator.model.decision import Exit, Stop

    with desk(name, config, json=json) as work:
        rotation = work.open_rotation("abandon")
        if by or reason or not confirm(f"Abandon {rotation.id}? Nothing is undone: `rotate rollback` would do that."):
            yes = said(by, reason, "abandoning")
        else:
            yes = Yes(by=me(), reason="answered at the terminal")
        with work.session:
            orders.abandon(work.session, yes)
        work.finish(Stop(Exit.OWED, "the rotation was abandoned"))


def unlock(name: Name, by: By = None, reason: Reason = None, config: ConfigPath = None, json: AsJson = False) -> None:
    """Take the rotation from a process that is surely dead. One that is not stops at its next event."""
    from rotator import orders
    from rotator.cli.results import show, show_json
    from rotator.cli.work import desk, said
    from rotator.model.event import process

    with desk(name, config, json=json) as work:
        other = orders.unlock(work.session, said(by, reason, "unlocking"))
        if json:
            show_json({"credential": name, "was_held_by": other})
        else:
            show(f"{name}: taken from {process(other)}" if other else f"{name}: nobody holds it")
            show(f"  next: rotate status {name}")


def approve(
    name: Name,
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="disable, archive, consumer:NAME, settled:DEBT, or as `status` names it."),
    ],
    by: By = None,
    reason: Reason = None,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """A person's yes, or answer, from any terminal; bound to the plan and to the evidence as it is now."""
    from rotator import orders
    from rotator.cli.results import show, show_json
    from rotator.cli.work import desk, said
    from rotator.core.owed import SETTLED
    from rotator.core.status import status

    with desk(name, config, json=json) as work:
        if not what.startswith(SETTLED):
            work.open_rotation("approve")
        orders.approve(work.session, what, said(by, reason, f"approving {what}"))
        report = status(name, work.rotation, work.place.clock.now(), work.session.earlier)
        if json:
            show_json(report)
        else:
            show(f"{name}: {what} is approved")
            show(f"  next: {report['next'] or f'rotate status {name}'}")
