"""Law 6 where nobody looks: a lock, a temporary file, an interruption at the hidden prompt, a full disk, a bug."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Rotate
from tests.cli.small_world import PATIENCE, Ran, SmallWorld
from tests.cli.terminal import terminal
from tests.leaks.hunt import assert_absent, assert_nowhere

_A_BUG = """
import sys
from rotator.cli import main
from rotator.adapters.{module} import {cls}

def broken(self, *args, **named):
    raise RuntimeError(f"with {{args!r}} and {{named!r}}") from KeyError([str(arg) for arg in args])

{cls}.{verb} = broken
main()
"""


@pytest.fixture
def guarded(world: SmallWorld) -> SmallWorld:
    (world.directory / "admin.key").unlink()
    world.extra |= {"MY_ADMIN": world.admin.reveal(), "ANTHROPIC_LOG": "debug"}
    world.write(admin="env", soak="30m")
    world.journal.touch(mode=0o600)
    return world


def test_an_interruption_at_the_hidden_prompt_shows_nothing_of_what_was_pasted(guarded: SmallWorld) -> None:
    world = guarded
    with terminal(world, "start", "prod-chat") as screen:
        screen.expect("not shown")
        screen.type(world.new.reveal())  # no line end: it is still being pasted
        os.kill(screen.pid, signal.SIGINT)
        assert screen.end() != 0
    assert "Traceback" not in screen.shown
    assert_nowhere(world, [world.new, world.old, world.admin], [Ran(0, screen.shown, "")])


@pytest.mark.parametrize(
    ("module", "cls", "verb"),
    [
        ("store.aws", "AwsSecretStore", "stage"),
        ("issuer.anthropic", "AnthropicIssuer", "ping"),
        ("journal.sql", "SqlJournal", "append"),
    ],
)
def test_a_bug_in_an_adapter_is_told_without_what_the_call_was_given(
    guarded: SmallWorld, module: str, cls: str, verb: str
) -> None:
    """With the key in the call, in the error's text and in its cause; and the local variables stay where they are."""
    world = guarded
    bug = _A_BUG.format(module=module, cls=cls, verb=verb)
    ran = subprocess.run(
        [sys.executable, "-c", bug, "start", "prod-chat", "--key-file", "-"],
        input=world.new.reveal(), env=world.environment, cwd=world.directory,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    assert "this is a bug in rotate" in ran.stderr
    assert_nowhere(world, [world.new, world.old, world.admin], [Ran(1, ran.stdout, ran.stderr)])


def test_a_full_disk_is_told_without_a_key_and_leaves_none_behind(guarded: SmallWorld, rotate: Rotate) -> None:
    world = guarded
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has a disk that is always full")
    assert rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    ran = [
        rotate("report", "prod-chat", "--output", str(full)),
        rotate("report", "prod-chat", "--output", str(full), "--json"),
        rotate("check", "prod-chat", "--bundle", str(full)),
    ]
    assert all("Traceback" not in one.all for one in ran)
    with (world.directory / "limited").open("w") as out:
        limited = subprocess.run(
            ["/bin/sh", "-c", 'ulimit -f 1; exec "$0" -m rotator finish prod-chat --json', sys.executable],
            env=world.environment, cwd=world.directory,
            stdout=out, stderr=subprocess.PIPE, timeout=PATIENCE, check=False,
        )  # fmt: skip
    ran.append(Ran(limited.returncode, "", limited.stderr.decode()))
    assert limited.returncode != 0
    assert_nowhere(world, [world.new, world.old, world.admin], ran)


def test_no_key_is_in_the_words_of_the_tool_itself_and_none_that_was_read_is_in_its_environment(
    guarded: SmallWorld,
) -> None:
    world, seen = guarded, []

    def look() -> str:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes()
                if b"rotator" in words or str(world.directory).encode() in words:
                    seen.append((words, (entry / "environ").read_bytes()))
            except OSError:  # gone; or kept from us, as what cannot be dumped is from all but root
                continue
        return "0"

    world.on["deploy api"] = look
    assert world.run("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    assert seen
    for words, environment in seen:
        assert_absent([world.new, world.old, world.admin], "a process's words", words)
        assert_absent([world.new, world.old], "a process's environment", environment)
