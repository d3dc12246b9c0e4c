"""The command line of the soak. Exit code 1 where anything was found that must not be."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rotator.sandbox.instances import Spec
from rotator.sandbox.soak.command import Commands
from rotator.sandbox.soak.disturbance import Draw, draw
from rotator.sandbox.soak.drive import Driver
from rotator.sandbox.soak.ground import FLEET, Ground
from rotator.sandbox.soak.judge import Judge
from rotator.sandbox.soak.leaks import leaks
from rotator.sandbox.soak.tally import Tally
from rotator.sandbox.soak.watch import Watch


def soak(
    directory: Path,
    *,
    kills: int,
    seed: int,
    seconds: float = float("inf"),
    fleet: Sequence[Spec] = FLEET,
    drawn: Draw = draw,
    tell: Callable[[str], None] = lambda line: None,
) -> Tally:
    """Rotate until so many processes were killed, or the time is up; always to the last rotation's end."""
    tally, source, began = Tally(), random.Random(seed), time.monotonic()
    with Ground(directory, seed, fleet) as ground, Watch(ground, tally) as watch:
        commands = Commands(ground, tally)
        driver, judge = Driver(commands, ground.ledger, tally, source, drawn), Judge(ground, commands, watch, tally)
        used = ground.world.old_key
        while tally.counts["kills"] < kills and time.monotonic() - began < seconds and not tally.bad["unfinished"]:
            new = ground.new_key()
            ended = driver.rotate(new, kills=kills)
            tally.counts["rotations"] += 1
            tally.counts[ended] += 1
            if ended == "unfinished":
                tally.find("unfinished", f"rotation {tally.counts['rotations']}: {ground.ledger.last()}")
            judge.rotation_over(ended, used, new)
            used = new if ended == "completed" else used
            traffic = ground.world.traffic()
            tally.requests, tally.failed_requests = traffic.requests, traffic.failed
            tally.seconds = time.monotonic() - began
            tell(f"{tally.seconds:6.0f} s  {tally.counts['kills']:4d} kills  {ended:<12}{_findings(tally)}")
        for fault in ground.aws.met | ground.anthropic.met:
            tally.counts[f"fault {fault.value}"] = ground.met(fault)
        for failure in ground.world.traffic().failures:
            tally.find("law_violations", f"law 1: {failure.at:%H:%M:%S} {failure.instance}: {failure.what}")
        keys = list(ground.keys)
    for found in leaks(directory, keys):
        tally.find("law_violations", found)
    return tally


def _findings(tally: Tally) -> str:
    found = [f"{len(what)} {sort}" for sort, what in tally.bad.items() if what]
    return ", ".join(found + ([f"{tally.failed_requests} failed requests"] if tally.failed_requests else []))


def _say(line: str) -> None:
    sys.stderr.write(line.rstrip() + "\n")
    sys.stderr.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rotator.sandbox.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further rotation after so long")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="work there, and leave everything behind")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rotator-soak-") as temporary:
        directory = chosen.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        tally = soak(directory, kills=chosen.kills, seed=chosen.seed, seconds=chosen.seconds, tell=_say)
    sys.stdout.write("\n".join([f"seed {chosen.seed}", *tally.lines()]) + "\n")
    if chosen.json:
        chosen.json.write_text(json.dumps({"seed": chosen.seed, **tally.to_json()}, indent=2) + "\n")
    return 0 if tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
