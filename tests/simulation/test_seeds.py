"""Five hundred simulated rotations: laws after every operation, an end for every one of them, every fault met."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest

from rotator.sandbox.sim import simulate
from rotator.sandbox.sim.coverage import Coverage, covered
from rotator.sandbox.sim.faults import KINDS
from rotator.sandbox.sim.progress import Progress, bar, told
from rotator.sandbox.sim.run import run
from rotator.sandbox.sim.scenario import MAX_INSTANCES, draw
from rotator.sandbox.sim.wanted import ALL, ENOUGH, MANY, WANTED
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
    assert {"operator two at once", "operator edits the playbook", "rollout stuck", "killed after deploy"} <= set(
        missing
    )
    assert set(missing) < {what for what, enough in WANTED.items() if enough == ENOUGH}


def test_what_takes_two_rare_things_at_once_is_asked_of_many_seeds_only() -> None:
    few, many, most = (set(Coverage(seeds=seeds).missing()) for seeds in (MANY - 1, MANY, ALL))
    rare = {"key limit reached when enabling again", "killed after archive", "killed before append of applied"}
    assert not rare & few
    assert rare < many
    assert many | {"killed after enable", "ask absent"} < most == set(WANTED)


def test_the_table_has_a_row_for_everything_that_must_be_met_and_for_what_was_met_besides() -> None:
    lines = covered([run(draw(1))]).table().splitlines()
    assert [what for what in WANTED if not any(line.startswith(what) for line in lines)] == []
    assert any(line.startswith("effect store.stage ") for line in lines)


def test_what_several_processes_counted_adds_up_to_what_one_would_have_counted() -> None:
    reports = [simulate(seed) for seed in range(6)]
    total = Coverage()
    for part in (reports[4:], reports[:4]):
        total.take_in(covered(part))
    assert total == covered(reports)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_grows_in_one_line_that_fits_it() -> None:
    out = Terminal()
    progress = Progress(50, out)
    progress.come(50, 1)
    [line, rest] = out.getvalue().split("\n")
    assert line.startswith("\r[################] 50 of 50 seeds, 1 broken, ")
    assert rest == ""
    longest = f"{bar(1_000_000, 10_000_000)} {told(1_000_000, 10_000_000, 100, timedelta(hours=9))}"
    assert len(longest) <= 79, longest


def test_where_nobody_watches_a_plain_line_is_written_every_thousand_seeds() -> None:
    out = StringIO()
    progress = Progress(2500, out)
    for done in range(25, 2501, 25):
        progress.come(done, 0)
    lines = out.getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["1000 of 2500 seeds", "2000 of 2500 seeds"]


def test_the_command_runs_its_seeds_in_parallel_processes_and_says_what_they_met() -> None:
    words = [sys.executable, "-m", "rotator.sandbox.sim", "--seeds", "2", "--jobs", "2", "--json"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["seeds"], found["broken"]) == (2, [])
    assert sum(found["met"].values()) > 0
