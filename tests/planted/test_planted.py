"""Every planted bug is caught by the test that is named for it, and the table in the docs names them all."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.planted.catchers import SEEDS_IN_MAKE_TEST, Seeds, UnitTest
from tests.planted.plant import Plant
from tests.planted.plants import PLANTS
from tests.planted.surgery import NotPlanted, planted
from tests.planted.table import PAGE

_ROOT = Path(__file__).parents[2]
_FEWEST = 30
"""Issue 3."""


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_caught(plant: Plant) -> None:
    assert plant.caught() is not None, f"nobody noticed: {plant.says} Not even {plant.catcher}"


def test_there_are_enough_plants_and_each_has_a_name_of_its_own() -> None:
    assert len(PLANTS) >= _FEWEST
    assert len({plant.name for plant in PLANTS}) == len(PLANTS)


def test_every_catcher_is_a_test_that_make_test_runs_and_that_is_green_without_a_plant() -> None:
    for plant in PLANTS:
        match plant.catcher:
            case Seeds(most):
                assert most <= SEEDS_IN_MAKE_TEST
            case UnitTest(file, name):
                tree = ast.parse((_ROOT / file).read_text(encoding="utf-8"))
                assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, plant.name
                assert name.startswith("test_")


def test_a_plant_is_gone_when_its_hunt_is_over() -> None:
    for plant in PLANTS:
        if isinstance(plant.catcher, UnitTest):
            plant.caught()
            plant.catcher.function(*plant.catcher.args)
            return


def test_a_plant_whose_line_is_no_longer_there_once_is_noticed() -> None:
    for old in ("no such line", "return"):
        with pytest.raises(NotPlanted, match="times, not once"), planted("rotator.core.judge", old, "pass"):
            pass


def test_the_page_names_every_plant_and_its_catcher() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([^|`:]+): [^|]+\| [^|]+\| `([^`]+)`", text, re.MULTILINE)
    hint = "run: python -m tests.planted.table"
    assert listed == [(plant.name, str(plant.catcher)) for plant in PLANTS], hint
