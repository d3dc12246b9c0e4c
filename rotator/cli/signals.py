"""Signals that end a command: heard as exceptions wherever the program is, also where Python drops an exception."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], object]

_AGAIN: Final = 0.02  # seconds: by then the object that was being finalized is gone


class Interrupted(BaseException):
    """SIGTERM or a closed terminal: like Ctrl-C, with the signal's own exit code."""

    def __init__(self, number: int) -> None:
        self.number = number


@contextmanager
def heard(handlers: Mapping[int, Handler]) -> Iterator[None]:
    """These handlers, each of which raises `Interrupted`, for as long as the block lasts.

    What is raised while an object is finalized Python drops, and tells `sys.unraisablehook`: such a signal is sent
    once more, that of Ctrl-C included.
    """
    timers: list[threading.Timer] = []

    def send_again(dropped: sys.UnraisableHookArgs) -> None:
        number = _number(dropped.exc_value)
        if number is None:
            hook(dropped)
            return
        if number in handlers:
            signal.signal(number, handlers[number])  # it may have made itself deaf
        timer = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
        timer.daemon = True
        timers.append(timer)
        timer.start()

    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    hook, sys.unraisablehook = sys.unraisablehook, send_again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for timer in timers:
            timer.cancel()
        for number, known in before.items():
            with suppress(ValueError, TypeError):  # a handler that was not set from Python cannot be put back
                signal.signal(number, known)


def _number(error: BaseException | None) -> int | None:
    match error:
        case Interrupted():
            return error.number
        case KeyboardInterrupt():
            return int(signal.SIGINT)
        case _:
            return None
