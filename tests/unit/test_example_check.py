"""examples/04-check-at-start-up: its files are what their systems read, and its entry point does what it says."""

from __future__ import annotations

import os
import re
import shlex
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


def scripts() -> dict[str, str]:
    """What systemd and Kubernetes give to a shell."""
    unit = (EXAMPLE / "systemd" / "chat.service").read_text()
    [line] = re.findall(r"^ExecStartPre=/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    deployment = yaml.safe_load((EXAMPLE / "kubernetes" / "deployment.yaml").read_text())
    [check] = deployment["spec"]["template"]["spec"]["initContainers"]
    *shell, script = check["command"]
    assert shell == ["sh", "-c"]
    return {"systemd": line.replace("$$", "$"), "kubernetes": script}


@pytest.mark.parametrize("where", ["systemd", "kubernetes"])
@pytest.mark.parametrize(("cut", "good"), [(None, True), (-3, True), (0, False)])  # a key, a key cut off, none
def test_a_wrong_key_stops_a_unit_and_a_pod_and_an_unusual_one_does_not(
    where: str, cut: int | None, good: bool
) -> None:
    script = scripts()[where]
    assert COMMAND in script
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    key = make_key().reveal()[:cut]
    ran = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": path, "ANTHROPIC_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode == 0) is good, ran.stderr
    assert (ran.stderr == "") is (cut is None)


def test_every_file_runs_the_check(tmp_path: Path) -> None:
    job = yaml.safe_load((EXAMPLE / "github-actions" / "check-key.yml").read_text())["jobs"]["check"]
    assert any("rotate check" in step.get("run", "") for step in job["steps"])
    assert COMMAND in (EXAMPLE / "docker" / "entrypoint.sh").read_text()
    hooks = yaml.safe_load((EXAMPLE / "pre-commit" / ".pre-commit-config.yaml").read_text())["repos"]
    scan, check = [hook for repo in hooks for hook in repo["hooks"]]
    assert scan["id"] == "gitleaks"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for text, code in [(None, 0), (make_key().reveal(), 0), ("", 5)]:
        if text is not None:
            (tmp_path / ".env").write_text(f"ANTHROPIC_API_KEY={text}\n")
        ran = subprocess.run(shlex.split(check["entry"]), cwd=tmp_path, env={"PATH": path}, timeout=60, check=False)
        assert ran.returncode == code
