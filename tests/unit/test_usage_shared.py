"""Which processes share one reading of usage: those that work by one journal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rotator.adapters.journal.sql import beside
from rotator.wiring import open_workplace

CREDENTIAL = """\
credentials:
  a:
    issuer: {anthropic: {}}
    secrets: [aws-sm://eu-west-1/a]
    consumers: [{name: chat, manual: {ask: "Reloaded?"}}]
"""
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_every_command_that_works_by_one_journal_finds_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "rotate.yaml").write_text("version: 1\njournal: sqlite:///kept/journal.db\n" + CREDENTIAL)
    places = [open_workplace(str(tmp_path / "rotate.yaml")) for _ in range(2)]
    looks = [place.readings.look("here", ["apikey_1"], NOW, NOW) for place in places]
    assert [look.mine for look in looks] == [True, False]
    assert (tmp_path / "kept" / "journal.db-usage").is_file()
    assert beside("postgresql://db/rotator", "usage").name == "journal-usage"
