"""`make mutants`: a sample of blind mutations, each in memory, against the fast tests, in a process of its own.

The tests are collected once; for every mutant this process forks, and the child runs them, the likeliest first, until
one fails. A child that takes too long counts as caught: something no longer ends.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.planted.explained import EXPLAINED
from tests.planted.mutations import Mutant, mutants, mutated
from tests.planted.surgery import NotPlanted, exchanged, source_of

ROOT: Final = Path(__file__).parents[2]
_ROOMS: Final = ("rotator/core", "rotator/steps", "rotator/engine.py")

_FAST: Final = (
    *("judge", "decide", "approval", "plan", "record", "fold", "owed", "status", "chain", "due", "remarks", "report"),
    *("slips", "hygiene", "check_causes", "diagnosis", "engine", "engine_by_hand", "engine_failures", "engine_soak"),
    *("session", "orders", "orders_conflict", "overtaken", "narrow_escapes", "sim_found", "edges", "announce"),
)
"""Files of tests/unit."""

_SLOW: Final = {
    "tests/simulation/test_drain_variants.py": ("core.drain", "core.silence", "core.windows", "steps.drain")
}
"""Tests that are run only for mutants of these modules."""

_QUIET: Final = ("-o", "addopts=", "-p", "no:cacheprovider", "-o", "timeout=0", "-p", "no:xdist", "-p", "no:terminal")

_LONGEST: Final = 90.0
_WORK: Final = 25
"""Seconds, and seconds of the processor, that one mutant's tests may take: several times what they take unchanged."""

_PROGRESS: Final = 50
"""A line after so many mutants."""

_KILLED, _SURVIVED, _NOT_RUN = 3, 0, 4


class Sampler:
    """A pytest plugin: in place of running the tests once, it runs them for every mutant of the sample."""

    def __init__(self, sample: list[Mutant], seconds: float, jobs: int) -> None:
        self.sample, self.seconds, self.jobs = sample, seconds, jobs
        self.counts: Counter[str] = Counter()
        self.survivors: list[Mutant] = []
        self.said = 0
        self.baseline = 0.0
        """Seconds that all the tests take without a mutation."""

    def pytest_configure(self) -> None:
        """The same examples for every mutant, and no deadline: the machine is busy with the others."""
        from hypothesis import settings  # not before pytest has prepared its plugins

        settings.register_profile("mutants", deadline=None, database=None, derandomize=True)
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        began = time.monotonic()
        child = os.fork()
        if not child:
            os._exit(_run(session, [item for item in session.items if _concerns(item, None)]))
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != _SURVIVED:
            raise pytest.UsageError("the fast tests fail without any mutation: mend them first")
        self.baseline = time.monotonic() - began
        ends = time.monotonic() + self.seconds
        running: dict[int, tuple[Mutant, float]] = {}
        waiting = list(self.sample)
        while running or (waiting and time.monotonic() < ends):
            while waiting and len(running) < self.jobs and time.monotonic() < ends:
                mutant = waiting.pop(0)
                running[self._begin(session, mutant)] = (mutant, time.monotonic() + _LONGEST)
            self._reap(running)
            time.sleep(0.01)
        self.counts["not run"] += len(waiting)
        return True

    def _begin(self, session: pytest.Session, mutant: Mutant) -> int:
        child = os.fork()
        if child:
            return child
        try:
            os._exit(_one(session, mutant))
        except BaseException:  # whatever goes wrong in the child: the mutant was noticed
            os._exit(_KILLED)

    def _reap(self, running: dict[int, tuple[Mutant, float]]) -> None:
        for child, (mutant, ends) in list(running.items()):
            done, status = os.waitpid(child, os.WNOHANG)
            if not done:
                if time.monotonic() > ends:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    del running[child]
                    self.counts["killed"] += 1
                continue
            del running[child]
            self._count(mutant, os.waitstatus_to_exitcode(status))
        done = self.counts.total()
        if done >= self.said + _PROGRESS:
            self.said = done
            sys.stdout.write(f"{done} of {len(self.sample)}: {dict(self.counts)}\n")
            sys.stdout.flush()

    def _count(self, mutant: Mutant, code: int) -> None:
        if code == _NOT_RUN:
            self.counts["not run"] += 1
        elif code != _SURVIVED:
            self.counts["killed"] += 1
        elif str(mutant) in EXPLAINED:
            self.counts["explained"] += 1
        else:
            self.counts["survived"] += 1
            self.survivors.append(mutant)
            sys.stdout.write(f"survived: {mutant} (line {mutant.line})\n")
            sys.stdout.flush()


def _one(session: pytest.Session, mutant: Mutant) -> int:
    """In the child: run the tests until one fails."""
    module = import_module(mutant.module)
    source = source_of(module)
    before = compile(source, mutant.module, "exec", dont_inherit=True)
    after = compile(mutated(source, mutant.number), mutant.module, "exec", dont_inherit=True)
    try:
        with exchanged(module, before, after):
            items = [item for item in session.items if _concerns(item, mutant)]
            return _run(session, sorted(items, key=lambda item: _likely(item, mutant)))
    except NotPlanted:
        return _NOT_RUN


def _run(session: pytest.Session, items: list[pytest.Item]) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (_WORK, _WORK))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    for place, item in enumerate(items):
        following = items[place + 1] if place + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return _KILLED
    return _SURVIVED


def _concerns(item: pytest.Item, mutant: Mutant | None) -> bool:
    modules = _SLOW.get(item.path.relative_to(ROOT).as_posix())
    return modules is None or (mutant is not None and mutant.module.endswith(modules))


def _likely(item: pytest.Item, mutant: Mutant) -> tuple[bool, bool]:
    own = mutant.module.rpartition(".")[2]
    return own not in item.path.name, hasattr(getattr(item, "obj", None), "hypothesis")


def everything() -> list[Mutant]:
    found = []
    for room in _ROOMS:
        path = ROOT / room
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            if file.name != "__init__.py":
                found += mutants(name, file.read_text(encoding="utf-8"))
    return found


def main(words: list[str] | None = None) -> int:
    given = _arguments(words)
    whole = [mutant for mutant in everything() if re.search(given.only, str(mutant))]
    sample = Random(given.seed).sample(whole, min(given.count, len(whole)))
    names = [*(f"tests/unit/test_{name}.py" for name in _FAST), *_SLOW]
    files = [str(ROOT / name) for name in names if (ROOT / name).exists()]
    plugin = Sampler(sample, given.seconds, given.jobs)
    pytest.main([*_QUIET, *files], plugins=[plugin])
    counts = {"mutants": len(whole), "sampled": len(sample)}
    sys.stdout.write(f"the fast tests take {plugin.baseline:.0f} s\n")
    counts |= {word: plugin.counts[word] for word in ("killed", "survived", "explained", "not run")}
    sys.stdout.write(json.dumps(counts) + "\n")
    return 1 if plugin.survivors else 0


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.planted.mutate", description="Blind mutations, sampled.")
    parser.add_argument("--count", type=int, default=200, help="how many are drawn (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--seconds", type=float, default=600, help="begin no more after so long (default 600)")
    parser.add_argument("--jobs", type=int, default=2, help="at a time (default 2)")
    parser.add_argument("--only", default="", help="those whose whole name matches this")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
