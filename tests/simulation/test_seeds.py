"""Five hundred simulated rotations: laws after every operation, an end for every one of them, every fault met."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from rotator.sandbox.sim import simulate
from rotator.sandbox.sim.coverage import ENOUGH, WANTED, covered
from rotator.sandbox.sim.faults import KINDS
from rotator.sandbox.sim.run import run
from rotator.sandbox.sim.scenario import MAX_INSTANCES, draw
from tests.simulation.regressions import REGRESSIONS

_CHUNK = 50
_CHUNKS = [range(first, first + _CHUNK) for first in range(0, ENOUGH, _CHUNK)]


@pytest.mark.parametrize("seeds", _CHUNKS, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_no_law_is_broken_and_every_rotation_ends(seeds: range) -> None:
    broken = [str(report) for report in map(simulate, seeds) if report.broken is not None]
    assert not broken, "\n\n".join(broken)


@pytest.mark.parametrize("seed", REGRESSIONS, ids=str)
def test_what_was_found_once_stays_mended(seed: int) -> None:
    report = simulate(seed)
    assert report.broken is None, f"{REGRESSIONS[seed]}\n{report}"


def test_a_seed_gives_the_same_run_again_to_the_last_operation() -> None:
    for seed in (3, 7, 11):
        first, second = simulate(seed), simulate(seed)
        assert (first.outcome, first.operations, first.met) == (second.outcome, second.operations, second.met)


def test_five_hundred_seeds_meet_every_fault_step_decision_and_kind_of_end() -> None:
    assert covered(simulate(seed, shrink=False) for seed in range(ENOUGH)).missing() == []


def test_the_drawn_fleets_have_from_one_to_thirty_instances() -> None:
    sizes = {sum(consumer.instances for consumer in draw(seed).consumers) for seed in range(ENOUGH)}
    assert min(sizes) == 1
    assert max(sizes) <= MAX_INSTANCES


def test_a_run_that_met_too_little_says_what_it_did_not_meet() -> None:
    report = run(replace(draw(1), faults=()))
    assert covered([report]).missing() == []  # one seed proves nothing about coverage
    missing = covered([report] * ENOUGH).missing()
    assert {f"fault {kind}" for kind in KINDS} <= set(missing)
    assert set(missing) < set(WANTED)


def test_the_command_runs_its_seeds_in_parallel_processes_and_says_what_they_met() -> None:
    words = [sys.executable, "-m", "rotator.sandbox.sim", "--seeds", "2", "--jobs", "2", "--json"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["seeds"], found["broken"]) == (2, [])
    assert sum(found["met"].values()) > 0
