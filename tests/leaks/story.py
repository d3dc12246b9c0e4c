"""Types commands in this process, with everything logged at DEBUG, and remembers which of them were typed."""

from __future__ import annotations

import io
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import typer

from rotator.cli import commands
from rotator.cli.app import app
from rotator.model.keys import KeyText
from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld
from tests.leaks.hunt import assert_absent, assert_nowhere

SAID = ["--by", "ann", "--reason", "planned"]


def every_command() -> Sequence[tuple[str, ...]]:
    """As typer has them, each with its group in front."""
    if not app.registered_commands:
        commands.register(app)
    return sorted(_leaves(typer.main.get_command(app)))


def _leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words
    for name, one in (below or {}).items():
        yield from _leaves(one, (*words, name))


@dataclass
class Story:
    """`keys`: none of them may be found anywhere. What a command prints is kept, and searched at the end."""

    world: SmallWorld
    rotate: Rotate
    log: io.StringIO
    keys: list[KeyText]
    ran: list[Ran] = field(default_factory=list)
    typed: set[tuple[str, ...]] = field(default_factory=set)

    def type(self, *words: str, stdin: str = "", codes: Sequence[int] | None = None) -> Ran:
        """`codes`: what it may end with, where that is known."""
        ran = self.rotate(*words, stdin=stdin)
        assert codes is None or ran.code in codes, f"{words}: {ran.all}"
        assert "Traceback" not in ran.all, f"{words}: {ran.all}"
        known = [command for command in every_command() if words[: len(command)] == command]
        self.typed.update(known)
        self.ran.append(ran)
        return ran

    def both(self, *words: str, stdin: str = "", codes: Sequence[int] | None = None) -> None:
        """For people, and as JSON."""
        self.type(*words, stdin=stdin, codes=codes)
        self.type(*words, "--json", stdin=stdin, codes=codes)

    def search(self) -> None:
        assert_nowhere(self.world, self.keys, self.ran)
        logged = self.log.getvalue()
        assert len(logged) > 1000
        assert_absent(self.keys, "what the libraries logged", logged.encode())


@contextmanager
def _everything_logged() -> Iterator[io.StringIO]:
    log, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(log), root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@contextmanager
def told(world: SmallWorld, rotate: Rotate) -> Iterator[Story]:
    """A world in which no file holds a key, everything is logged, and the journal's write-ahead log stays on the disk:
    whoever reads it keeps it there. Searched at the end."""
    with suppress(FileNotFoundError):
        (world.directory / "admin.key").unlink()
    world.extra |= {"MY_ADMIN": world.admin.reveal(), "ANTHROPIC_API_KEY": world.old.reveal(), "ANTHROPIC_LOG": "debug"}
    world.write(admin="env", soak="30m")
    world.journal.touch(mode=0o600)
    with _everything_logged() as log, closing(sqlite3.connect(world.journal)) as reader:
        story = Story(world, rotate, log, [world.old, world.new, world.admin])
        reader.execute("PRAGMA journal_mode=WAL")
        reader.execute("BEGIN").execute("SELECT * FROM sqlite_master").fetchall()
        yield story
        there = {path.name for path in world.directory.iterdir()}
        assert {"journal.db-wal", "journal.db-shm"} <= there
        story.search()
