"""Which tests run which lines of the code that is mutated, and how long each takes: measured once, unchanged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from coverage import Coverage

from tests.planted.mutations import Mutant


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """`seconds` of each test, more than it takes unwatched; `lines`: module → line → the tests, by number."""

    seconds: Sequence[float]
    lines: Mapping[str, Mapping[int, Sequence[int]]]

    def tests(self, mutant: Mutant) -> list[int]:
        """Those that run what is changed, the fastest first."""
        lines = self.lines[mutant.module]
        first, last = mutant.lines
        found = {test for line in range(first, last + 1) for test in lines.get(line, ())}
        return sorted(found, key=lambda test: self.seconds[test])


class Watch:
    def __init__(self, files: Mapping[str, str]) -> None:
        """`files`: module → its file."""
        self._files: Final = files
        self._coverage: Final = Coverage(data_file=None, config_file=False, include=list(files.values()))
        self._seconds: list[float] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Inside, the next test runs."""
        self._coverage.start()
        self._coverage.switch_context(str(len(self._seconds)))
        began = time.monotonic()
        yield
        self._seconds.append(time.monotonic() - began)
        self._coverage.stop()

    def covering(self) -> Covering:
        data = self._coverage.get_data()
        lines = {
            module: {line: [int(test) for test in tests] for line, tests in data.contexts_by_lineno(file).items()}
            for module, file in self._files.items()
        }
        return Covering(seconds=self._seconds, lines=lines)
