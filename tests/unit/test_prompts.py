"""What is asked at a terminal that goes away while it is asked. The commands at a terminal: `tests/cli`."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import termios
import threading
from typing import NoReturn

import pytest

from rotator.cli import prompts
from rotator.cli.signals import Interrupted
from rotator.model.errors import KeyRefused


@pytest.fixture(autouse=True)
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)


def closed(prompt: str) -> NoReturn:
    """As `getpass` when the terminal is closed under it: the signal comes, then echo cannot be switched on again."""
    try:
        raise Interrupted(1)
    finally:
        raise termios.error(5, "Input/output error")


def gone(prompt: str) -> NoReturn:
    """As `getpass` when it hears of the end before the signal comes."""
    for stream in (sys.stdin, sys.stderr):
        stream.isatty = lambda: False  # type: ignore[method-assign]  # put back by the fixture
    raise OSError(5, "Input/output error")


def test_a_terminal_that_is_closed_at_the_hidden_prompt_interrupts_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", closed)
    with pytest.raises(Interrupted):
        prompts.new_key("prod-chat", None)


def test_the_signal_of_a_terminal_that_is_gone_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", gone)

    def hang_up(number: int, frame: object) -> NoReturn:
        raise Interrupted(number)

    before = signal.signal(signal.SIGHUP, hang_up)
    late = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGHUP])
    late.start()
    try:
        with pytest.raises(Interrupted):
            prompts.new_key("prod-chat", None)
    finally:
        late.join()
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_gone_without_a_signal_has_pasted_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", gone)
    monkeypatch.setattr(prompts, "_HANG_UP", 0.01)
    with pytest.raises(KeyRefused, match="Nothing was pasted"):
        prompts.new_key("prod-chat", None)
