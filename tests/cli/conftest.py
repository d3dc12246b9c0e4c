"""One AWS for all tests of a process (its state belongs to the process anyway); a world of its own for each test."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from rotator.cli.app import run
from rotator.sandbox.aws import SandboxAws, no_faults
from tests.cli.small_world import Ran, SmallWorld, small_world

Rotate = Callable[..., Ran]


@pytest.fixture(scope="session")
def aws() -> Iterator[SandboxAws]:
    with SandboxAws() as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, aws: SandboxAws) -> Iterator[SmallWorld]:
    aws.faults = no_faults
    with small_world(tmp_path, aws) as made:
        yield made
    aws.faults = no_faults


@pytest.fixture
def rotate(world: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> Rotate:
    """A command through the very door of the real one, in this process: no start of an interpreter to wait for."""
    monkeypatch.chdir(world.directory)

    def command(*words: str, stdin: str = "") -> Ran:
        out, err = io.StringIO(), io.StringIO()
        source = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        with (
            patch.object(sys, "argv", ["rotate", *words]),
            patch.object(sys, "stdin", source),
            patch.object(sys, "stdout", out),
            patch.object(sys, "stderr", err),
            patch.dict(os.environ, world.environment, clear=True),
            pytest.raises(SystemExit) as ended,
        ):
            run()
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, out.getvalue(), err.getvalue())

    return command
