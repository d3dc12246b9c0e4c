"""Child processes that cannot outlive their parent, not even one that was killed with -9.

A child holds the read end of a pipe (its stdin) whose write end only the parent has. However the parent ends, the
system closes the write end, the child reads end-of-file and exits. Its stdout is a second pipe, on which it says one
line of JSON when it is ready: an address, and what else may travel only from memory to memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rotator.model.canonical import Json, JsonObject
from rotator.model.errors import OutsideError

_GRACE = 3.0  # seconds that a child has to go by itself before it is killed
_LINE = 64 * 1024  # bytes: the longest first line that is believed
_LOG_TAIL = 600  # characters of a dead child's log that its error shows


class ChildFailed(OutsideError):
    """A process of the sandbox did not come up."""

    code = "sandbox"


class Child:
    """A Python module running as a process of its own, and its first words."""

    def __init__(self, module: str, arguments: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        """Starts it and returns at once. `arguments` hold no key (law 6). Its stderr goes to the file `log`."""
        self.module = module
        self.log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environment),
                process_group=0,  # Ctrl-C in the terminal is for the parent, which then ends its children in order
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def ready(self, timeout: float) -> dict[str, Json]:
        """The child's first line. Raises `ChildFailed` where it exits or says nothing for `timeout` seconds."""
        pipe = self.process.stdout
        assert pipe is not None  # noqa: S101 - asked for above; mypy cannot know
        deadline = time.monotonic() + timeout
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not said.endswith(b"\n") and len(said) < _LINE and selector.select(deadline - time.monotonic()):
                part = os.read(pipe.fileno(), _LINE)
                if not part:
                    break
                said += part
        if said.endswith(b"\n"):
            facts: dict[str, Json] = json.loads(said)
            return facts
        self.stop()
        tail = self.log.read_text(errors="replace")[-_LOG_TAIL:].strip()
        raise ChildFailed(f"The sandbox process {self.module} did not start. {tail}", f"Its log is {self.log}.")

    def ask_to_end(self) -> None:
        """SIGTERM: finish what is in flight, then exit."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> bool:
        """Whether it exited within `timeout` seconds."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """End it: close its lifeline, and kill it where that does not do."""
        self.let_go()
        if not self.wait(_GRACE):
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def let_go(self) -> None:
        """Close the lifeline without waiting, so that many children can end at the same time."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


def stop_all(children: Sequence[Child]) -> None:
    for child in children:
        child.let_go()
    for child in children:
        child.stop()


def live_with_parent(before_exit: Callable[[], None] = lambda: None) -> None:
    """In the child: exit at once when the parent is gone. `before_exit` must be quick."""

    def wait_for_the_end() -> None:
        while os.read(0, 1024):
            pass
        with contextlib.suppress(Exception):  # whatever it is, the process ends now
            before_exit()
        os._exit(0)  # a normal exit would wait for threads that serve connections nobody reads any more

    threading.Thread(target=wait_for_the_end, name="lifeline", daemon=True).start()


def announce(facts: JsonObject) -> None:
    """In the child: say that it is ready. Only the first line is read, so this is called once."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
