"""Killed at every line that writes the journal's file, or the file with usage readings: the next process goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rotator.adapters.issuer.readings import POLL, Readings
from rotator.adapters.journal.sql import SqlJournal
from tests.crash.dying import KEYS, PLACE, USAGE
from tests.unit.journal_file import NOON, event_after


@pytest.fixture
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What each life left behind."""
    words = [sys.executable, "-m", "tests.crash.dying", request.param, str(tmp_path)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 50
    assert len(list(tmp_path.iterdir())) == int(ran.stdout) + 1
    return tmp_path


@pytest.mark.parametrize("left", ["readings"], indirect=True)
def test_usage_is_asked_again_a_minute_later_at_most_whoever_died_asking(left: Path) -> None:
    answers = set()
    for folder in left.iterdir():
        kept = Readings(folder / "readings")
        look = kept.look(PLACE, KEYS, NOON, NOON + POLL / 2)
        answers.add("asks" if look.mine else "waits" if look.answer is None else "knows")
        assert look.answer in (None, USAGE), folder
        again = kept.look(PLACE, KEYS, NOON, NOON + 2 * POLL)
        assert again.mine, folder
        kept.post(PLACE, NOON + 2 * POLL, USAGE)
        assert Readings(folder / "readings").look(PLACE, KEYS, NOON, NOON + 2 * POLL).answer == USAGE, folder
    assert answers == {"asks", "waits", "knows"}


@pytest.mark.parametrize("left", ["journal"], indirect=True)
def test_an_event_is_there_whole_or_not_at_all_and_the_next_one_follows(left: Path) -> None:
    lengths = set()
    for folder in left.iterdir():
        journal = SqlJournal(f"sqlite:///{folder / 'journal.db'}")
        events = list(journal.read("prod"))
        lengths.add(len(events))
        journal.release("prod", "ann@host:1")
        assert journal.lease("prod") is None, folder
        journal.append("prod", event_after(events[-1] if events else None))
        assert len(journal.read("prod")) == len(events) + 1, folder
    assert lengths == {0, 1}
