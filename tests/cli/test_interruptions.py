"""Signals, kills, a lease that is held, pipes that close: through real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rotator.model.keys import KeyStatus
from tests.cli.conftest import Rotate
from tests.cli.small_world import PATIENCE, SmallWorld, await_that, end

SAID = ["--by", "ann", "--reason", "planned"]


class Gate:
    """Something that a consumer's program is asked for, which answers only when the test lets it."""

    def __init__(self, world: SmallWorld, words: str) -> None:
        self._open, self._world, self._words = threading.Event(), world, words
        self.reached = threading.Event()
        world.on[words] = self._pass

    def _pass(self) -> None:
        self.reached.set()
        self._open.wait(PATIENCE)

    def open(self) -> None:
        self._world.on.pop(self._words, None)
        self._open.set()


def started(world: SmallWorld, *words: str) -> subprocess.Popen[str]:
    return world.start_process(*words)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_in_a_deploy_ends_the_deploy_says_where_the_keys_stand_and_the_same_command_goes_on(
    world: SmallWorld, rotate: Rotate, number: int, code: int
) -> None:
    gate = Gate(world, "deploy api")
    child = started(world, *world.start_key_file())
    assert gate.reached.wait(PATIENCE)
    ran = end(child, number)
    gate.open()
    assert ran.code == code
    assert f"interrupted by {signal.Signals(number).name}" in ran.err
    assert "keys: The new key is current; the old key is active as well. Nothing was lost." in ran.err
    assert "Traceback" not in ran.all
    assert ran.out == ""
    again = rotate("start", "prod-chat", "--json")
    assert again.code == 0, again.all
    assert world.holds["api"] == world.new.fingerprint.digest


def test_an_interrupted_command_with_json_prints_one_document(world: SmallWorld) -> None:
    gate = Gate(world, "deploy api")
    child = started(world, *world.start_key_file(), "--json")
    assert gate.reached.wait(PATIENCE)
    ran = end(child, signal.SIGTERM)
    gate.open()
    assert ran.code == 143
    assert ran.error["code"] == "interrupted"
    assert ran.error["next"].startswith("rotate start prod-chat ")


def test_a_hangup_that_nohup_ignores_is_ignored(world: SmallWorld) -> None:
    gate = Gate(world, "deploy api")
    child = subprocess.Popen(
        ["nohup", "python", "-m", "rotator", *world.start_key_file()],
        executable="/usr/bin/nohup",
        env=world.environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=world.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert gate.reached.wait(PATIENCE)
    child.send_signal(signal.SIGHUP)
    gate.open()
    out, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0, err
    assert "next: rotate verify prod-chat" in out


@pytest.mark.parametrize(
    ("where", "command"),
    [("deploy api", "start"), ("observe api", "verify"), ("observe api", "finish")],
)
def test_after_a_kill_in_any_phase_the_same_command_goes_on_at_once_and_the_rotation_completes(
    world: SmallWorld, rotate: Rotate, where: str, command: str
) -> None:
    words = world.start_key_file()
    if command != "start":
        assert rotate(*words).code == 0
    if command == "finish":
        assert rotate("verify", "prod-chat").code == 0
        assert rotate("finish", "prod-chat").code == 4
        assert rotate("approve", "prod-chat", "disable", *SAID).code == 0
        words = ["finish", "prod-chat", "--approve", "archive", *SAID]
    elif command == "verify":
        words = ["verify", "prod-chat"]
    gate = Gate(world, where)
    child = started(world, *words)
    assert gate.reached.wait(PATIENCE)
    assert end(child).code == -signal.SIGKILL
    gate.open()
    again = rotate(*words, "--json")
    assert again.code == 0, again.all
    if command == "start":
        assert rotate("verify", "prod-chat").code == 0
    done = rotate("finish", "prod-chat", "--approve", "disable,archive", *SAID)
    assert done.code == 0
    assert world.status(world.old_id) is KeyStatus.ARCHIVED
    assert world.current() == world.new
    kinds = [event["kind"] for event in rotate("history", "prod-chat", "--json").json]
    assert kinds.count("taken_over") >= (command == "start")
    assert kinds[-1] == "completed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_soak_leaves_the_old_key_disabled_says_so_and_the_watch_goes_on_later(
    world: SmallWorld, rotate: Rotate, number: int
) -> None:
    world.write(soak="30m")
    assert rotate(*world.start_key_file()).code == 0
    assert rotate("verify", "prod-chat").code == 0
    child = started(world, "finish", "prod-chat", "--approve", "disable", "--watch", *SAID)
    await_that(lambda: world.status(world.old_id) is KeyStatus.INACTIVE, "the old key is disabled")
    seen = len(world.asked)
    await_that(lambda: len(world.asked) > seen + 2, "the soak is watched")
    ran = end(child, number)
    assert ran.code == 128 + number
    assert "keys: The new key is current; the old key is disabled, and can be enabled again." in ran.err
    assert "Traceback" not in ran.err
    assert rotate("tick").code == 3


def test_a_second_command_while_a_live_one_works_is_refused_by_name_and_unlock_takes_it_over(
    world: SmallWorld, rotate: Rotate
) -> None:
    gate = Gate(world, "deploy api")
    child = started(world, *world.start_key_file())
    assert gate.reached.wait(PATIENCE)
    try:
        ran = rotate("start", "prod-chat", "--json")
        assert ran.code == 7
        assert ran.error["code"] == "held"
        assert ran.error["message"].endswith(f":{child.pid}")
        assert ran.error["next"].endswith("rotate unlock prod-chat --by WHO --reason WHY")
        assert "Nothing was lost" in ran.error["keys"]
        assert rotate("status", "prod-chat").code == 0
        taken = rotate("unlock", "prod-chat", *SAID, "--json")
        assert f":{child.pid}" in taken.json["was_held_by"]
        gate.open()
        out, err = child.communicate(timeout=PATIENCE)
        assert child.returncode == 7, out + err
        assert "taken over" in err
    finally:
        end(child)
    assert rotate("start", "prod-chat").code == 0


def test_a_reader_that_goes_away_and_a_missing_stdin_give_no_traceback(world: SmallWorld) -> None:
    child = started(world, "config", "schema")
    assert child.stdout is not None
    child.stdout.close()
    _, err = child.communicate(timeout=PATIENCE)
    assert err == ""
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -m rotator start prod-chat <&-', sys.executable],
        env=world.environment, cwd=world.directory, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert closed.returncode == 2
    assert "no terminal" in closed.stderr
    assert "Traceback" not in closed.stderr


def test_a_watch_of_status_tells_what_changed_and_ends_plainly_when_interrupted(
    world: SmallWorld, rotate: Rotate
) -> None:
    child = started(world, "status", "--watch")
    assert child.stdout is not None
    await_that(child.stdout.readline, "a first status")
    assert rotate(*world.start_key_file()).code == 0
    said = [child.stdout.readline()]
    while "next     rotate verify prod-chat" not in said[-1]:
        said.append(child.stdout.readline())
    ran = end(child, signal.SIGINT)
    assert ran.code == 130
    assert "Traceback" not in ran.err
    assert "".join(said).count("prod-chat: no rotation yet\n") == 1
