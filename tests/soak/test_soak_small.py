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
from rotator.sandbox.soak.drive import PLAIN

pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(240)]


STRUCK = {"start": "promote", "finish": "disable"}


class TwoKills:
    """In each world one while the key is promoted, one while the old key is disabled; a lost answer now and then."""

    def __init__(self) -> None:
        self._struck: set[tuple[random.Random, str]] = set()  # a world has a source of its own

    def __call__(self, source: random.Random, command: str) -> Plan:
        effect = STRUCK.get(command) if (source, command) not in self._struck else None
        self._struck.add((source, command))
        weather = Weather(chances={Fault.LOST: 0.1})
        return Plan(blow=Blow.KILL if effect else None, effect=effect, seconds=60, weather=weather, storm=30)


def test_a_rotation_whose_processes_are_killed_ends_with_nothing_done_twice_and_no_request_failed(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    fleet = (Spec("chat-api", "boot", 1), Spec("edge", "hot", 1))
    tally = soak(
        tmp_path, kills=4, seed=2, fleet=fleet, drawn=TwoKills(), courses=lambda source: PLAIN, tell=told.append
    )
    found = tally.to_json()
    assert tally.clean, json.dumps(found, indent=2)
    assert tally.killed == {"inside promote": 2, "inside disable": 2}
    assert tally.counts["kills"] == 4
    assert tally.counts["rotations"] == tally.counts["completed"] == len(told) == 2
    assert tally.met["completed on vault"] == tally.met["completed on aws"] == 1
    assert tally.requests > 0
    assert set(found) >= {"kills", "stops", "unfinished", "duplicates", "law_violations", "failed_requests"}
