"""What a command loads: the help nothing heavy, `status` the journal and the loader alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld

_TOLD = """
import json, sys
sys.argv = ["rotate", *sys.argv[1:]]
from rotator.cli import main
try:
    main()
finally:
    sys.stderr.write("\\nLOADED " + json.dumps(sorted(sys.modules)))
"""
HEAVY = {"boto3", "botocore", "anthropic", "hvac", "httpx2", "sqlalchemy", "pydantic", "moto", "jmespath", "tenacity"}
DRAWING = {"rich.live", "rich.console"}


def loaded(world: SmallWorld, *words: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", _TOLD, *words],
        env=world.environment, cwd=world.directory, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stderr.rpartition("LOADED ")[2]))


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["start", "--help"]])
def test_help_loads_nothing_heavy(world: SmallWorld, words: list[str]) -> None:
    found = loaded(world, *words)
    if len(words) > 1:
        found -= {"pydantic"}  # typer's own doing: since 0.29 it describes parameters by it
    assert not found & (HEAVY | DRAWING | {"yaml", "werkzeug", "flask"})


def test_status_reads_the_journal_and_the_configuration_and_loads_no_client_of_anything(
    world: SmallWorld, rotate: Rotate
) -> None:
    assert rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    found = loaded(world, "status")
    assert found & HEAVY <= {"pydantic", "jmespath"}
    assert not found & DRAWING
