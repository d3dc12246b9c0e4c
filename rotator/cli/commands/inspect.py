"""`rotate status`, `rotate history`: where it stands, and what happened. They change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rotator.cli.options import AsJson, ConfigPath, Name, OptionalName

if TYPE_CHECKING:
    from rotator.wiring import Workplace


_AT_ONCE: Final = 10
"""Logs that one look at the journal reads, and memory holds together: more of them leave the processor's cache."""


def register(app: typer.Typer) -> None:
    app.command(short_help="Where it stands, and what to type next.")(status)
    app.command(short_help="Everything the journal holds of it.")(history)


def status(
    name: OptionalName = None,
    watch: Annotated[bool, typer.Option("--watch", help="Until Ctrl-C; tells what changed.")] = False,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Where it stands, what it waits for, what to type next. Reads the journal alone."""
    from rotator.cli.results import show_json
    from rotator.cli.work import plainly
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        place = open_workplace(config)
        names = [place.credential(name).name] if name else sorted(place.config.credentials)
        shown: Sequence[Mapping[str, Any]] = []
        while True:
            reports = _reports(place, names)
            if reports != shown and json:
                show_json(reports[0] if name else reports)
            elif reports != shown:
                _show(reports, f"{place.clock.now():%H:%M:%S}" if watch else "")
            if not watch:
                break
            shown = reports
            place.clock.sleep(timedelta(seconds=2))
        if any(report["owed"] for report in reports):
            raise typer.Exit(9)


def _reports(place: Workplace, names: Sequence[str]) -> list[Mapping[str, Any]]:
    from rotator.core.fold import rotations
    from rotator.core.status import status as report

    reports: list[Mapping[str, Any]] = []
    for first in range(0, len(names), _AT_ONCE):
        for name, log in place.journal.read_many(names[first : first + _AT_ONCE]).items():
            found = rotations(log)
            reports.append(report(name, found[-1] if found else None, place.clock.now(), found[:-1]))
    return reports


def _show(reports: list[Mapping[str, Any]], at: str) -> None:
    from rotator.cli.results import show
    from rotator.cli.table import status_lines

    lines = [line for report in reports for line in status_lines(report)]
    show("\n".join([at, *lines] if at else lines))


def history(name: Name, config: ConfigPath = None, json: AsJson = False) -> None:
    """Everything the journal holds of a credential, oldest first; its hash chain is verified."""
    from rotator.cli.results import show, show_json
    from rotator.cli.words import sentence
    from rotator.cli.work import plainly
    from rotator.core.chain import to_row
    from rotator.model.event import process
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        place = open_workplace(config)
        events = place.journal.read(place.credential(name).name)
        if json:
            show_json([{**to_row(event), "data": event.data} for event in events])
            return
        for event in events:
            show(f"{event.seq:>4}  {event.at:%Y-%m-%d %H:%M:%S}  {sentence(event)}  [{process(event.holder)}]")
        show(
            f"{len(events)} events; the chain is whole."
            if events
            else f"{name} has never been rotated by this journal."
        )
