"""Measures two or more things in turns, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`ratios`: one a round, the thing measured by what it is compared with. `aim`: the ratio wanted, in words."""

    name: str
    against: str
    ratios: Sequence[float]
    value: str
    """What was measured, in its own unit, for orientation only: another machine has another."""
    aim: str = ""
    met: bool | None = None

    def json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "against": self.against,
            "ratio": round(median(self.ratios), 3),
            "lowest": round(min(self.ratios), 3),
            "highest": round(max(self.ratios), 3),
            "rounds": len(self.ratios),
            "value": self.value,
            "aim": self.aim,
            "met": self.met,
        }

    def row(self) -> tuple[str, ...]:
        found = f"{median(self.ratios):.2f}x"
        spread = f"{min(self.ratios):.2f}..{max(self.ratios):.2f}"
        verdict = "" if self.met is None else "met" if self.met else "MISSED"
        return self.name, self.against, found, spread, self.value, self.aim, verdict


def in_turns(rounds: int, tasks: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each task's measurements; every round does every task once, in turning order. A first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in tasks}
    names = list(tasks)
    for number in range(rounds + 1):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            value = tasks[name]()
            if number:
                found[name].append(value)
    return found


def compared(
    found: Mapping[str, Sequence[float]],
    name: str,
    against: str,
    *,
    most: float | None = None,
    least: float | None = None,
    unit: str = "ms",
    scale: float = 1000.0,
) -> Figure:
    """`name` by `against`, round for round. `most`, `least`: the aim for the median."""
    ratios = [mine / theirs for mine, theirs in zip(found[name], found[against], strict=True)]
    middle = median(ratios)
    met = None
    if most is not None:
        met = middle <= most
    elif least is not None:
        met = middle >= least
    aim = f"<= {most:g}x" if most is not None else f">= {least:g}x" if least is not None else ""
    value = f"{median(found[name]) * scale:.1f} {unit}"
    return Figure(name=name, against=against, ratios=ratios, value=value, aim=aim, met=met)


@dataclass(frozen=True, slots=True)
class Spent:
    cpu: float
    """Seconds, user and system, of the child and its own children."""
    peak: int
    """Bytes of memory that it had at most."""
    code: int


_LAUNCHER = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status))
"""
"""Linux counts the memory that a process had before its `exec` as its own: of a small parent, that is little."""


def spent(argv: Sequence[str], environment: Mapping[str, str]) -> Spent:
    """What a child process takes from its start to its end. Its output is dropped."""
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *argv]
    said = subprocess.run(launcher, env=dict(environment), capture_output=True, text=True, check=True).stdout.split()
    return Spent(float(said[0]), int(said[1]), int(said[2]))


def timed(call: Callable[[], object]) -> float:
    """Seconds that it took, by the clock on the wall."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def peak_of(call: Callable[[], object]) -> int:
    """Bytes of Python objects that there were at most at once while it ran."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
