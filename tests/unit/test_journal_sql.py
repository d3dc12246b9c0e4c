"""What only the durable journal has: a file, its permissions, its lock, its schema. Failures are real ones."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.adapters.journal import sqlite
from rotator.adapters.journal.sql import SqlJournal, default_url
from rotator.core.chain import next_event
from rotator.model.errors import ConfigError, JournalError
from rotator.model.event import Event, Kind

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOBODY = 65534


def event_after(last: Event | None, text: str = "") -> Event:
    data = {"text": text}
    return next_event(
        last, rotation="r1", at=NOON, kind=Kind.OPENED, step=None, attempt=0, data=data, holder="ann@host:1"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path) -> SqlJournal:
    return SqlJournal(f"sqlite:///{path}", busy=timedelta(milliseconds=50))


def three_events(journal: SqlJournal) -> list[Event]:
    events: list[Event] = []
    for _ in range(3):
        events.append(event_after(events[-1] if events else None))
        journal.append("prod", events[-1])
    return events


def edit(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(sql, values)


@contextmanager
def each_connection(first: Callable[[sqlite3.Connection], object]) -> Iterator[None]:
    """Every connection that the journal opens within is shown to `first` as soon as it is ready."""

    def connect(path: Path, busy: timedelta) -> sqlite.Connection:
        made = really(path, busy)
        first(made)
        return made

    really, sqlite.connect = sqlite.connect, connect
    try:
        yield
    finally:
        sqlite.connect = really


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A directory of root's that this process, for the while, may only read; as on any shared machine."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory
        directory.chmod(0o755)


@contextmanager
def without_rights(directory: Path) -> Iterator[None]:
    directory.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


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


def test_the_database_keeps_a_write_ahead_log_and_syncs_every_commit(journal: SqlJournal, path: Path) -> None:
    seen: list[int] = []

    def look(connection: sqlite3.Connection) -> None:
        seen.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    with each_connection(look):
        journal.append("prod", event_after(None))
    full = 2
    assert seen == [full]
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_left_empty_by_a_crash_is_an_empty_journal(journal: SqlJournal, path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert list(journal.read("prod")) == []
    journal.append("prod", event_after(None))
    assert len(journal.read("prod")) == 1


def test_a_lock_held_by_another_is_waited_for_and_then_explained(journal: SqlJournal, path: Path) -> None:
    events = three_events(journal)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match=r"journal.db is locked by another process") as caught:
            journal.append("prod", event_after(events[-1]))
        assert list(journal.read("prod")) == events  # WAL: readers do not wait
    assert "run the command again" in caught.value.hint
    journal.append("prod", event_after(events[-1]))


def test_a_full_disk_is_explained_and_loses_nothing(journal: SqlJournal) -> None:
    events = three_events(journal)
    journal.close()
    with (
        each_connection(lambda connection: connection.execute("PRAGMA max_page_count=1")),  # SQLite then really refuses
        pytest.raises(JournalError, match="the disk or the quota is full") as caught,
    ):
        journal.append("prod", event_after(events[-1], "x" * 100_000))
    journal.close()
    assert "Free some space" in caught.value.hint
    assert list(journal.read("prod")) == events
    journal.append("prod", event_after(events[-1]))


def test_a_read_only_file_can_be_read_and_refuses_events_with_an_explanation() -> None:
    with ordinary_user() as directory:
        path = directory / "journal.db"
        journal = SqlJournal(f"sqlite:///{path}")
        events = three_events(journal)
        journal.close()
        edit(path, "PRAGMA journal_mode=DELETE")  # a WAL needs a writable directory even to be read
        path.chmod(0o444)
        with without_rights(directory):
            assert list(journal.read("prod")) == events
            with pytest.raises(JournalError, match=r"journal.db is read-only for this user") as caught:
                journal.append("prod", event_after(events[-1]))
        assert "ROTATOR_JOURNAL" in caught.value.hint
        path.chmod(0o644)


def test_a_directory_that_may_not_be_written_is_explained() -> None:
    with ordinary_user() as directory:
        journal = SqlJournal(f"sqlite:///{directory}/journal.db")
        with without_rights(directory):
            with pytest.raises(JournalError, match=r"journal.db cannot be opened: Permission denied") as caught:
                journal.append("prod", event_after(None))
            assert list(journal.read("prod")) == []
        assert "ROTATOR_JOURNAL" in caught.value.hint


def test_a_directory_that_cannot_exist_is_explained() -> None:
    journal = SqlJournal("sqlite:////dev/null/rotator/journal.db")
    with pytest.raises(JournalError, match=r"/dev/null/rotator/journal.db cannot be opened: Not a directory"):
        journal.append("prod", event_after(None))
    assert list(journal.read("prod")) == []


def test_a_directory_in_the_files_place_is_explained(journal: SqlJournal, path: Path) -> None:
    path.mkdir(parents=True)
    for action in (lambda: journal.read("prod"), lambda: journal.append("prod", event_after(None))):
        with pytest.raises(JournalError, match=r"journal.db cannot be opened"):
            action()


def test_a_file_that_is_no_database_is_explained_and_left_alone(journal: SqlJournal, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("version: 1\njournal: here\n" * 100)
    for action in (lambda: journal.read("prod"), lambda: journal.append("prod", event_after(None))):
        with pytest.raises(JournalError, match=r"journal.db is no SQLite database"):
            action()
    assert path.read_text().startswith("version: 1")


def test_a_database_torn_in_its_pages_is_explained(journal: SqlJournal, path: Path) -> None:
    three_events(journal)
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(JournalError, match=r"journal.db is damaged"):
        journal.read("prod")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE rotator_events SET holder = 'mallory' WHERE seq = 2", "at event 2: it was altered"),
        ("UPDATE rotator_events SET data = '{}' WHERE seq = 3", "at event 3: it was altered"),
        ("DELETE FROM rotator_events WHERE seq = 2", "at event 2: it is missing"),
        ("DELETE FROM rotator_events WHERE seq = 1", "at event 1: it is missing"),
        ("UPDATE rotator_events SET data = '{' WHERE seq = 2", "at event 2: its data is no JSON"),
        ("UPDATE rotator_events SET holder = CAST(X'FFFE' AS TEXT) WHERE seq = 2", "event 2"),
        ("UPDATE rotator_events SET data = X'FFFE' WHERE seq = 2", "at event 2: its data is no text"),
        ("UPDATE rotator_events SET seq = 'two' WHERE seq = 2", "'two' is no sequence number"),
        ("UPDATE rotator_events SET kind = 'teleported' WHERE seq = 2", "event 2 .* unknown kind, 'teleported'"),
    ],
)
def test_an_edited_row_is_found_and_named(journal: SqlJournal, path: Path, sql: str, says: str) -> None:
    three_events(journal)
    edit(path, sql)
    with pytest.raises(JournalError, match=says) as caught:
        journal.read("prod")
    assert caught.value.hint
    with pytest.raises(JournalError, match=says):
        journal.read_many(["other", "prod"])


def test_nothing_is_appended_behind_a_sequence_number_that_is_none(journal: SqlJournal, path: Path) -> None:
    events = three_events(journal)
    edit(path, "UPDATE rotator_events SET seq = 'three' WHERE seq = 3")
    with pytest.raises(JournalError, match="a sequence number is no number"):
        journal.append("prod", event_after(events[-1]))


@pytest.mark.parametrize("until", ["soon", "2026-01-01T00:00:00", b"\xff"])
def test_a_damaged_lease_is_a_journal_error(journal: SqlJournal, path: Path, until: object) -> None:
    journal.heartbeat("prod", "ann", NOON)
    edit(path, "UPDATE rotator_leases SET until = ?", until)
    with pytest.raises(JournalError, match=r"the lease of prod .* is damaged"):
        journal.lease("prod")


def test_a_newer_schema_is_neither_read_nor_written(journal: SqlJournal, path: Path) -> None:
    events = three_events(journal)
    edit(path, "UPDATE rotator_schema SET version = 7")
    newer = r"made by a newer rotator \(schema 7; this one knows 1\)"
    with pytest.raises(JournalError, match=newer) as caught:
        journal.read("prod")
    assert "newer" in caught.value.hint
    with pytest.raises(JournalError, match=newer):
        journal.append("prod", event_after(events[-1]))
    edit(path, "UPDATE rotator_schema SET version = 1")
    assert list(journal.read("prod")) == events


def test_a_schema_that_is_no_number_is_damage(journal: SqlJournal, path: Path) -> None:
    three_events(journal)
    edit(path, "UPDATE rotator_schema SET version = 'x'")
    with pytest.raises(JournalError, match="its schema is no number"):
        journal.read("prod")


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
from tests.unit.test_journal_sql import event_after, three_events
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


def test_the_home_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    SqlJournal("sqlite:///~/deep/er/journal.db").append("prod", event_after(None))
    assert (tmp_path / "deep/er/journal.db").is_file()


def test_a_relative_path_stays_where_the_journal_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal = SqlJournal("sqlite:///journal.db")
    monkeypatch.chdir("/")
    journal.append("prod", event_after(None))
    assert (tmp_path / "journal.db").is_file()


def test_a_path_may_hold_any_character_of_a_url(tmp_path: Path) -> None:
    path = tmp_path / "a b%20#c" / "журнал.db"
    journal = SqlJournal(f"sqlite:///{path}")
    journal.append("prod", event_after(None))
    assert path.is_file()
    assert len(journal.read("prod")) == 1


def test_the_default_is_below_the_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_url() == f"sqlite:///{tmp_path}/rotator/journal.db"


def test_a_database_without_its_driver_names_the_package() -> None:
    with pytest.raises(JournalError, match="postgresql://ann:\\*\\*\\*@db/rotator needs a database driver") as caught:
        SqlJournal("postgresql://ann:sesame@db/rotator")
    assert "pip install" in caught.value.hint
    assert "sesame" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    "url",
    ["", "journal.db", "sqlite://", "sqlite:///:memory:", "sqlite://host/x", "sqlite:///x?mode=ro", "s3://b/p",
     "mysql://h/d", "postgresql://ann:sesame@db:port/x", "sqlite:///~nosuchuser/x.db"],
)  # fmt: skip
def test_a_url_that_names_no_journal_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SqlJournal(url)
    assert "sqlite:///" in caught.value.hint
    assert "sesame" not in str(caught.value)


def test_a_journal_in_a_file_does_without_sqlalchemy(path: Path) -> None:
    code = (
        "import sys\nfrom rotator.adapters.journal.sql import SqlJournal\n"
        "SqlJournal(sys.argv[1]).read('prod')\nsys.exit('sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, f"sqlite:///{path}"], check=False).returncode == 0
