"""`make soak` in small: real processes, a few real kills, judged as the long run judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rotator.sandbox.instances import Spec
from rotator.sandbox.soak.__main__ import soak

pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(240)]


def test_a_rotation_whose_processes_are_killed_ends_with_nothing_done_twice_and_no_request_failed(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    fleet = (Spec("chat-api", "boot", 1), Spec("edge", "hot", 1))
    tally = soak(tmp_path, kills=2, seed=3, fleet=fleet, tell=told.append)
    found = tally.to_json()
    assert tally.clean, json.dumps(found, indent=2)
    assert tally.counts["kills"] >= 2
    assert tally.counts["rotations"] == tally.counts["completed"] + tally.counts["rolled_back"] == len(told)
    assert tally.requests > 0
    assert set(found) >= {"kills", "stops", "unfinished", "duplicates", "law_violations", "failed_requests"}
    assert sum(tally.killed_after.values()) == tally.counts["kills"]
