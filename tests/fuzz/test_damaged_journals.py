"""Commands as processes over a journal that something happened to: its exit code, no traceback, and what to do next."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from typing import Final

import pytest

from rotator.adapters.journal.sql import SqlJournal
from rotator.sandbox.loopback import clean_environment
from rotator.sandbox.memory_world import NAME
from tests.fuzz.child import Ended, Mother, mother
from tests.fuzz.logs import a_whole_log

CONFIG: Final = f"""\
version: 1
credentials:
  {NAME}:
    issuer: {{anthropic: {{}}}}
    secrets: ["aws-sm://eu-west-1/prod/anthropic#KEY"]
    consumers:
      - {{name: api, command: {{observe: ["true"]}}}}
"""
COMMANDS: Final = (
    ("status",),
    ("status", NAME, "--json"),
    ("history", NAME),
    ("report", NAME),
    ("due",),
    ("tick",),
    ("verify", NAME),
    ("finish", NAME),
    ("rollback", NAME, "--by", "alice", "--reason", "why"),
    ("resume", NAME),
    ("unlock", NAME, "--by", "alice", "--reason", "why"),
)


def sql(*statements: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    return damage


def instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def page(table: str) -> Callable[[Path], None]:
    """Overwrite the first page of this table."""

    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database:
            found = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone() or (1,)
        spoiled = bytearray(path.read_bytes())
        size = int.from_bytes(spoiled[16:18], "big")
        spoiled[(found[0] - 1) * size : found[0] * size] = b"\xa5" * size
        path.write_bytes(spoiled)

    return damage


def cut(share: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


DAMAGES: Final[dict[str, Callable[[Path], object]]] = {
    "cut in the middle": cut(0.5),
    "cut behind its first page": cut(0.15),
    "cut in its header": lambda path: os.truncate(path, 60),
    "its first page overwritten": page("sqlite_master"),
    "a page of its schema overwritten": page("rotator_schema"),
    "a page of events overwritten": page("rotator_events"),
    "a newer schema": sql("UPDATE rotator_schema SET version = 99"),
    "a schema that is none": sql("UPDATE rotator_schema SET version = 'x'"),
    "a table of events that is none": sql("DROP TABLE rotator_events", "CREATE TABLE rotator_events (x)"),
    "no table of events": sql("DROP TABLE rotator_events"),
    "an event missing": sql("DELETE FROM rotator_events WHERE seq = 5"),
    "an event edited": sql("UPDATE rotator_events SET holder = 'mallory' WHERE seq = 5"),
    "a number too many": sql("UPDATE rotator_events SET seq = 9000000000 WHERE seq = 5"),
    "no database": lambda path: path.write_text("journal: here\n" * 1000),
    "a directory": instead(lambda path: path.mkdir()),
    "a pipe": instead(lambda path: os.mkfifo(path)),
    "a device without end": instead(lambda path: path.symlink_to("/dev/zero")),
    "a link to itself": instead(lambda path: path.symlink_to(path)),
}


@dataclass(frozen=True)
class Place:
    folder: Path
    processes: Mother

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    def run(self, *words: str) -> Ended:
        return self.processes.rotate(*words, environment=environment(self.folder))


def environment(folder: Path) -> dict[str, str]:
    (folder / "rotate.yaml").write_text(CONFIG)
    return clean_environment(
        {
            "ROTATOR_CONFIG": str(folder / "rotate.yaml"),
            "ROTATOR_JOURNAL": f"sqlite:///{folder}/journal.db",
            "HOME": str(folder),
        }
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one completed rotation."""
    path = tmp_path_factory.mktemp("whole") / "journal.db"
    journal = SqlJournal(f"sqlite:///{path}")
    for event in a_whole_log():
        journal.append(NAME, event)
    journal.close()
    return path


@pytest.fixture(scope="module")
def processes(whole: Path) -> Iterator[Mother]:
    with mother() as processes:
        processes.warm("status", environment=environment(whole.parent))
        yield processes


@pytest.fixture
def place(tmp_path: Path, whole: Path, processes: Mother) -> Iterator[Place]:
    made = Place(tmp_path, processes)
    copy(whole, made.journal)
    yield made
    if not made.journal.is_dir():
        made.journal.unlink()


def test_over_a_sound_journal_the_same_commands_say_where_it_stands(place: Place) -> None:
    assert place.run("status").code == 0
    assert "complete" in place.run("history", NAME).out
    assert place.run("report", NAME).code == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_named_by_every_command_and_nothing_is_done(place: Place, damage: str) -> None:
    DAMAGES[damage](place.journal)
    for words in COMMANDS:
        ran = place.run(*words)
        assert ran.code == 10, (words, ran)
        assert "Traceback" not in ran.all, (words, ran)
        assert "journal" in ran.all, (words, ran)
        assert "next" in ran.all, (words, ran)
        assert len(ran.all) < 3000, words
