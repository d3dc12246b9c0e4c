"""Whatever is read takes less than 100 MB more than it takes to read little: real memory, of processes of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from rotator.adapters.journal.sql import SqlJournal
from rotator.sandbox.loopback import clean_environment
from rotator.sandbox.memory_world import NAME
from tests.fuzz.child import Ended, Mother, mother
from tests.fuzz.heavy import ANSWERS
from tests.fuzz.logs import a_whole_log
from tests.fuzz.test_damaged_journals import CONFIG

MOST: Final = 100 << 20
"""Bytes above what the same does with little."""
WHO: Final = ("AWS", "Vault", "an application", "an application, from Vault", "a health page")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mother]:
    folder = tmp_path_factory.mktemp("little")
    with mother() as processes:
        (folder / "rotate.yaml").write_text(CONFIG)
        processes.warm("status", environment=environment(folder))
        for who in WHO:
            processes.warm_call("tests.fuzz.heavy:reading", who, "small")
        yield processes


def environment(folder: Path) -> dict[str, str]:
    named = {"ROTATOR_CONFIG": str(folder / "rotate.yaml"), "ROTATOR_JOURNAL": f"sqlite:///{folder}/journal.db"}
    return clean_environment(named | {"HOME": str(folder)})


@pytest.mark.parametrize("who", WHO)
def test_no_answer_takes_a_hundred_megabytes(processes: Mother, who: str) -> None:
    taken = {answer: processes.peak("tests.fuzz.heavy:reading", who, answer) for answer in ANSWERS}
    most = max(taken, key=lambda answer: taken[answer])
    assert taken[most] - taken["small"] < MOST, most


def test_what_answers_a_notification_takes_no_hundred_megabytes(processes: Mother) -> None:
    """A few answers: apprise keeps threads, so that each child has to import it anew."""
    small, *others = (
        processes.peak("tests.fuzz.heavy:reading", "a notification", answer) for answer in ("small", "400 MB", "packed")
    )
    assert max(others) - small < MOST


FILES: Final[dict[str, Callable[[], str]]] = {
    "5 MB": lambda: CONFIG + "# x\n" * 1_300_000,
    "an alias bomb": lambda: CONFIG + "x0: &x0 [y]\n" + "".join(_folded(n) for n in range(1, 9)),
    "many credentials": lambda: CONFIG + "".join(f"  c{n}: {{secrets: [x]}}\n" for n in range(100_000)),
    "deep": lambda: "a: " + "[" * 1_000_000,
    "one text": lambda: "a: " + "x" * 5_000_000,
}


def _folded(level: int) -> str:
    return f"x{level}: &x{level} [{f'*x{level - 1},' * 9}y]\n"


@pytest.mark.parametrize("which", ["rotate.yaml", "quick.yaml"])
@pytest.mark.parametrize("file", FILES)
def test_no_file_takes_a_hundred_megabytes(processes: Mother, tmp_path: Path, file: str, which: str) -> None:
    (tmp_path / "rotate.yaml").write_text(CONFIG + "    playbook: ./quick.yaml\n")
    (tmp_path / which).write_text(FILES[file]())
    ran = processes.rotate("plan", NAME, environment=environment(tmp_path))
    assert ran.code == 2, ran
    assert len(ran.all) < 3000
    assert ran.peak - little(processes, tmp_path).peak < MOST


def little(processes: Mother, folder: Path) -> Ended:
    (folder / "rotate.yaml").write_text(CONFIG)
    return processes.rotate("status", environment=environment(folder))


def test_no_event_takes_a_hundred_megabytes(processes: Mother, tmp_path: Path) -> None:
    few = little(processes, tmp_path)
    journal = SqlJournal(f"sqlite:///{tmp_path}/journal.db")
    for event in a_whole_log():
        journal.append(NAME, event)
    journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        database.execute("UPDATE rotator_events SET data = zeroblob(200000000) WHERE seq = 3")
        database.commit()
    ran = processes.rotate("status", environment=environment(tmp_path))
    assert ran.code == 10
    assert ran.peak - few.peak < MOST
