"""What only the durable journal has: a file, its owner, its connection, several processes at once."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.adapters.journal.sql import SqlJournal
from tests.unit.journal_file import NOON, each_connection, event_after, three_events


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path) -> SqlJournal:
    return SqlJournal(f"sqlite:///{path}", busy=timedelta(milliseconds=50))


def test_reading_makes_nothing(journal: SqlJournal, tmp_path: Path) -> None:
    assert list(journal.read("prod")) == []
    assert list(journal.credentials()) == []
    assert journal.lease("prod") is None
    journal.release("prod", "ann")
    assert list(tmp_path.iterdir()) == []


def test_the_files_are_the_owners_alone(journal: SqlJournal, path: Path) -> None:
    before = os.umask(0)
    try:
        journal.append("prod", event_after(None))
        with closing(sqlite3.connect(path)) as reader:  # while it is open, -wal and -shm stay
            reader.execute("SELECT count(*) FROM rotator_events").fetchall()
            journal.append("prod", event_after(journal.read("prod")[-1]))
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_database_keeps_a_write_ahead_log_and_syncs_every_event_and_no_lease(
    journal: SqlJournal, path: Path
) -> None:
    said: list[str] = []
    with each_connection(lambda connection: connection.set_trace_callback(said.append)):
        journal.heartbeat("prod", "me", NOON)
        journal.append("prod", event_after(None))
        journal.release("prod", "me")
    asked = [line.rpartition("=")[2] for line in said if line.startswith("PRAGMA synchronous")]
    assert asked == ["NORMAL", "FULL", "NORMAL"]
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_left_empty_by_a_crash_is_an_empty_journal(journal: SqlJournal, path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert list(journal.read("prod")) == []
    journal.append("prod", event_after(None))
    assert len(journal.read("prod")) == 1


def test_a_file_that_was_replaced_is_opened_anew_and_the_old_one_left(journal: SqlJournal, path: Path) -> None:
    events = three_events(journal)
    journal.close()
    backup = path.read_bytes()
    journal.append("prod", event_after(events[-1]))
    journal.close()
    assert len(journal.read("prod")) == 4
    (path.parent / "restored").write_bytes(backup)
    (path.parent / "restored").replace(path)
    assert list(journal.read("prod")) == events
    path.unlink()
    assert list(journal.read("prod")) == []
    journal.append("other", event_after(None))
    with closing(SqlJournal(f"sqlite:///{path}")) as another:
        assert list(another.credentials()) == ["other"]


def test_one_connection_serves_every_event(journal: SqlJournal) -> None:
    opened: list[object] = []
    with each_connection(opened.append):
        three_events(journal)
        journal.read("prod")
    assert len(opened) == 1


def test_a_journal_that_is_dropped_closes_its_file(path: Path) -> None:
    three_events(SqlJournal(f"sqlite:///{path}"))
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]  # the write-ahead log is folded in


FORKED = """
import os, sys
from tests.unit.journal_file import each_connection, event_after, three_events
from rotator.adapters.journal.sql import SqlJournal
journal = SqlJournal(sys.argv[1])
events = three_events(journal)
child = os.fork()
if child == 0:
    journal.append("prod", event_after(journal.read("prod")[-1]))
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
journal.append("prod", event_after(journal.read("prod")[-1]))
assert len(journal.read("prod")) == 5
"""


def test_a_forked_process_opens_its_own_connection(path: Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", FORKED, f"sqlite:///{path}"], check=True, timeout=60)
    assert len(SqlJournal(f"sqlite:///{path}").read("prod")) == 5


WRITER = """
import sys
from datetime import UTC, datetime
from rotator.adapters.journal.sql import SqlJournal
from rotator.core.chain import next_event
from rotator.model.event import Kind
from rotator.ports import Conflict
url, holder = sys.argv[1:]
journal, won = SqlJournal(url), 0
journal.read("prod")
print("ready", flush=True)
sys.stdin.readline()
while won < 5:
    log = journal.read("prod")
    event = next_event(log[-1] if log else None, rotation="r", at=datetime.now(UTC), kind=Kind.MEASURED, step=None,
                       attempt=0, data={}, holder=holder)
    try:
        journal.append("prod", event)
    except Conflict:
        continue
    won += 1
    print(event.seq)
"""


def test_processes_that_race_to_make_the_database_share_one_log(path: Path) -> None:
    url = f"sqlite:///{path}"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, f"writer-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    outputs = [writer.communicate(timeout=60)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    wins = {int(seq): f"writer-{number}" for number, output in enumerate(outputs) for seq in output.split()}
    assert {event.seq: event.holder for event in SqlJournal(url).read("prod")} == wins
    assert sorted(wins) == list(range(1, 16))


def test_a_journal_in_a_file_does_without_sqlalchemy(path: Path) -> None:
    code = (
        "import sys\nfrom rotator.adapters.journal.sql import SqlJournal\n"
        "SqlJournal(sys.argv[1]).read('prod')\nsys.exit('sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, f"sqlite:///{path}"], check=False).returncode == 0
