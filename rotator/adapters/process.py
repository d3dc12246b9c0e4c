"""Runs one child process within bounds: time, output, environment. Shared by the command watcher and the deployer.

The child gets no shell, no standard input and a session of its own, so that whatever it started ends with it when it
overstays. A command that leaves something running on purpose must redirect that thing's output.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

from rotator.core.exposure import redact
from rotator.model.errors import Refused, Unreachable

KEEP = 64 << 10
"""Bytes of output that are kept, the last ones: enough to see why a deploy failed."""
GRACE_S = 5.0
"""Seconds between SIGTERM and SIGKILL."""
DRAIN_S = 1.0
"""Seconds that output may still arrive after the child has ended: something it left running may hold the pipe open."""
_LINES, _COLUMNS = 12, 300
"""How much of the output an error shows."""

WITHHELD = frozenset({"ANTHROPIC_API_KEY", "ANTHROPIC_ADMIN_KEY", "ANTHROPIC_AUTH_TOKEN"})
"""Law 6: never in a child's environment. Also withheld: every variable whose value holds `sk-ant-`.

The operator's means to reach their own systems (`AWS_*`, `VAULT_TOKEN`, `KUBECONFIG`) stay: a deploy command is theirs,
does its work with them, and they are not what is rotated.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """`code` is the exit code, negative for a signal. The outputs may hold anything: they stay out of the repr."""

    code: int
    out: str = field(repr=False)
    err: str = field(repr=False)
    cut: bool
    """Whether more was printed than is kept."""


def run(
    argv: Sequence[str],
    *,
    cwd: str,
    timeout: timedelta,
    extra: Mapping[str, str] | None = None,
    merge: bool = False,
    keep: int = KEEP,
    grace_s: float = GRACE_S,
) -> Ended:
    """Run `argv` in `cwd` to its end; `merge` sends standard error where standard output goes.

    Raises `Refused` where it cannot be started and `Unreachable` where it outlasts `timeout` (it is then stopped, its
    whole process group with it; so too when this process is interrupted).
    """
    child = _start(argv, cwd, extra or {}, merge)
    output = _Output(child, keep)
    code: int | None = None
    try:
        output.start()
        code = child.wait(timeout.total_seconds())
    except subprocess.TimeoutExpired:
        pass
    finally:  # also on Ctrl-C and its like: leave nothing behind
        if code is None:
            _stop(child, grace_s)
        output.close()
    if code is None:
        raise Unreachable(
            f"{shown(argv)} did not end within {timeout.total_seconds():g} seconds and was stopped"
            + last_lines(output.err or output.out),
            "Find out why it hangs, or give it more time.",
        )
    return Ended(code=code, out=output.out, err=output.err, cut=output.cut)


def child_environment(parent: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """What a child may see of this process's environment (law 6), and what it is told on top."""
    clean = {name: value for name, value in parent.items() if name not in WITHHELD and "sk-ant-" not in value}
    return clean | dict(extra)


def shown(argv: Sequence[str]) -> str:
    """The command as a person would type it, cut and without keys."""
    text = redact(shlex.join(argv))
    return f"`{text if len(text) <= 200 else text[:200] + '…'}`"


def last_lines(output: str) -> str:
    """The end of an output for an error's text: redacted, no control characters; empty where there is none."""
    printable = ("".join(char if char.isprintable() else " " for char in line) for line in redact(output).splitlines())
    plain = [line.rstrip()[:_COLUMNS] for line in printable if line.strip()][-_LINES:]
    if not plain:
        return ""
    return ". Its last output:\n" + "\n".join(f"  {line}" for line in plain)


def _start(argv: Sequence[str], cwd: str, extra: Mapping[str, str], merge: bool) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=child_environment(os.environ, extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _not_started(argv, cwd, error) from None


def _not_started(argv: Sequence[str], cwd: str, error: OSError | ValueError) -> Refused:
    program = redact(argv[0])
    if not Path(cwd).is_dir():
        return Refused(f"the folder {cwd} to run {program} in does not exist", "It is the configuration file's folder.")
    if isinstance(error, FileNotFoundError):
        if "/" in program and (Path(cwd) / program).exists():
            return Refused(
                f"the interpreter that the first line of {program} names does not exist", "Correct its `#!` line."
            )
        return Refused(
            f"there is no program {program} (looked from {cwd})", "Correct the command, or install the program."
        )
    if isinstance(error, PermissionError):
        return Refused(f"{program} may not be executed", f"chmod +x {shlex.quote(program)}")
    reason = (error.strerror if isinstance(error, OSError) else None) or "its words cannot be passed to a program"
    return Refused(f"{program} cannot be started: {reason}", "A script needs a first line such as `#!/bin/sh`.")


def _stop(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """SIGTERM to the whole group, a moment's grace, then SIGKILL to what is left of it."""
    try:
        _signal(child, signal.SIGTERM)
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        pass
    finally:  # a second Ctrl-C cuts the grace short
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # the group is gone, or only zombies are left of it


class _Output:
    """Reads what a child prints, as it prints it, and keeps the end."""

    def __init__(self, child: subprocess.Popen[bytes], keep: int) -> None:
        self._streams: list[IO[bytes]] = [stream for stream in (child.stdout, child.stderr) if stream]
        self._kept = [bytearray() for _ in self._streams]
        self._keep = keep
        self._enough, self._say_enough = os.pipe()
        self.cut = False
        self._thread = threading.Thread(target=self._read, daemon=True, name="rotator-child-output")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Wait for the rest, a moment only, then let go of the pipes."""
        if self._thread.ident is not None:  # else: interrupted before it began
            self._thread.join(DRAIN_S)
            os.write(self._say_enough, b".")
            self._thread.join()
        for stream in self._streams:
            stream.close()
        os.close(self._enough)
        os.close(self._say_enough)

    @property
    def out(self) -> str:
        return self._text(0)

    @property
    def err(self) -> str:
        return self._text(1) if len(self._kept) > 1 else ""

    def _text(self, number: int) -> str:
        text = bytes(self._kept[number][-self._keep :]).decode("utf-8", "replace")
        # The cut may go through a key, whose second half would not look like one: drop what the cut went through.
        return text.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") if self.cut else text

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._enough, selectors.EVENT_READ, -1)
            for number, stream in enumerate(self._streams):
                selector.register(stream, selectors.EVENT_READ, number)
            while len(selector.get_map()) > 1:
                for ready, _ in selector.select():
                    if ready.data < 0:
                        return
                    chunk = os.read(ready.fd, KEEP)
                    if chunk:
                        self._add(ready.data, chunk)
                    else:
                        selector.unregister(ready.fileobj)

    def _add(self, number: int, chunk: bytes) -> None:
        kept = self._kept[number]
        kept += chunk
        if len(kept) > self._keep:
            self.cut = True
            del kept[: -self._keep]
