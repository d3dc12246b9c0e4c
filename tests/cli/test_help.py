"""`--help` on a terminal of 80 columns: nothing is cut off."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld

_LISTED = re.compile(r"^  (\w+)  +(\w.*)$", re.MULTILINE)


@pytest.mark.parametrize("group", [[], ["config"], ["sandbox"]])
def test_every_command_is_listed_with_a_whole_sentence_and_no_line_is_too_long(
    world: SmallWorld, rotate: Rotate, group: list[str]
) -> None:
    world.extra["COLUMNS"] = "80"
    listed = rotate(*group, "--help").out
    found = _LISTED.findall(listed.partition("Commands:")[2].partition("\n\n")[0])
    assert len(found) >= 3
    assert [sentence for _, sentence in found if sentence.endswith("...")] == []
    for name, _ in found:
        assert max(map(len, rotate(*group, name, "--help").out.splitlines())) <= 80
