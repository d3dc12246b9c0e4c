"""The commands of an example's README, typed in their order, carry a rotation to its end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from shutil import copytree

import pytest

from rotator.sandbox.loopback import clean_environment
from tests import processes

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 150.0  # seconds
_TYPED = re.compile(r"^```\n((?:\. |cp |rotate |python |kill ).*?)^```", re.MULTILINE | re.DOTALL)
_UP = "until [ -s run/aws.env ] && [ -s run/anthropic.env ]; do sleep 0.1; done"

pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(180)]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for left in processes.that_mention(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]


def prepare(example: str, to: Path) -> str:
    """Copy it, with ports that are free and waits of a second; what its README has one type, without the clean-up."""
    copytree(EXAMPLES / example, to)
    texts = {path: path.read_text() for path in to.iterdir() if path.is_file()}
    fixed = sorted(set(re.findall(r"\b8\d{3}\b", "".join(texts.values()))))
    ports = dict(zip(fixed, free_ports(len(fixed)), strict=True))
    for path, text in texts.items():
        changed = re.sub(r"\b8\d{3}\b", lambda port: str(ports[port[0]]), text)
        path.write_text(re.sub(r"(quiet_for|soak): \d+s", r"\1: 1s", changed))
    set_up, *others, clean_up = _TYPED.findall((to / "README.md").read_text())
    assert clean_up.startswith("kill ")
    own = re.sub(r"^(\. \.venv|cp |cd ).*\n", "", set_up, flags=re.MULTILINE)
    servers = re.sub(r"(rotate sandbox (aws|anthropic))", r"\1 --port 0", own)
    end = "rotate status prod-chat --json > run/end.json"
    return "\n".join([servers, _UP, *others, end, clean_up, "wait"])


def test_the_first_example_goes_from_start_to_archive_by_its_readmes_text_alone(directory: Path) -> None:
    script = prepare("01-rotate-on-aws", directory / "first")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-m", "-c", script],
        cwd=directory / "first",
        env=clean_environment({"PATH": path, "TMPDIR": str(directory), "PYTHONWARNINGS": "ignore"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    end = json.loads((directory / "first/run/end.json").read_text())
    assert end["rotation"]["outcome"] == "completed", ended.stdout + ended.stderr
    assert (end["old"]["status"], end["new"]["status"]) == ("archived", "active")
    seen = [(one["name"], one["instances"], one["on_new"]) for one in end["consumers"]]
    assert seen == [("chat", 2, 2), ("edge", 1, 1)]
    assert not [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert not processes.that_mention(directory)
