"""Which processes a test has started, directly or not."""

from __future__ import annotations

import os
from pathlib import Path


def that_mention(directory: Path) -> list[int]:
    """Those with the directory in their words or in their environment, but for this one. Zombies have neither."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in words and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found
