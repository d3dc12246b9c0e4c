"""`rotate tick` and `rotate due`, for cron: one pass over all open rotations; what wants doing. They never ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import typer

from rotator.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.due import Due
    from rotator.model.canonical import JsonObject
    from rotator.wiring import Workplace

_GRAVEST: Final = (1, 10, 2, 5, 6, 9, 7, 4, 8, 3, 0)
"""Which exit code speaks for a pass over several rotations: the first of these that occurred."""


def register(app: typer.Typer) -> None:
    app.command(short_help="One pass over all open rotations, for cron.")(tick)
    app.command(short_help="What wants doing: old keys, deadlines, debts.")(due)


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
    from rotator.cli.announce import announce
    from rotator.cli.results import show
    from rotator.cli.screen import Lines
    from rotator.cli.words import ending
    from rotator.cli.work import code, me
    from rotator.core.status import status
    from rotator.engine import Run, advance
    from rotator.model.decision import Exit
    from rotator.model.errors import RotatorError
    from rotator.model.rotation import Outcome

    screen = Lines()
    session = place.session(name, screen.listen)
    if session.rotation is None:
        return status(name, None, place.clock.now()), 0
    try:
        announce(session, place)  # before anything can fail: who is owed something is told though nothing works
        if session.rotation.outcome is not Outcome.OPEN:
            report = status(name, session.rotation, place.clock.now(), session.earlier)
            _show_owed(report, json=json)
            return report, int(Exit.OWED if report["owed"] else Exit.DONE)
        credential = place.credential(name)
        place.checked_plan(credential, session.rotation)
        with session:
            run = Run(by=f"tick of {me()}", stay=timedelta(), by_hand=False)
            end = advance(session, place.ports(credential), run, place.notifier())
        announce(session, place)
    except RotatorError as error:
        report = status(name, session.rotation, place.clock.now(), session.earlier)
        report = {**report, "error": failure.as_json(error, session.rotation)}
        return report, failure.report(error, session.rotation, json=False)
    except Exception as error:  # said as a bug; it must not end the watch over the other credentials
        report = status(name, session.rotation, place.clock.now(), session.earlier)
        return report, failure.bug(error, json=False)
    report = status(name, session.rotation, place.clock.now(), session.earlier)
    if not json:
        show(f"{name}: {ending(end)}")
    _show_owed(report, json=json)
    return report, int(code(end, owing=bool(report["owed"])))


def _show_owed(report: Mapping[str, Any], *, json: bool) -> None:
    from rotator.cli.results import show

    for debt in [] if json else report["owed"]:
        show(f"{report['credential']}: owed: {debt}")


def due(config: ConfigPath = None, json: AsJson = False) -> None:
    """What wants doing: keys over their max_age, rotations near their deadline, debts. Reads the journal alone."""
    from rotator.cli.results import show, show_json
    from rotator.cli.work import plainly
    from rotator.core.due import due as found
    from rotator.core.fold import rotations
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        place = open_workplace(config)
        now, every = place.clock.now(), sorted(place.config.credentials.items())
        looked = [found(name, rotations(place.journal.read(name)), one.max_age, now) for name, one in every]
        wanted = [one for one in looked if one is not None]
        if json:
            show_json([one.to_json() for one in wanted])
        for one in [] if json else wanted:
            show("\n".join(due_lines(one)))
        if not json and not wanted:
            show("nothing is due, and nothing is owed")
        if any(one.debts for one in wanted):
            raise typer.Exit(9)


def due_lines(one: Due) -> Iterator[str]:
    """One credential, for a person."""
    yield f"{one.credential}:"
    yield from (f"  due      {why}" for why in one.why)
    yield from (f"  OWED     {debt}" for debt in one.debts)
    yield f"  next     {one.next}"
