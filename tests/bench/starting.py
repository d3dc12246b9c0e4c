"""`rotate --help` and `rotate status`: CPU time and memory of the whole process, against a bare typer application."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, cast

from rotator.adapters.journal.sql import SqlJournal
from rotator.core import chain
from rotator.model.event import Event, Kind
from rotator.sandbox.loopback import clean_environment
from rotator.sandbox.memory_world import NAME, consumer
from tests.bench.measure import Figure, compared, in_turns, spent
from tests.unit.engine_world import BOTH, quick, run, started

# As small as an application with commands can be, and with the settings that make typer start fastest.
_BARE = """\
from typing import Annotated
import typer
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
"""
_COMMAND = '''
@app.command()
def {name}(name: Annotated[str, typer.Argument(help="Whom to greet.")] = "world",
        loud: Annotated[bool, typer.Option("--loud", help="With an exclamation mark.")] = False) -> None:
    """Say {name}."""
    print("{name}", name, "!" if loud else "")
'''
_CREDENTIAL = """\
  credential-{number:03}:
    issuer: {{anthropic: {{admin_key: env:ANTHROPIC_ADMIN_KEY}}}}
    secrets: ["aws-sm://eu-west-1/prod/{number}#KEY"]
    consumers:
      - name: api
        http: {{urls: ["http://127.0.0.1:9/{number}"], fingerprint: key.fingerprint}}
"""
SIZES = (1, 50, 500)


def figures(folder: Path, rounds: int) -> list[Figure]:
    bare = folder / "bare.py"
    names = ("hello", "hi", "bye", "ciao", "moin", "salut")
    bare.write_text(_BARE + "".join(_COMMAND.format(name=name) for name in names) + "\napp()\n")
    worlds = {size: _world(folder / str(size), size) for size in SIZES}
    rotate = [sys.executable, "-m", "rotator"]
    runs: dict[str, tuple[list[str], Mapping[str, str]]] = {
        "python -c pass": ([sys.executable, "-c", "pass"], worlds[1]),
        "bare typer --help": ([sys.executable, str(bare), "--help"], worlds[1]),
        "bare typer hello": ([sys.executable, str(bare), "hello"], worlds[1]),
        "rotate --help": ([*rotate, "--help"], worlds[1]),
        **{f"rotate status, {size}": ([*rotate, "status"], worlds[size]) for size in SIZES},
    }
    peaks: dict[str, list[float]] = {name: [] for name in runs}

    def cpu(name: str) -> Callable[[], float]:
        def run() -> float:
            child = spent(*runs[name])
            if child.code != 0:
                raise RuntimeError(f"{name} ended with code {child.code}")
            peaks[name].append(child.peak)
            return child.cpu

        return run

    found = in_turns(rounds, {name: cpu(name) for name in runs})
    return [
        compared(found, "rotate --help", "bare typer --help", most=1.6),
        compared(found, "rotate --help", "python -c pass"),
        compared(found, "rotate status, 1", "bare typer hello", most=3),
        compared(found, "rotate status, 1", "python -c pass"),
        compared(found, "rotate status, 50", "rotate status, 1"),
        compared(found, "rotate status, 500", "rotate status, 1", most=2),
        *(_memory(peaks, f"rotate status, {size}") for size in SIZES),
    ]


def _memory(peaks: Mapping[str, list[float]], name: str) -> Figure:
    ratios = [mine / theirs for mine, theirs in zip(peaks[name], peaks["bare typer hello"], strict=True)]
    value = f"{median(peaks[name]) / (1 << 20):.0f} MiB"
    return Figure(name=f"{name}: peak memory", against="bare typer hello", ratios=ratios, value=value)


def _world(folder: Path, size: int) -> Mapping[str, str]:
    """A configuration with so many credentials, and a journal with a whole rotation of each, by that configuration."""
    folder.mkdir()
    body = "".join(_CREDENTIAL.format(number=number) for number in range(size))
    (folder / "rotate.yaml").write_text(f"version: 1\ncredentials:\n{body}")
    url = f"sqlite:///{folder}/journal.db"
    rotation = _a_rotation()
    SqlJournal(url).append("credential-000", _as_of(0, rotation)[0])  # makes the file
    columns = ", ".join(chain.COLUMNS)
    marks = ", ".join("?" for _ in chain.COLUMNS)
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        for number in range(size):
            database.executemany(  # by hand: ten thousand durable appends would take minutes
                f"INSERT OR IGNORE INTO rotator_events (credential, {columns}) VALUES (?, {marks})",
                [(f"credential-{number:03}", *chain.to_row(event).values()) for event in _as_of(number, rotation)],
            )
    return clean_environment({"ROTATOR_CONFIG": str(folder / "rotate.yaml"), "ROTATOR_JOURNAL": url})


def _a_rotation() -> Sequence[Event]:
    """Of one secret and one consumer, from `opened` to `completed`."""
    world = started(quick(secrets=1, consumers=(consumer("api", deploy=None, probe=None),)))
    run(world, yes=BOTH)
    log = world.journal.read(NAME)
    if log[-1].kind is not Kind.COMPLETED:
        raise RuntimeError("the rotation is not complete")
    return log


def _as_of(number: int, rotation: Sequence[Event]) -> Sequence[Event]:
    """That rotation, as if it had been this credential's."""
    [secret] = cast(Any, rotation[0].data["plan"])["secrets"]

    def named(text: str) -> str:
        return text.replace(secret, f"aws-sm://eu-west-1/prod/{number}#KEY").replace(NAME, f"credential-{number:03}")

    events: list[Event] = []
    for event in rotation:
        kept = {name: getattr(event, name) for name in ("rotation", "at", "kind", "attempt", "holder")}
        step, data = event.step and named(event.step), json.loads(named(json.dumps(event.data)))
        events.append(chain.next_event(events[-1] if events else None, **kept, step=step, data=data))
    return events
