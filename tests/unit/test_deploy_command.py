from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rotator.adapters.deploy.command import CommandDeployer
from rotator.model.config import CommandDeploy
from rotator.model.errors import Refused
from rotator.ports import Deployer

MINUTE = timedelta(minutes=1)


def deployer(folder: Path, script: str) -> Deployer:
    path = folder / "deploy.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return CommandDeployer(CommandDeploy(command=("./deploy.sh", "edge")), "edge", str(folder))


def test_the_command_is_told_its_words_the_token_and_the_consumer(tmp_path: Path) -> None:
    deployer(tmp_path, 'echo "$1 $ROTATOR_DEPLOY_TOKEN $ROTATOR_CONSUMER" > told').deploy("r1-edge", MINUTE)
    assert (tmp_path / "told").read_text() == "edge r1-edge edge\n"


def test_a_failure_is_refused_with_the_exit_code_and_the_last_lines(tmp_path: Path) -> None:
    failing = deployer(tmp_path, "echo building; echo no such image >&2; exit 7")
    with pytest.raises(Refused) as raised:
        failing.deploy("t", MINUTE)
    assert raised.value.message == (
        "the deploy of edge failed: `./deploy.sh edge` ended with exit code 7. Its last output:\n"
        "  building\n  no such image"
    )
    assert "rotate resume" in raised.value.hint


def test_a_death_by_a_signal_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="ended with signal 9"):
        deployer(tmp_path, "kill -9 $$").deploy("t", MINUTE)


def test_a_deploy_that_hangs_is_stopped_and_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"did not end within 0\.2 seconds"):
        deployer(tmp_path, "exec sleep 60").deploy("t", timedelta(seconds=0.2))


def test_a_missing_command_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no program \./gone"):
        CommandDeployer(CommandDeploy(command=("./gone",)), "edge", str(tmp_path)).deploy("t", MINUTE)
