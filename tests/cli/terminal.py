"""A command at a pseudo-terminal: what a person sees and types."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.cli.small_world import PATIENCE, SmallWorld


@dataclass
class Terminal:
    pid: int
    master: int
    shown: str = ""
    code: int | None = None
    _seen: int = field(default=0)

    def expect(self, text: str) -> None:
        """Wait until `text` is shown, after whatever was expected before."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown[self._seen :]:
            assert time.monotonic() < deadline, f"{text!r} was not shown: {self.shown!r}"
            assert self._read(), f"{text!r} was not shown before the end: {self.shown!r}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, f"it does not end: {self.shown!r}"
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def hang_up(self) -> int:
        """Close the terminal, as a lost connection does: the kernel sends SIGHUP. Returns the exit code."""
        os.close(self.master)
        self.master = -1
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def _read(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], 0.5)
        if not ready:
            return True
        try:
            chunk = os.read(self.master, 65536)
        except OSError:  # Linux: EIO once nobody holds the other end
            return False
        self.shown += chunk.decode("utf-8", "replace")
        return bool(chunk)


@contextmanager
def terminal(world: SmallWorld, *words: str, **variables: str) -> Iterator[Terminal]:
    """`rotate WORDS` on a terminal of its own, as the leader of its session."""
    world.extra.update({"TERM": "dumb"} | variables)
    master, slave = os.openpty()
    # A process of its own, not pty.fork: forking a process that has threads warns, and rightly so.
    import subprocess
    import sys

    code = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from rotator.cli import main; main()"
    argv = [sys.executable, "-c", code, *words]
    child = subprocess.Popen(
        argv,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=world.environment,
        cwd=world.directory,
        start_new_session=True,
    )
    os.close(slave)
    opened = Terminal(child.pid, master)
    try:
        yield opened
    finally:
        if opened.code is None:
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
            opened.code = child.wait()
        else:
            child.returncode = opened.code
        if opened.master >= 0:
            os.close(master)
