"""examples/04-check-at-start-up: its files are what their systems read, and its entry point does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.aws_world import make_key

EXAMPLE = Path(__file__).parents[2] / "examples" / "04-check-at-start-up"
COMMAND = "--env ANTHROPIC_API_KEY --offline --quiet"


def entry_point(value: str) -> subprocess.CompletedProcess[str]:
    """The container's entry point, with the `rotate` of this environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["./entrypoint.sh", sys.executable, "app.py"],
        cwd=EXAMPLE / "docker",
        env={"PATH": path, "ANTHROPIC_API_KEY": value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_entry_point_starts_the_application_with_a_good_key() -> None:
    ran = entry_point(make_key().reveal())
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "starts with a key of 108 characters" in ran.stdout


@pytest.mark.parametrize("template", ['"{}"', "", "sk-ant-admin01-{}"])
def test_the_entry_point_ends_with_the_reason_for_a_bad_key(template: str) -> None:
    key = make_key().reveal()
    ran = entry_point(template.format(key))
    assert (ran.returncode, ran.stdout) == (5, "")
    assert "rotate check: WRONG" in ran.stderr
    assert key[17:104] not in ran.stderr


def test_a_key_of_a_form_that_is_not_known_is_said_and_starts_all_the_same() -> None:
    ran = entry_point(make_key().reveal()[:-3])
    assert ran.returncode == 0
    assert "CANNOT TELL" in ran.stderr


def test_every_file_runs_the_check() -> None:
    deployment = yaml.safe_load((EXAMPLE / "kubernetes" / "deployment.yaml").read_text())
    [check] = deployment["spec"]["template"]["spec"]["initContainers"]
    assert " ".join(check["command"][2:]) == COMMAND
    job = yaml.safe_load((EXAMPLE / "github-actions" / "check-key.yml").read_text())["jobs"]["check"]
    assert any("rotate check" in step.get("run", "") for step in job["steps"])
    hooks = yaml.safe_load((EXAMPLE / "pre-commit" / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["id"] for repo in hooks for hook in repo["hooks"]] == ["gitleaks", "anthropic-key"]
    for file in ("docker/entrypoint.sh", "systemd/chat.service"):
        assert COMMAND in (EXAMPLE / file).read_text()
