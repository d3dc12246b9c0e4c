"""A signal that comes while an object is finalized: Python drops what is raised there."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import AbstractContextManager

import pytest
import typer

from rotator.cli.demo_world import until_interrupted
from rotator.cli.work import plainly

PATIENCE = 20.0  # seconds
_STEPS = 1000  # of Python, so that the signal's handler gets its turn in the midst of them


class Finalized:
    """Is sent a signal while it is finalized."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self._number)
        for _ in range(_STEPS):
            pass


def code_of(block: AbstractContextManager[object], number: int) -> int | None:
    """What a command in this block exits with, where the signal comes in the midst of a finalizer; None: it goes on."""
    try:
        with block:
            finalized = Finalized(number)
            del finalized
            threading.Event().wait(PATIENCE)
    except typer.Exit as stopped:
        return stopped.exit_code
    return None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_an_object_is_finalized_ends_the_command_all_the_same(
    number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    before, hook = signal.getsignal(number), sys.unraisablehook
    assert code_of(plainly(lambda: None, json=False), number) == 128 + number
    said = capfd.readouterr().err
    assert f"interrupted by {signal.Signals(number).name}" in said
    assert "Traceback" not in said
    assert (signal.getsignal(number), sys.unraisablehook) == (before, hook)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_hears_it_too(number: int) -> None:
    assert code_of(until_interrupted("ended"), number) == 128 + number


def test_what_else_is_raised_there_is_nobodys_business_here(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError

    dropped: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: dropped.append(what.exc_type))
    with plainly(lambda: None, json=False):
        broken = Broken()
        del broken
    assert dropped == [ValueError]
