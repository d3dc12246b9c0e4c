"""The demo's scenes about law 7, as a person runs them. Usage is counted by the minute, so the first one takes two."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests import processes
from tests.cli.test_demo import KEY_TEXT, ROTATE, environment, until

PATIENCE = 170.0  # seconds

pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(200)]


def demo(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [*ROTATE, "demo", *words],
        env=environment(directory),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert not KEY_TEXT.search(ended.stdout + ended.stderr)
    until(lambda: not processes.that_mention(directory))
    return ended


def test_a_consumer_on_no_list_keeps_its_key_and_is_named(tmp_path: Path) -> None:
    ended = demo(tmp_path, "--straggler", "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert (result["outcome"], result["old_key_status"], result["failed_requests"]) == ("open", "active", 0)
    assert result["drain"]["old"]["volume"] > 0
    assert result["drain"]["old"]["models"] == ["claude-haiku-5-5"]
    assert "somebody is not on the list" in ended.stderr


def test_without_an_admin_key_it_says_what_is_not_proven_and_a_person_retires_the_key(tmp_path: Path) -> None:
    ended = demo(tmp_path, "--no-admin")
    assert ended.returncode == 0, ended.stderr
    assert "is not proven (without an Admin key no usage can be read)" in ended.stderr
    assert "of which 0 failed" in ended.stdout


def test_two_scenes_at_once_are_refused(tmp_path: Path) -> None:
    ended = demo(tmp_path, "--straggler", "--no-admin")
    assert ended.returncode == 2
    assert "scenes of their own" in ended.stderr
