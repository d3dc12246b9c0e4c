"""`rotate report`: one rotation for somebody who audits; `--verify` checks such a report without the journal."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from rotator.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.model.event import Event
    from rotator.wiring import Workplace


class Format(Enum):
    JSON = "json"
    MARKDOWN = "markdown"


_Name = Annotated[
    str | None, typer.Argument(metavar="CREDENTIAL", help="The credential's name, where there are several.")
]
_Rotation = Annotated[str | None, typer.Option("--rotation", metavar="ID", help="Which one; else the latest.")]
_Format = Annotated[Format, typer.Option("--format", help="markdown: the same for reading, without the events.")]
_Output = Annotated[str | None, typer.Option("--output", metavar="FILE", help="Write it there, not to stdout.")]
_Verify = Annotated[str | None, typer.Option("--verify", metavar="FILE", help="Check a report; reads nothing else.")]


def register(app: typer.Typer) -> None:
    app.command(short_help="One rotation, for an auditor; or check one.")(report)


def report(
    name: _Name = None,
    rotation: _Rotation = None,
    form: _Format = Format.JSON,
    output: _Output = None,
    verify: _Verify = None,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Who did what and when in one rotation, on what evidence, what was skipped; with the events that prove it."""
    from rotator.cli.results import show, show_json
    from rotator.cli.work import plainly
    from rotator.core import report as reports
    from rotator.core import report_page
    from rotator.model.errors import UsageError
    from rotator.wiring import open_workplace

    with plainly(lambda: None, json=json):
        if verify is not None:
            if name or rotation or output:
                raise UsageError("--verify takes a report and nothing else", "rotate report --verify FILE")
            return _verify(verify, json=json)
        if json and form is Format.MARKDOWN:
            raise UsageError("a page in Markdown is no JSON", "leave out --json, or --format markdown")
        place = open_workplace(config)
        events = _events(place, name)
        built = reports.build(events, _chosen(events, rotation), place.clock.now())
        text = report_page.page(built) if form is Format.MARKDOWN else reports.text(built)
        if output is None:
            show(text.removesuffix("\n"))
            return None
        _write(output, text)
        if json:
            show_json({"written": output, "digest": built["digest"]})
        else:
            show(f"written to {output}\n  next: rotate report --verify {output}")
    return None


def _events(place: Workplace, name: str | None) -> Sequence[Event]:
    from rotator.model.errors import UsageError

    if name is None:
        names = sorted(place.config.credentials)
        if len(names) != 1:
            known = ", ".join(names) or "none"
            raise UsageError(f"of which credential? {place.config.path} has {known}", "rotate report CREDENTIAL")
        name = names[0]
    # A credential that has left the configuration keeps its log: an auditor may still ask for it.
    if name not in place.journal.credentials():
        place.credential(name)
        raise UsageError(
            f"{name} has never been rotated by this journal: there is nothing to report", f"rotate start {name}"
        )
    return place.journal.read(name)


def _chosen(events: Sequence[Event], wanted: str | None) -> str:
    from rotator.model.errors import UsageError
    from rotator.model.event import Kind

    known = [event.rotation for event in events if event.kind is Kind.OPENED]
    if not known:
        raise UsageError("it has never been rotated by this journal: there is nothing to report")
    if wanted is not None and wanted not in known:
        last = ", ".join(known[-3:])
        raise UsageError(f"there is no rotation {wanted}; the last ones are {last}", "rotate report --rotation ID")
    return wanted or known[-1]


def _write(path: str, text: str) -> None:
    from pathlib import Path

    from rotator.core.report_page import encoded
    from rotator.model.errors import UsageError

    try:
        Path(path).write_bytes(encoded(text))  # no newline is translated on the way
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {path}: {error.strerror}", "rotate report --output FILE, in another place"
        ) from None


def _verify(path: str, *, json: bool) -> None:
    from pathlib import Path

    from rotator.cli.results import show, show_json
    from rotator.core import report as reports
    from rotator.core import report_page
    from rotator.model.errors import UsageError

    try:
        with Path(path).open("rb") as file:
            data = file.read(reports.MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the report {path} cannot be read: {error.strerror}", "name the file that `rotate report` wrote"
        ) from None
    if report_page.is_page(data):
        title = report_page.verify(data)
        if json:
            return show_json({"verified": True, "page": title})
        show(f"whole: {title}, the page; not one byte of it was changed")
        return show("  more     the report in JSON shows also that all of it follows from the journal's events")
    found = reports.verify(data)
    log, rotation = found["log"], found["rotation"]
    if json:
        return show_json({"verified": True, "credential": found["credential"], "rotation": rotation["id"], **log})
    show(f"whole: rotation {rotation['id']} of {found['credential']}, {rotation['outcome'].replace('_', ' ')}")
    show(f"  events   {log['first']} to {log['last']}, chained; none was changed, removed or added")
    show(f"  head     {log['head']}")
    show(f"  compare  the hash of event {log['last']} in: rotate history {found['credential']} --json")
    return None
