"""`python -m rotator.sandbox.sim --seeds N`: many seeds in parallel processes, then what they met.

Exit 0: every law held and every fault struck somewhere. 1: a law was broken. 2: something was met by no seed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rotator.sandbox.sim.coverage import Coverage
from rotator.sandbox.sim.run import Report, collect_seldom, simulate

_CHUNK: Final = 25
"""Seeds that a worker takes at a time."""

_SHOWN: Final = 5
"""Most broken seeds that are printed whole."""


def main(words: list[str] | None = None) -> int:
    given = _arguments(words)
    began = datetime.now(UTC)
    total = Coverage()
    for report in _reports(range(given.first, given.first + given.seeds), given.jobs):
        total.add(report)
        if total.seeds % _CHUNK == 0:
            _progress(total, given.seeds, began)
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


def _reports(seeds: range, jobs: int) -> Iterator[Report]:
    if jobs <= 1:
        collect_seldom()
        yield from map(simulate, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, collect_seldom) as pool:
        yield from pool.imap_unordered(simulate, seeds, chunksize=_CHUNK)


def _progress(total: Coverage, wanted: int, began: datetime) -> None:
    seconds = (datetime.now(UTC) - began).total_seconds()
    line = f"{total.seeds} of {wanted} seeds, {len(total.broken)} broken, {total.seeds / max(seconds, 1e-9):.0f}/s"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}  ")
    elif total.seeds % (_CHUNK * 40) == 0:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()


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
