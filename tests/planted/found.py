"""What became of each mutant, written as it is found.

A run that was interrupted is gone on with, and only what survived is run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from tests.planted.explained import EXPLAINED
from tests.planted.mutations import Mutant


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    NOT_COVERED = "not covered"
    """No test runs what is changed: it survives, too."""
    NOT_SOWN = "not sown"
    """What is changed cannot be exchanged in a running module."""
    EXPLAINED = "explained"
    """It survives, and why no test asks for more is said."""


OPEN: Final = (Fate.SURVIVED, Fate.NOT_COVERED, Fate.NOT_SOWN)
"""Neither killed nor explained."""

_Key: TypeAlias = tuple[str, int, str]


class Found:
    """A file of JSON lines; of two on one mutant the later counts. Where the source changed it is another mutant."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._fates: dict[_Key, Fate] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for row in map(json.loads, lines):
            self._fates[row["mutant"], row["number"], row["source"]] = Fate(row["fate"])

    def add(self, mutant: Mutant, fate: Fate) -> None:
        self._fates[_key(mutant)] = fate
        name, number, source = _key(mutant)
        row = {"fate": fate, "mutant": name, "line": mutant.lines[0], "number": number, "source": source}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def fate(self, mutant: Mutant) -> Fate | None:
        """None: it was not run yet."""
        fate = self._fates.get(_key(mutant))
        return Fate.EXPLAINED if fate not in (None, Fate.KILLED) and str(mutant) in EXPLAINED else fate

    def counts(self, mutants: Iterable[Mutant]) -> Counter[str]:
        return Counter(str(self.fate(mutant) or "not run") for mutant in mutants)


def _key(mutant: Mutant) -> _Key:
    return str(mutant), mutant.number, mutant.source
