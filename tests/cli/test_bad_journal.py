"""The journal locked, read-only, full or damaged: named, with where the keys stand and what to do."""

from __future__ import annotations

import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld


def start(rotate: Rotate, world: SmallWorld) -> int:
    return rotate("start", "prod-chat", "--key-file", "-", "--json", stdin=world.new.reveal()).code


@contextmanager
def file_size(most: int) -> Iterator[None]:
    """No file of this process may grow beyond `most` bytes: what a full disk or a quota does to SQLite."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_journal_that_another_holds_is_locked_and_said(world: SmallWorld, rotate: Rotate) -> None:
    assert start(rotate, world) == 0
    with closing(sqlite3.connect(world.journal, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        ran = rotate("verify", "prod-chat", "--json")
    assert ran.code == 10
    assert ran.error["code"] == "journal"
    assert "locked by another process" in ran.error["message"]
    assert ran.error["next"]


def test_a_journal_that_is_no_database_is_named_with_its_path(world: SmallWorld, rotate: Rotate) -> None:
    world.journal.write_text("this is a letter, and no database at all" * 100)
    ran = rotate("start", "prod-chat", "--key-file", "-", "--json", stdin=world.new.reveal())
    assert ran.code == 10
    assert str(world.journal) in ran.error["message"]
    assert "is no SQLite database" in ran.error["message"]
    assert world.current() == world.old


def test_a_journal_in_a_place_that_cannot_be_made_is_named(world: SmallWorld, rotate: Rotate) -> None:
    world.extra["ROTATOR_JOURNAL"] = f"sqlite:///{world.config}/journal.db"
    ran = rotate("start", "prod-chat", "--key-file", "-", "--json", stdin=world.new.reveal())
    assert ran.code == 10
    assert "cannot be opened" in ran.error["message"]
    assert world.current() == world.old


def test_a_journal_url_that_is_none_is_an_error_of_configuration(world: SmallWorld, rotate: Rotate) -> None:
    world.extra["ROTATOR_JOURNAL"] = "redis://somewhere"
    ran = rotate("status", "--json")
    assert ran.code == 2
    assert "redis" in ran.error["message"]


def test_a_full_disk_in_the_middle_of_a_rotation_stops_it_and_it_goes_on_with_space(
    world: SmallWorld, rotate: Rotate
) -> None:
    assert start(rotate, world) == 0
    with closing(sqlite3.connect(world.journal, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM rotator_events").fetchone()  # a shell left open: the log cannot be reset
        with file_size(34_000):  # room to read (SQLite maps 32768 bytes), and for a few events
            ran = rotate("verify", "prod-chat", "--json")
    assert ran.code == 10
    assert ran.error["code"] == "journal"
    assert "disk" in ran.error["message"]
    assert ran.error["keys"] == "The new key is current; the old key is active as well. Nothing was lost."
    assert ran.error["next"]
    assert rotate("verify", "prod-chat").code == 0


def test_a_read_only_journal_is_shown_and_named_before_anything_is_done(world: SmallWorld, rotate: Rotate) -> None:
    assert start(rotate, world) == 0
    sound = rotate("history", "prod-chat", "--json")
    with as_nobody(world.directory):
        assert rotate("history", "prod-chat", "--json") == sound
        assert [rotate(command, "prod-chat").code for command in ("status", "report")] == [0, 0]
        ran = rotate("verify", "prod-chat", "--json")
    assert ran.code == 10
    assert ran.error["code"] == "journal"
    assert "read-only" in ran.error["message"] or "cannot be" in ran.error["message"]
    assert rotate("verify", "prod-chat").code == 0


@contextmanager
def as_nobody(directory: Path) -> Iterator[None]:
    """The directory and its journal may be read, and not written, also where the tests run as root."""
    root = os.geteuid() == 0
    writable = [directory, *directory.glob("*")]
    above = list(directory.parents)[:4] if root else []  # root's own: another user must find the way through them
    before = {path: path.stat().st_mode for path in (*above, *writable)}
    for path in above:
        path.chmod(before[path] | 0o011)
    for path in writable:
        path.chmod(0o555)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in before.items():
            path.chmod(mode)


def test_a_rotate_yaml_that_may_not_be_looked_at_is_said(world: SmallWorld, rotate: Rotate) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs another user to be locked out")
    with tempfile.TemporaryDirectory() as closed, as_nobody(world.directory):  # of root's, mode 0700
        ran = rotate("status", "--config", f"{closed}/rotate.yaml", "--json")
    assert ran.code == 2
    assert ran.error["code"] == "config"
    assert f"{closed}/rotate.yaml" in ran.error["message"]
    assert "Permission denied" in ran.error["message"]


@pytest.mark.parametrize("column", ["data", "hash", "kind"])
def test_an_altered_journal_is_refused_by_every_command_and_the_event_is_named(
    world: SmallWorld, rotate: Rotate, column: str
) -> None:
    assert start(rotate, world) == 0
    with closing(sqlite3.connect(world.journal)) as other, other:
        other.execute(f"UPDATE rotator_events SET {column} = 'x' WHERE seq = 2")
    for command in ("status", "history", "verify", "finish", "rollback"):
        ran = rotate(command, "prod-chat", "--json")
        assert ran.code == 10
        assert ran.error["code"] == "journal"
        assert "event 2" in ran.error["message"]
        assert ran.error["next"]
        assert "Traceback" not in ran.err
