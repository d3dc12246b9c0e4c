"""Law 6: a key's text is in memory and in the secret stores, and nowhere else.

The keys are made at run time; they go through real processes, through success, failure, a bug and a kill; then
everything that was printed, written or handed to a child is searched for them.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from rotator.adapters.store.aws_calls import Content
from rotator.adapters.store.fields import Document
from rotator.adapters.store.vault_errors import Answer
from rotator.core.check.sample import Origin, Sample
from rotator.engine import Run
from rotator.model.keys import Version
from tests.aws_world import make_key
from tests.cli.small_world import PATIENCE, Ran, SmallWorld, end
from tests.leaks.hunt import assert_absent, assert_nowhere

SAID = ["--by", "ann", "--reason", "planned"]


def notes(world: SmallWorld) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in world.notes.glob("*.json")]


@pytest.fixture
def guarded(world: SmallWorld) -> SmallWorld:
    """The Admin key comes from a variable, so no file of the world's holds any key."""
    (world.directory / "admin.key").unlink()
    world.extra |= {"MY_ADMIN": world.admin.reveal(), "ANTHROPIC_API_KEY": world.old.reveal()}
    world.write(admin="env", soak="30m")
    return world


def test_no_key_leaves_memory_and_store_in_a_rotation_with_failures_a_rollback_and_an_end(guarded: SmallWorld) -> None:
    world = guarded
    # Operators' scripts print what they should not.
    world.on["deploy api"] = lambda: (
        f"1\nANTHROPIC_API_KEY={world.new.reveal()} {world.old.reveal()} {world.admin.reveal()}"
    )
    refused = make_key()
    ran = [
        world.run("start", "prod-chat", "--key-file", "-", stdin=f'"{refused.reveal()}" extra'),
        world.run("start", "prod-chat", "--key-file", "-", "--json", stdin=world.new.reveal() * 2),
        world.run("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()),
        world.run("start", "prod-chat", world.new.reveal()),
    ]
    assert [one.code for one in ran[:2]] == [2, 2]
    assert "sk-ant-[redacted]" in ran[2].all
    world.on.clear()
    world.on["observe api"] = lambda: (
        "0\n" + json.dumps({"instances": [{"id": "1", "fingerprint": world.new.reveal()}]})
    )
    ran += [world.run("start", "prod-chat", "--json"), world.run("verify", "prod-chat")]
    world.on.clear()
    ran += [world.run("verify", "prod-chat", "--json"), world.run("finish", "prod-chat", "--approve", "disable", *SAID)]
    assert ran[-1].code == 3, ran[-1].all
    ran += [world.run("rollback", "prod-chat", *SAID), world.run("history", "prod-chat", "--json")]
    assert ran[-2].code == 8, ran[-2].all
    assert_nowhere(world, [world.old, world.new, world.admin, refused], ran)
    children = notes(world)
    assert {str(child["argv"]).split("'")[-2] for child in children} == {"api"}
    assert all("MY_ADMIN" not in str(child["environ"]) for child in children)


_A_BUG = """
from rotator.cli import main
from rotator.steps.stage import Stage

def broken(self, context):
    raise ZeroDivisionError(f"with {context.key!r} at hand, {context!r}")

Stage.apply = broken
main()
"""


def test_no_key_is_in_the_traceback_of_a_bug(guarded: SmallWorld) -> None:
    """The bug is planted in the child: it meets the new key in memory, and even its text speaks of it."""
    world = guarded
    child = subprocess.Popen(
        [sys.executable, "-c", _A_BUG, "start", "prod-chat", "--key-file", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=world.environment, cwd=world.directory,
    )  # fmt: skip
    out, err = child.communicate(world.new.reveal(), timeout=PATIENCE)
    assert child.returncode == 1, err
    assert "ZeroDivisionError" in err
    assert "error: this is a bug in rotate" in err
    assert_nowhere(world, [world.old, world.new, world.admin], [Ran(1, out, err)])


def test_no_key_is_in_what_a_crashing_interpreter_prints(guarded: SmallWorld) -> None:
    world = guarded
    reached, go = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go.wait(PATIENCE)

    world.on["deploy api"] = hold
    words = ["start", "prod-chat", "--key-file", "-"]
    child = subprocess.Popen(
        # With cores allowed: who allows them does not mean those of a process with keys in it.
        ["/bin/sh", "-c", 'ulimit -c unlimited; exec "$0" "$@"', sys.executable, "-X", "dev", "-m", "rotator", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=world.environment, cwd=world.directory,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(world.new.reveal())
    child.stdin.close()
    child.stdin = None
    assert reached.wait(PATIENCE)
    cmdline = Path(f"/proc/{child.pid}/cmdline")
    if cmdline.exists():
        assert_absent([world.old, world.new, world.admin], "argv", cmdline.read_bytes())
    child.send_signal(signal.SIGABRT)
    _, how = os.waitpid(child.pid, 0)
    child.returncode = -os.WTERMSIG(how)
    assert not os.WCOREDUMP(how), "its memory was written to a disk"
    ran = end(child)
    go.set()
    assert "Fatal Python error" in ran.err
    assert_nowhere(world, [world.old, world.new, world.admin], [ran])


def test_no_repr_shows_a_key_and_no_key_is_pickled() -> None:
    key = make_key()
    document = Document(json.dumps({"KEY": key.reveal(), "other": 1}), "KEY", "prod/anthropic")
    holders = [
        key,
        Version(id="1", key=key),
        Run(by="ann", key=key),
        document,
        Content(id="1", created_at=None, document=document),
        Answer(200, document.reveal()),
        Sample(origin=Origin.FILE, name="key.txt", text=key.reveal()),
    ]
    for holder in holders:
        assert_absent([key], type(holder).__name__, f"{holder!r} {holder!s} {[holder]}".encode())
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="never pickled"):
                pickle.dumps(holder, protocol)


def memory_of(pid: int) -> bytes:
    """Whatever of a process can be read: its stack, its heap, what it has mapped."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            area, rights, *_ = line.split()
            first, _, behind = area.partition("-")
            if rights.startswith("r"):
                with suppress(OSError, OverflowError, ValueError):  # the kernel's own pages are not to be read
                    memory.seek(int(first, 16))
                    found.append(memory.read(int(behind, 16) - int(first, 16)))
    return b"".join(found)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux shows a process's memory")
def test_no_key_is_in_the_memory_of_a_deploy_command(guarded: SmallWorld) -> None:
    world, seen = guarded, []

    def look() -> str:
        newest = max(world.notes.glob("*.json"), key=lambda note: note.stat().st_mtime)
        seen.append(memory_of(int(newest.stem)))
        return "0"

    world.on["deploy api"] = look
    assert world.run("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    [memory] = seen
    assert b"ROTATOR_DEPLOY_TOKEN" in memory
    assert_absent([world.old, world.new, world.admin], "a deploy command's memory", memory)
