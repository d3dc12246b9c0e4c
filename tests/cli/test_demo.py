"""`rotate demo` as a person runs it: a process of its own, its words, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import processes

PATIENCE = 90.0  # seconds
ROTATE = [sys.executable, "-m", "rotator"]
KEYS = {
    "outcome",
    "requests",
    "failed_requests",
    "seconds",
    "cutover_seconds",
    "old_key_status",
    "new_key_status",
    "consumers",
    "events",
}
KEY_TEXT = re.compile(r"sk-ant-\w+-[\w-]{20,}")

# A world keeps two slow cores busy: one after the other.
pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(180)]


def environment(directory: Path, **extra: str) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(directory), "PYTHONWARNINGS": "ignore"} | extra


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_the_demo_rotates_under_traffic_without_a_failed_request_and_leaves_its_history(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*ROTATE, "demo", "--json"],
        env=environment(tmp_path, AWS_PROFILE="real", ANTHROPIC_BASE_URL="https://api.anthropic.com"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert set(result) == KEYS
    assert (result["outcome"], result["failed_requests"], result["consumers"]) == ("completed", 0, 3)
    assert (result["old_key_status"], result["new_key_status"]) == ("archived", "active")
    assert result["requests"] > 200
    assert 0 < result["cutover_seconds"] < result["seconds"] < 60
    until(lambda: not processes.that_mention(tmp_path))

    [left] = tmp_path.iterdir()
    files = [path for path in left.rglob("*") if path.is_file()]
    assert {"rotate.yaml", "journal.db"} <= {path.name for path in files}
    assert not [path for path in files if KEY_TEXT.search(path.read_text(errors="replace"))]
    assert not KEY_TEXT.search(ended.stdout + ended.stderr)

    history = subprocess.run(
        [*ROTATE, "history", "prod-chat", "--config", str(left / "rotate.yaml"), "--json"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert history.returncode == 0, history.stderr
    assert "archive" in history.stdout


def test_the_naive_demo_fails_requests_and_says_how_many_and_for_how_long(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*ROTATE, "demo", "--naive"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"down for \d+\.\d s", ended.stdout)
    counted = re.search(r"requests +([\d,]+), of which ([\d,]+) failed", ended.stdout)
    assert counted is not None
    assert 0 < int(counted[2].replace(",", "")) < int(counted[1].replace(",", ""))
    assert "401 authentication_error" in ended.stdout
    until(lambda: not processes.that_mention(tmp_path))


@pytest.mark.parametrize(
    ("how", "when", "words"),
    [
        (signal.SIGINT, "Starting", []),  # while the world comes up
        (signal.SIGTERM, "deploying", ["--json"]),  # while a deploy command runs
        (signal.SIGINT, "SOAK", []),  # while it waits
    ],
)
def test_an_interrupted_demo_says_one_line_and_leaves_no_process(
    tmp_path: Path, how: signal.Signals, when: str, words: list[str]
) -> None:
    with subprocess.Popen(
        [*ROTATE, "demo", *words],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if when in line:
                break
        demo.send_signal(how)
        rest = demo.stderr.read()
        assert demo.wait(PATIENCE) == 128 + how
        assert demo.stdout is not None
        out = demo.stdout.read()
    if words:
        assert json.loads(out)["error"]["code"] == "interrupted"
    else:
        assert (out, "interrupted" in rest.splitlines()[-1]) == ("", True)
    assert "Traceback" not in rest
    until(lambda: not processes.that_mention(tmp_path))


def test_without_the_sandbox_extra_the_demo_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'moto' else find(name, package)\n"
    )
    ended = subprocess.run(
        [*ROTATE, "demo", "--json"],
        env=environment(tmp_path, PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    said = json.loads(ended.stdout)["error"]
    assert "moto" in said["message"]
    assert said["next"] == "pip install 'rotator[sandbox]'"
