"""A consumer that nobody put on the list: `python -m rotator.sandbox.straggler SECRET`.

It reads the key at boot, as most programs do, and goes on calling Anthropic with it. It ends with its world.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import suppress

from rotator.sandbox.callers import BootCaller
from rotator.sandbox.loopback import require_loopback
from rotator.sandbox.processes import announce, live_with_parent

EVERY = 1.0  # seconds between two calls


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rotator.sandbox.straggler", description=__doc__)
    parser.add_argument("secret", help="a reference as in rotate.yaml")
    chosen = parser.parse_args()
    live_with_parent()
    caller = BootCaller(chosen.secret, require_loopback(os.environ.get("ANTHROPIC_BASE_URL", "")))
    announce({})
    while True:
        with suppress(OSError):  # the world is ending
            caller.ask()
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
