from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from rotator.adapters.holder import ProcessHolder
from rotator.ports import Holders

ME: Holders = ProcessHolder()
ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the start of a process is read in /proc")
TELL = "from rotator.adapters.holder import ProcessHolder; print(ProcessHolder().me, flush=True); input()"


def named_child() -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen(
        [sys.executable, "-c", TELL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout
    return child, child.stdout.readline().strip()


def close(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate(timeout=10)


def replaced(holder: str, **parts: str) -> str:
    names = ("who", "pid", "start", "boot", "space")
    values = dict(zip(names, holder.rsplit(":", 4), strict=True))
    return ":".join({**values, **parts}.values())


def test_a_name_is_readable_and_the_same_each_time() -> None:
    assert re.match(rf".+@{re.escape(socket.gethostname())}:{os.getpid()}:", ME.me)
    assert ME.me == ME.me
    assert not ME.is_gone(ME.me)


def test_a_killed_process_is_gone_even_before_its_parent_asks_for_it() -> None:
    child, name = named_child()
    try:
        assert name != ME.me
        assert not ME.is_gone(name)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but still a zombie
        if sys.platform.startswith("linux"):
            assert ME.is_gone(name)
    finally:
        close(child)
    assert ME.is_gone(name)


@ON_LINUX
def test_another_process_with_the_same_number_does_not_hide_that_one_is_gone() -> None:
    assert ME.is_gone(replaced(ME.me, start="1"))


@pytest.mark.parametrize(
    "elsewhere",
    [{"who": "ann@another-host"}, {"boot": "00000000"}, {"space": "1"}, {"boot": "-", "space": "-"}],
)
def test_nothing_is_certain_of_a_process_elsewhere(elsewhere: dict[str, str]) -> None:
    child, name = named_child()
    close(child)
    assert ME.is_gone(name)
    assert not ME.is_gone(replaced(name, **elsewhere))


@ON_LINUX
def test_without_a_known_start_a_living_number_is_no_proof() -> None:
    assert not ME.is_gone(replaced(ME.me, start="-"))


def test_another_users_process_is_not_gone() -> None:
    # Process 1 lives and, but for root, refuses signals.
    assert not ME.is_gone(replaced(ME.me, pid="1", start="-"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ann",
        "a@b:1",
        "a@b:0:1:2:3",
        "a@b:-1:1:2:3",
        "a@b:x:1:2:3",
        "a@b:99999999999999:1:2:3",
        "::::",
        "\x00\ud800",
    ],
)
def test_a_name_of_another_form_is_never_gone(name: str) -> None:
    assert not ME.is_gone(name)


def test_numbers_that_no_process_can_have_raise_nothing() -> None:
    assert not ME.is_gone(replaced(ME.me, pid="9999999999"))
