"""One small file a command group. Each imports what it needs when it runs, so that `--help` stays quick."""

from __future__ import annotations

import typer

from rotator.cli.commands import check, config, init, inspect, plan, repair, report, rotate, schedule


def register(app: typer.Typer) -> None:
    """Hang every command into the application, in the order of the help."""
    from rotator.cli.commands import demo, sandbox

    for group in (demo, init, config, check, plan, rotate, inspect, report, repair, schedule, sandbox):
        group.register(app)
