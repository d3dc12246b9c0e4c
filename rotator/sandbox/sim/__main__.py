"""`python -m rotator.sandbox.sim --seeds N`: many seeds in parallel processes, then what they met.

Exit 0: every law held and all that must be met was met. 1: a law was broken. 2: something was met by no seed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rotator.sandbox.sim.coverage import Coverage, simulated
from rotator.sandbox.sim.progress import Progress
from rotator.sandbox.sim.run import collect_seldom

_CHUNK: Final = 25
"""Seeds that a worker takes at a time."""

_SHOWN: Final = 5
"""Most broken seeds that are printed whole."""


def main(words: list[str] | None = None) -> int:
    given = _arguments(words)
    began = datetime.now(UTC)
    total, progress = Coverage(), Progress(given.seeds, sys.stderr)
    for some in _counted(range(given.first, given.first + given.seeds), given.jobs):
        total.take_in(some)
        progress.come(total.seeds, len(total.broken))
    seconds = (datetime.now(UTC) - began).total_seconds()
    speed = total.seeds / max(seconds, 1e-9)
    if given.json:
        sys.stdout.write(json.dumps({**total.to_json(), "seeds_per_second": round(speed, 1)}, indent=1) + "\n")
    else:
        _show(total, speed)
    return 1 if total.broken else 2 if total.missing() else 0


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rotator.sandbox.sim", description="Simulated rotations, by seed.")
    parser.add_argument("--seeds", type=int, default=500, help="how many (default 500)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes (default 2)")
    parser.add_argument("--json", action="store_true", help="results as JSON on standard output")
    return parser.parse_args(words)


def _counted(seeds: range, jobs: int) -> Iterator[Coverage]:
    """Added up where they were run: to hand every report over to one process would keep that one busy."""
    chunks = [seeds[at : at + _CHUNK] for at in range(0, len(seeds), _CHUNK)]
    if jobs <= 1:
        collect_seldom()
        yield from map(simulated, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, collect_seldom) as pool:
        yield from pool.imap_unordered(simulated, chunks)


def _show(total: Coverage, speed: float) -> None:
    sys.stdout.write(f"\n{total.table()}\n\n")
    for broken in total.broken[:_SHOWN]:
        sys.stdout.write(broken + "\n\n")
    for what in total.missing():
        sys.stdout.write(f"met by no seed: {what}\n")
    operations = total.operations / max(total.seeds, 1)
    sys.stdout.write(
        f"{total.seeds} seeds, {len(total.broken)} broke a law; {operations:.0f} operations each; {speed:.0f} seeds/s\n"
    )


if __name__ == "__main__":
    sys.exit(main())
