"""The command line of the soak. Exit code 1 where anything was found that must not be; a signal's own, when ended."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from rotator.sandbox.instances import Spec
from rotator.sandbox.soak.disturbance import Draw
from rotator.sandbox.soak.drive import Course
from rotator.sandbox.soak.figures import lines
from rotator.sandbox.soak.ground import FLEET
from rotator.sandbox.soak.lane import Lane
from rotator.sandbox.soak.places import Store
from rotator.sandbox.soak.tally import Tally

STORES: Final[tuple[Store, ...]] = ("aws", "vault")
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNALLED: Final = 128


def soak(
    directory: Path,
    *,
    kills: int,
    seed: int,
    seconds: float = float("inf"),
    fleet: Sequence[Spec] = FLEET,
    drawn: Draw | None = None,
    courses: Callable[[random.Random], Course] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Tally:
    """Rotate in both worlds until so many processes were killed, or the time is up. Ctrl-C ends it in order."""
    total, began, ending = Tally(), time.monotonic(), threading.Event()
    lanes: list[Lane] = []

    def told(line: str) -> None:
        done = sum(lane.tally.counts["kills"] for lane in lanes)
        tell(f"{time.monotonic() - began:6.0f} s {done:5d} kills  {line}{_findings(lanes)}")

    for number, store in enumerate(STORES):
        lane = Lane(
            store,
            directory / store,
            kills=(kills + number) // len(STORES),
            seed=seed,
            ending=ending,
            late=lambda: time.monotonic() - began >= seconds,
            fleet=fleet,
            drawn=drawn,
            courses=courses,
            tell=told,
        )
        lanes.append(lane)
    try:
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    except KeyboardInterrupt as signalled:
        total.interrupted = int(signalled.args[0]) if signalled.args else signal.SIGINT
    ending.set()
    for lane in lanes:
        lane.join()
        total.add(lane.tally, lane.store)
    total.seconds = time.monotonic() - began
    return total


def _findings(lanes: Sequence[Lane]) -> str:
    counts = {sort: sum(len(lane.tally.bad[sort]) for lane in lanes) for sort in Tally().bad}
    return ", ".join(f"{count} {sort}" for sort, count in counts.items() if count)


def _say(line: str) -> None:
    sys.stderr.write(line.rstrip() + "\n")
    sys.stderr.flush()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Who is impatient presses Ctrl-C again; that must not cut the tidying up short."""
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rotator.sandbox.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further rotation after so long")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="work there, and leave everything behind")
    chosen = parser.parse_args()
    for each in _ENDS:
        signal.signal(each, _interrupt)
    directory = chosen.keep or Path(tempfile.mkdtemp(prefix="rotator-soak-"))
    tally = soak(directory, kills=chosen.kills, seed=chosen.seed, seconds=chosen.seconds, tell=_say)
    sys.stdout.write("\n".join([f"seed {chosen.seed}", *lines(tally)]) + "\n")
    if chosen.json:
        chosen.json.write_text(json.dumps({"seed": chosen.seed, **tally.to_json()}, indent=2) + "\n")
    if chosen.keep is None and (tally.clean or tally.interrupted):
        shutil.rmtree(directory)
    else:
        _say(f"everything is left in {directory}")
    if tally.interrupted:
        _say("interrupted: these are the figures up to then")
        return _SIGNALLED + tally.interrupted
    return 0 if tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
