"""What the tests of `rotate check` look for in everything that it says."""

from __future__ import annotations

from tests.cli.small_world import SmallWorld


def no_key_in(world: SmallWorld, *texts: str) -> None:
    for key in (world.old, world.new, world.admin):
        for text in texts:
            assert key.reveal()[17:104] not in text
