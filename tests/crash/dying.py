"""`python -m tests.crash.dying WORK DIRECTORY`: dies at the first line of that work, then at the second, till none is
left; prints how many there are. Each life has a folder of its own, named by the line at which it ended.

A process of its own, for it forks, and a test's process has threads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

from rotator.adapters.issuer import readings, readings_text
from rotator.adapters.issuer.readings import Readings
from rotator.adapters.journal import sql, sqlite
from rotator.adapters.journal.sql import SqlJournal
from rotator.model.usage import Minute, Source, Usage
from tests.unit.journal_file import NOON, event_after

PLACE, KEYS = "the sandbox's", ("old", "new")
USAGE: Final = Usage(
    source=Source.ANALYTICS,
    since=NOON,
    read_at=NOON,
    complete_until=NOON,
    minutes={key: (Minute(at=NOON, volume=3),) for key in KEYS},
)
KILLED: Final = 9


def ask(folder: Path) -> None:
    """Usage is asked for, and what Anthropic answers is written down."""
    kept = Readings(folder / "readings")
    assert kept.look(PLACE, KEYS, NOON, NOON).mine
    kept.post(PLACE, NOON, USAGE)


def append(folder: Path) -> None:
    """The first event of a new journal, under a lease."""
    journal = SqlJournal(f"sqlite:///{folder / 'journal.db'}")
    journal.heartbeat("prod", "ann@host:1", NOON + timedelta(seconds=30))
    journal.append("prod", event_after(None))


WORK: Final[Mapping[str, tuple[Callable[[Path], None], tuple[ModuleType, ...]]]] = {
    "readings": (ask, (readings, readings_text)),
    "journal": (append, (sql, sqlite)),
}


def lines_of(name: str, folder: Path, dies_at: int = 0) -> int:
    """How many lines of the work's own files were begun. At `dies_at` nothing is tidied up: `kill -9`."""
    work, modules = WORK[name]
    files, begun = {module.__file__ for module in modules}, 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal begun
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            begun += 1
            if begun == dies_at:
                os._exit(KILLED)
        return trace

    folder.mkdir()
    sys.settrace(trace)
    work(folder)
    sys.settrace(None)
    return begun


def main(name: str, directory: Path) -> None:
    every = lines_of(name, directory / "0")
    for number in range(1, every + 1):
        child = os.fork()
        if child == 0:
            lines_of(name, directory / str(number), number)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
    print(every)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
