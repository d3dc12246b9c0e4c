"""A journal that is locked, full, forbidden, torn or edited: each is told apart, and what to do. Failures are real."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.adapters.journal.sql import SqlJournal
from rotator.model.errors import JournalError
from tests.unit.journal_file import NOON, each_connection, edit, event_after, three_events

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path) -> SqlJournal:
    return SqlJournal(f"sqlite:///{path}", busy=timedelta(milliseconds=50))


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


def test_a_journal_on_a_read_only_medium_can_be_read_as_it_was_left() -> None:
    with ordinary_user() as directory:
        path = directory / "journal.db"
        journal = SqlJournal(f"sqlite:///{path}")
        events = three_events(journal)
        journal.close()
        path.chmod(0o444)
        with without_rights(directory):
            for _ in range(2):
                assert list(journal.read("prod")) == events
            assert journal.credentials() == ["prod"]
            assert journal.lease("prod") is None
            with pytest.raises(JournalError, match=r"journal.db is read-only for this user"):
                journal.append("prod", event_after(events[-1]))
        path.chmod(0o644)
        directory.chmod(0o755)
        journal.append("prod", event_after(events[-1]))


def test_what_was_left_in_the_write_ahead_log_of_a_read_only_medium_is_not_passed_over() -> None:
    with ordinary_user() as directory:
        path = directory / "journal.db"
        journal = SqlJournal(f"sqlite:///{path}")
        three_events(journal)
        log = Path(f"{path}-wal").read_bytes()
        journal.close()
        Path(f"{path}-wal").write_bytes(log)  # as a kill leaves it
        with (
            without_rights(directory),
            pytest.raises(JournalError, match=r"journal.db (cannot be opened|is read-only)"),
        ):
            journal.read("prod")


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
