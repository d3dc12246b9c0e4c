"""`make soak` in small: real processes, a few real kills, judged as the long run judges."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from rotator.sandbox.fault_proxy import Fault, Weather
from rotator.sandbox.instances import Spec
from rotator.sandbox.soak.__main__ import soak
from rotator.sandbox.soak.disturbance import Blow, Plan

pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(240)]


LATER = {"start": 7, "finish": 4}
"""After so many events a first try is killed; a second one writes fewer than that before `start` is done."""


def two_kills(source: random.Random, command: str) -> Plan:
    """One while the key is promoted and deployed, one while the old key is disabled; a lost answer now and then."""
    weather = Weather(chances={Fault.LOST: 0.1})
    blow = Blow.KILL if command in LATER else None
    return Plan(blow=blow, events=LATER.get(command), seconds=60, weather=weather, storm=30)


def test_a_rotation_whose_processes_are_killed_ends_with_nothing_done_twice_and_no_request_failed(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    fleet = (Spec("chat-api", "boot", 1), Spec("edge", "hot", 1))
    tally = soak(tmp_path, kills=2, seed=2, fleet=fleet, drawn=two_kills, tell=told.append)
    found = tally.to_json()
    assert tally.clean, json.dumps(found, indent=2)
    assert tally.counts["kills"] == sum(tally.killed_after.values()) == 2
    assert tally.counts["rotations"] == tally.counts["completed"] == len(told) == 1
    assert tally.requests > 0
    assert set(found) >= {"kills", "stops", "unfinished", "duplicates", "law_violations", "failed_requests"}
