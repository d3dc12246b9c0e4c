"""The mutation run's own book-keeping; the run itself takes too long for `make test`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.planted.covering import Covering, Watch
from tests.planted.explained import EXPLAINED
from tests.planted.found import Fate, Found
from tests.planted.mutate import everything
from tests.planted.mutations import Mutant, mutants

_SOURCE = "def double(n):\n    return (\n        n + n\n    )\n"
RETURNED, ADDED = mutants("made.up", _SOURCE)


def test_every_mutant_that_is_explained_is_still_made() -> None:
    assert set(EXPLAINED) <= {str(mutant) for mutant in everything()}


def test_a_mutant_says_which_lines_it_changes() -> None:
    assert (str(RETURNED), RETURNED.lines) == ("made.up:double: return nothing, not `n + n`", (2, 4))
    assert (str(ADDED), ADDED.lines) == ("made.up:double: `n + n` with Sub", (3, 3))


def test_what_became_of_a_mutant_is_known_to_the_next_run_until_its_source_changes(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    Found(path).add(RETURNED, Fate.SURVIVED)
    Found(path).add(RETURNED, Fate.KILLED)
    found = Found(path)
    assert (found.fate(RETURNED), found.fate(ADDED), found.fate(replace(RETURNED, source="other"))) == (
        Fate.KILLED,
        None,
        None,
    )
    assert found.counts([RETURNED, ADDED]) == {"killed": 1, "not run": 1}


def test_a_survivor_that_is_explained_is_counted_as_that_and_a_killed_one_is_not(tmp_path: Path) -> None:
    where, what = next(iter(EXPLAINED)).split(": ", 1)
    module, function = where.split(":")
    explained = Mutant(module=module, function=function, what=what, lines=(1, 1), number=0, source="")
    found = Found(tmp_path / "found.jsonl")
    found.add(explained, Fate.SURVIVED)
    assert found.fate(explained) is Fate.EXPLAINED
    found.add(explained, Fate.KILLED)
    assert found.fate(explained) is Fate.KILLED


def test_the_tests_that_run_any_changed_line_are_tried_the_fastest_first() -> None:
    covering = Covering(seconds=[3.0, 1.0, 2.0], lines={"made.up": {1: [0, 1, 2], 2: [0], 3: [2, 0]}})
    assert covering.tests(RETURNED) == [2, 0]
    assert covering.tests(ADDED) == [2, 0]
    assert covering.tests(replace(ADDED, lines=(4, 4))) == []


def test_each_test_is_known_by_the_lines_that_it_ran(tmp_path: Path) -> None:
    file = tmp_path / "made_up.py"
    file.write_text(_SOURCE)
    space: dict[str, Any] = {}
    exec(compile(_SOURCE, str(file), "exec"), space)
    watch = Watch({"made.up": str(file)})
    with watch.watched():
        pass
    with watch.watched():
        assert space["double"](2) == 4
    assert watch.covering().tests(ADDED) == [1]
