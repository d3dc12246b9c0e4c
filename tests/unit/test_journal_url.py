"""Where a journal is: what its URL says, and what is refused for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.adapters.journal.sql import SqlJournal, default_url
from rotator.model.errors import ConfigError, JournalError
from tests.unit.journal_file import event_after


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
    with pytest.raises(JournalError, match=r"://ann:\*\*\*@db/rotator needs a database driver") as caught:
        SqlJournal("postgresql+pg8000://ann:sesame@db/rotator")  # one that nobody installs for this
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
