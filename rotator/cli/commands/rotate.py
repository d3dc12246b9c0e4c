"""`rotate start`, `verify`, `finish`: expand, overlap, contract."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from rotator.cli.options import AsJson, By, ConfigPath, Name, PlaybookName, Reason

_KeyFile = Annotated[
    str | None, typer.Option("--key-file", metavar="FILE|-", help="Read the new key from a file, or - for stdin.")
]
_KeyId = Annotated[
    str | None, typer.Option("--key-id", metavar="apikey_…", help="The OLD key's record, where its hint is ambiguous.")
]
_Right = Annotated[
    str | None,
    typer.Option("--right", metavar="REF", help="The secrets differ, and this one is right: first make them equal."),
]
_Watch = Annotated[bool, typer.Option("--watch", help="Stay through every wait, however long.")]


def register(app: typer.Typer) -> None:
    app.command(short_help="EXPAND: adopt the new key, promote it, deploy.")(start)
    app.command(short_help="OVERLAP: wait until every instance holds it.")(verify)
    app.command(short_help="CONTRACT: retire the old key, when proven safe.")(finish)


def start(
    name: Name,
    key_file: _KeyFile = None,
    playbook: PlaybookName = None,
    first: Annotated[bool, typer.Option("--first", help="The secret has no key yet: write its first one.")] = False,
    right: _Right = None,
    key_id: _KeyId = None,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """EXPAND: check the new key, store it as pending, test it, promote it, deploy. Asks for the key, hidden."""
    from rotator.cli import prompts
    from rotator.cli.agree import agree
    from rotator.cli.work import desk, me
    from rotator.engine import Run
    from rotator.model.errors import UsageError
    from rotator.model.plan import Phase
    from rotator.model.rotation import Outcome
    from rotator.opening import open_rotation
    from rotator.steps.needs import needs_key

    with desk(name, config, json=json, key_id=key_id) as work:
        if right is not None and first:
            raise UsageError("--first is for a secret that has no key, --right for secrets that have different ones")
        agree(work, right, playbook)
        opened = work.rotation if work.rotation and work.rotation.outcome is Outcome.OPEN else None
        if opened is not None:
            work.forward(opened)
            work.screen.say(f"rotation {opened.id}, opened by {opened.opened_by}, is open: going on with it")
            if key_file is not None and not needs_key(opened):
                work.screen.say("it has its new key already, in the store: the one given now is not read")
            if playbook is not None:
                work.screen.say(f"it goes on by the playbook it was opened with, {opened.plan.playbook.name}")
            plan = work.place.checked_plan(work.credential, opened)
        else:
            policy = work.place.playbook(work.credential, playbook)
            plan = work.place.plan(work.credential, policy, first=first)
        key = None
        if opened is None or needs_key(opened):
            with work.screen.paused():
                key = prompts.new_key(name, key_file)
        with work.session:
            if opened is None:
                for warning in open_rotation(work.session, work.ports, plan, me(), work.credential.issuer.key_id):
                    work.screen.say(f"warning: {warning}")
            end = work.go_on(Run(by=me(), horizon=Phase.EXPAND, key=key))
        work.finish(end)


def verify(name: Name, watch: _Watch = False, config: ConfigPath = None, json: AsJson = False) -> None:
    """OVERLAP: wait until every instance holds the new key; test it, and live traffic, with retried pings."""
    from rotator.cli.work import desk, me
    from rotator.core.status import phase
    from rotator.engine import Run
    from rotator.model.errors import UsageError
    from rotator.model.plan import Phase

    with desk(name, config, json=json) as work:
        rotation = work.forward(work.open_rotation("verify"))
        if phase(rotation) == "expand":
            raise UsageError(f"rotation {rotation.id} is not deployed everywhere yet", f"rotate start {name}")
        work.place.checked_plan(work.credential, rotation)
        with work.session:
            end = work.go_on(Run(by=me(), horizon=Phase.OVERLAP, stay=None if watch else timedelta(seconds=60)))
        work.finish(end)


def finish(
    name: Name,
    approve: Annotated[
        str | None,
        typer.Option("--approve", metavar="disable,archive", help="Say yes beforehand; needs --by, --reason."),
    ] = None,
    accept_unproven: Annotated[
        bool,
        typer.Option(
            "--accept-unproven",
            help="Take on that the old key's silence is not proven; needs --by, --reason. Never covers traffic.",
        ),
    ] = False,
    by: By = None,
    reason: Reason = None,
    watch: _Watch = False,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """CONTRACT: ask, disable the old key, soak, ask, archive. A soak of a day: --watch, or `rotate tick` from cron."""
    from rotator import orders
    from rotator.cli.work import desk, me, said
    from rotator.core.approval import UNPROVEN, may_take_on
    from rotator.core.decide import outcome
    from rotator.engine import Run
    from rotator.model.errors import UsageError
    from rotator.model.rotation import Outcome

    with desk(name, config, json=json) as work:
        words = [word.strip() for word in (approve or "").split(",") if word.strip()]
        for word in words:
            if word not in ("disable", "archive"):
                raise UsageError(f"`{word}` cannot be approved here", "--approve disable,archive")
        yes = {word: said(by, reason, f"--approve {word}") for word in words}
        if accept_unproven:
            yes[UNPROVEN] = said(by, reason, "--accept-unproven")
        if work.rotation is not None and work.rotation.outcome is Outcome.COMPLETED:
            work.finish(outcome(work.rotation))  # typed again after its end: nothing is left to do
        rotation = work.forward(work.open_rotation("finish"))
        work.refuse_unproven(rotation)
        if accept_unproven and rotation.plan.playbook.drain.unproven == "refuse":
            raise UsageError("the playbook refuses to go on without proof", f"rotate status {name}")
        if "archive" in words:
            work.refuse_attesting_ahead(rotation)
        work.place.checked_plan(work.credential, rotation)
        with work.session:
            if accept_unproven and may_take_on(rotation):
                orders.approve(work.session, UNPROVEN, yes[UNPROVEN])
            stay = None if watch else timedelta(seconds=60)
            end = work.go_on(Run(by=by or me(), stay=stay, yes=yes))
        work.finish(end)
