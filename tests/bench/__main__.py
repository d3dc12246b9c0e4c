"""`python -m tests.bench [--rounds N] [--json FILE]`: one table on stdout, one JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import checking, inside, starting, usage, vault, whole
from tests.bench.measure import Figure

HEAD = ("what", "against", "ratio", "spread", "value", "aim", "")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of every measurement; the median counts")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    words = parser.parse_args()
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(prefix="rotator-bench-") as folder:
        found = [
            *starting.figures(Path(folder), words.rounds),
            *checking.figures(words.rounds),
            *inside.figures(Path(folder), words.rounds),
            *usage.figures(words.rounds),
            *vault.figures(Path(folder), words.rounds),
            *whole.figures(Path(folder), words.rounds, skipped),
        ]
    show(found)
    for what in skipped:
        print(f"skipped: {what}")
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    result = {"machine": machine, "figures": [figure.json() for figure in found], "skipped": skipped}
    words.json.write_text(json.dumps(result, indent=2) + "\n")


def show(figures: Sequence[Figure]) -> None:
    rows = [HEAD, *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
