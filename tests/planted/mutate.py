"""`make mutants`: blind mutations, each in memory, against the tests that run its line, in a process of its own.

The tests are collected once, and run once without a mutation, to see which of them run which lines. For every mutant
this process forks; the child runs those tests, the fastest first, until one fails. A child that takes too long, or
dies, counts as caught: something no longer ends. What a test computes while it is collected, among its parameters, is
computed without any mutation.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import pickle
import re
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Final, cast

import pytest

from tests.planted.covering import Covering, Watch
from tests.planted.found import OPEN, Fate, Found
from tests.planted.mutations import Mutant, mutants, mutated
from tests.planted.surgery import NotPlanted, exchanged, forget, source_of

ROOT: Final = Path(__file__).parents[2]

_ROOMS: Final = (
    *("rotator/engine.py", "rotator/session.py", "rotator/inspection.py", "rotator/overtaken.py"),
    *("rotator/opening.py", "rotator/orders.py", "rotator/steps", "rotator/core", "rotator/core/check"),
)

_TESTS: Final = "tests/unit"
_ELSEWHERE: Final = (
    *(
        "anthropic",
        "aws",
        "client",
        "deploy",
        "fields",
        "journal",
        "loader",
        "many_places",
        "notify",
        "sandbox",
        "tidy",
    ),
    *("usage_readings", "vault", "watch", "world"),
)
"""What takes long there, and is about other rooms."""

_QUIET: Final = ("-o", "addopts=", "-p", "no:cacheprovider", "-o", "timeout=0", "-p", "no:xdist", "-p", "no:terminal")

_WORK: Final = 3
"""Seconds of the processor that one test may take beyond three times what it takes unchanged."""

_LONGEST: Final = 60
"""Seconds that it may wait for something, beyond that."""

_PROGRESS: Final = 50
"""A line after so many mutants."""

_PASSED, _FAILED, _NOT_SOWN = 0, 3, 4
_FATES: Final = {_PASSED: Fate.SURVIVED, _NOT_SOWN: Fate.NOT_SOWN}


class Hunt:
    """A pytest plugin: in place of running the tests once, it runs them for every mutant."""

    def __init__(self, mutants: Sequence[Mutant], found: Found, jobs: int) -> None:
        self.mutants, self.found, self.jobs = mutants, found, jobs
        self.waiting = [mutant for mutant in reversed(mutants) if found.fate(mutant) is not Fate.KILLED]

    def pytest_configure(self) -> None:
        """The same examples for every mutant, and one that fails is enough. No deadline: the machine is busy."""
        from hypothesis import Phase, settings  # not before pytest has prepared its plugins

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", deadline=None, database=None, derandomize=True, phases=phases)
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        running: dict[int, Mutant] = {}
        with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
            Path(scratch).chmod(0o711)  # some tests put their rights away
            covering = _measured(session, Path(scratch))
            gc.freeze()  # what is collected so far is shared with every child
            try:
                while self.waiting or running:
                    while self.waiting and len(running) < self.jobs:
                        self._begin(session, covering, Path(scratch), running)
                    if running:
                        self._end(running, Path(scratch))
            finally:
                for child in running:
                    _gone(child, Path(scratch))
        return True

    def _begin(self, session: pytest.Session, covering: Covering, scratch: Path, running: dict[int, Mutant]) -> None:
        mutant = self.waiting.pop()
        tests = covering.tests(mutant)
        if not tests:
            return self._say(mutant, Fate.NOT_COVERED)
        child = os.fork()
        if child:
            running[child] = mutant
            return None
        try:
            _alone(scratch)
            os._exit(_one(session, mutant, [(session.items[test], covering.seconds[test]) for test in tests]))
        except NotPlanted:
            os._exit(_NOT_SOWN)
        except BaseException:  # whatever goes wrong in the child: the mutant was noticed
            os._exit(_FAILED)

    def _end(self, running: dict[int, Mutant], scratch: Path) -> None:
        child, status = os.wait()
        _gone(child, scratch)
        self._say(running.pop(child), _FATES.get(os.waitstatus_to_exitcode(status), Fate.KILLED))

    def _say(self, mutant: Mutant, fate: Fate) -> None:
        self.found.add(mutant, fate)
        if self.found.fate(mutant) in OPEN:
            sys.stdout.write(f"{fate}: {mutant} (line {mutant.lines[0]})\n")
        if len(self.waiting) % _PROGRESS == 0:
            sys.stdout.write(f"{len(self.waiting)} to go: {dict(self.found.counts(self.mutants))}\n")
        sys.stdout.flush()


def _alone(scratch: Path) -> None:
    """A child writes into a place of its own, says nothing, and is ended with whatever it started."""
    os.setpgid(0, 0)
    own = scratch / str(os.getpid())
    own.mkdir()
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _gone(child: int, scratch: Path) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    shutil.rmtree(scratch / str(child), ignore_errors=True)


def _measured(session: pytest.Session, scratch: Path) -> Covering:
    """In a child, too: what tests leave behind in a process is not there for the mutants."""
    told = scratch / "told"
    child = os.fork()
    if not child:
        try:
            _alone(scratch)
            modules = {_module(file): str(file) for file in _files()}
            watch = Watch(modules)
            for place, item in enumerate(session.items):
                for module in modules:
                    forget(import_module(module))
                with watch.watched():
                    _run(session, item, session.items[place + 1 : place + 2])
                if session.testsfailed:
                    raise pytest.UsageError(item.nodeid)
            told.write_bytes(pickle.dumps(watch.covering()))
            os._exit(_PASSED)
        except BaseException as error:  # the parent says so
            told.write_text(str(error))
            os._exit(_FAILED)
    try:
        status = os.waitpid(child, 0)[1]
    finally:
        _gone(child, scratch)
    if status != _PASSED:
        raise pytest.UsageError(f"fails without any mutation; mend it first: {told.read_text()}")
    return cast("Covering", pickle.loads(told.read_bytes()))


def _one(session: pytest.Session, mutant: Mutant, tests: Sequence[tuple[pytest.Item, float]]) -> int:
    """In the child: run the tests until one fails."""
    module = import_module(mutant.module)
    source = source_of(module)
    before = compile(source, mutant.module, "exec", dont_inherit=True)
    after = compile(mutated(source, mutant.number), mutant.module, "exec", dont_inherit=True)
    with exchanged(module, before, after):
        for place, (item, seconds) in enumerate(tests):
            used = resource.getrusage(resource.RUSAGE_SELF)
            work = int(used.ru_utime + used.ru_stime + 3 * seconds) + _WORK
            resource.setrlimit(resource.RLIMIT_CPU, (work, resource.RLIM_INFINITY))
            signal.alarm(int(3 * seconds) + _LONGEST)
            _run(session, item, [following for following, _ in tests[place + 1 : place + 2]])
            if session.testsfailed:
                return _FAILED
    return _PASSED


def _run(session: pytest.Session, item: pytest.Item, following: Sequence[pytest.Item]) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following[0] if following else None)


def everything() -> list[Mutant]:
    return [one for file in _files() for one in mutants(_module(file), file.read_text(encoding="utf-8"))]


def _files() -> list[Path]:
    paths = [ROOT / room for room in _ROOMS]
    files = [file for path in paths for file in (sorted(path.glob("*.py")) if path.is_dir() else [path])]
    return [file for file in files if file.name != "__init__.py"]


def _module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def main(words: list[str] | None = None) -> int:
    given = _arguments(words)
    chosen = [mutant for mutant in everything() if re.search(given.only, str(mutant))]
    if given.count:
        chosen = Random(given.seed).sample(chosen, min(given.count, len(chosen)))
    found = Found(given.json)
    tests = [str(ROOT / _TESTS), *(f"--ignore-glob={ROOT / _TESTS}/*{word}*" for word in _ELSEWHERE)]
    if pytest.main([*_QUIET, *tests], plugins=[Hunt(chosen, found, given.jobs)]):
        return 2
    counts = found.counts(chosen)
    sys.stdout.write(json.dumps({"mutants": len(chosen), **{fate: counts[fate] for fate in Fate}}) + "\n")
    return 1 if sum(counts[fate] for fate in OPEN) else 0


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.planted.mutate", description="Blind mutations.")
    parser.add_argument("--count", type=int, default=0, help="how many are drawn (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--jobs", type=int, default=2, help="at a time (default 2)")
    parser.add_argument("--only", default="", help="those whose whole name matches this")
    parser.add_argument("--json", type=Path, default=ROOT / "mutants.jsonl", help="what was found, and is gone on from")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
