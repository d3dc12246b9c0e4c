"""`rotate tick`: one pass over all open rotations, for cron. Never asks, never waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import typer

from rotator.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from rotator.model.canonical import JsonObject
    from rotator.wiring import Workplace

_GRAVEST: Final = (1, 10, 2, 5, 6, 9, 7, 4, 8, 3, 0)
"""Which exit code speaks for a pass over several rotations: the first of these that occurred."""


def register(app: typer.Typer) -> None:
    app.command(short_help="One pass over all open rotations, for cron.")(tick)


def tick(config: ConfigPath = None, json: AsJson = False) -> None:
    """Take every open rotation as far as it goes without waiting: soaks are watched, schedules approve. For cron."""
    from rotator.cli.results import show_json
    from rotator.cli.work import plainly
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        place = open_workplace(config)
        passes = [_pass(place, name, json=json) for name in sorted(place.config.credentials)]
        if json:
            show_json([report for report, _ in passes])
        raise typer.Exit(next(code for code in _GRAVEST if code in {0, *(code for _, code in passes)}))


def _pass(place: Workplace, name: str, *, json: bool) -> tuple[JsonObject, int]:
    """One credential: its status afterwards, and the exit code that it alone would give."""
    from rotator.cli import failure
    from rotator.cli.results import show
    from rotator.cli.screen import Lines
    from rotator.cli.words import ending
    from rotator.cli.work import code, me
    from rotator.core.owed import owed
    from rotator.core.status import status
    from rotator.engine import Run, advance
    from rotator.model.errors import RotatorError
    from rotator.model.rotation import Outcome

    screen = Lines()
    session = place.session(name, screen.listen)
    if session.rotation is None or session.rotation.outcome is not Outcome.OPEN:
        return status(name, session.rotation, place.clock.now()), 0
    try:
        credential = place.credential(name)
        place.checked_plan(credential, session.rotation)
        with session:
            run = Run(by=f"tick of {me()}", stay=timedelta(), by_hand=False)
            end = advance(session, place.ports(credential), run, place.notifier())
    except RotatorError as error:
        report = status(name, session.rotation, place.clock.now())
        return report, failure.report(error, session.rotation, json=False)
    now = place.clock.now()
    if not json:
        show(f"{name}: {ending(end)}")
    return status(name, session.rotation, now), int(code(end, owing=any(owed(session.rotation, now))))
