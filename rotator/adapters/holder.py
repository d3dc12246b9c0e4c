"""Names this process so that another one on the same machine can tell whether it is still there."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from pathlib import Path

_NAME = re.compile(r"(?P<who>.+):(?P<pid>[1-9]\d{0,9}):(?P<start>[^:]+):(?P<boot>[^:]+):(?P<space>[^:]+)", re.DOTALL)
_UNKNOWN = "-"
_DEAD_STATES = frozenset("ZX")  # proc(5): a zombie works no more, whether or not its parent has asked for it


class ProcessHolder:
    """`ports.Holders`: names are `user@host:pid:start:boot:space`.

    `start` is the process's start in clock ticks since boot, `boot` the first 8 digits of the kernel's boot id and
    `space` the process-id namespace (proc(5)); `-` where the system does not tell.
    """

    def __init__(self) -> None:
        self._named = (0, "")

    @property
    def me(self) -> str:
        pid = os.getpid()  # asked each time: a fork is another process
        if self._named[0] != pid:
            stat = _stat(pid)
            name = ":".join((f"{_user()}@{_host()}", str(pid), stat[1] if stat else _UNKNOWN, *_machine()))
            self._named = (pid, name)
        return self._named[1]

    def is_gone(self, holder: str) -> bool:
        """True only where that is certain: same host, same boot, same namespace, and no such process."""
        parts = _NAME.fullmatch(holder)
        if parts is None or os.name != "posix":
            return False  # on Windows os.kill(pid, 0) would end the process
        if parts["who"].rpartition("@")[2] != _host() or (parts["boot"], parts["space"]) != _machine():
            return False
        if sys.platform.startswith("linux") and _UNKNOWN in _machine():
            return False  # another container may bear the same host name
        return _ended(int(parts["pid"]), parts["start"])


def _ended(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass  # there, but another user's; or no number that a process can have
    # Only now /proc: mounted with hidepid it does not show the processes of others.
    stat = _stat(pid)
    if stat is None or start == _UNKNOWN:
        return False
    state, started = stat
    return state in _DEAD_STATES or started != start


def _stat(pid: int) -> tuple[str, str] | None:
    """The process's state and start (fields 3 and 22 of proc(5)'s stat); None where that cannot be read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # field 2, the command, may itself hold blanks and brackets
    return (fields[0], fields[19]) if len(fields) > 19 else None


def _machine() -> tuple[str, str]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:8]
        space = os.readlink("/proc/self/ns/pid").removeprefix("pid:[").removesuffix("]")  # noqa: PTH115 - no path
    except (OSError, ValueError):
        return _UNKNOWN, _UNKNOWN
    return boot or _UNKNOWN, space or _UNKNOWN


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name, as in many containers
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _host() -> str:
    return socket.gethostname() or "unknown"
