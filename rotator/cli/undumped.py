"""Law 6 in a crash: the memory of this process, where the keys are, is never written to a disk as a core dump."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Final

_SET_DUMPABLE: Final = 4
"""PR_SET_DUMPABLE, prctl(2). A limit of no bytes would not do: core(5) pays no heed to it where dumps go to a program.
What this process executes, a deploy command, has a memory of its own, and is dumped or not as ever."""


def keep_memory_off_disk() -> None:
    """Best effort: where the system knows no such thing, the dump is the system's to forbid."""
    with suppress(Exception):  # a C library of another kind: nothing that a rotation may end by
        if sys.platform == "linux":
            import ctypes

            ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
        else:
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
