"""What the soak says of itself: where its kills struck, what it met, and that what it never met fails it."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.sandbox.soak.deck import Deck
from rotator.sandbox.soak.disturbance import COMMANDS, Blow, Dealer
from rotator.sandbox.soak.drive import Courses
from rotator.sandbox.soak.figures import lines
from rotator.sandbox.soak.instants import instant
from rotator.sandbox.soak.ledger import Ledger
from rotator.sandbox.soak.tally import ENOUGH, WANTED, WANTED_INSIDE, Tally

PID = 4711


class Log:
    """The journal's two tables, as an outsider knows them."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute(
            "CREATE TABLE rotator_events (credential, seq, rotation, at, kind, step, attempt, data, holder, prev, hash)"
        )
        self._connection.execute("CREATE TABLE rotator_leases (credential, holder, until)")
        self.ledger = Ledger(path, "prod-chat")

    def write(self, pid: int, kind: str, step: str = "", **data: object) -> None:
        row = ("prod-chat", self.ledger.seq() + 1, "r", "", kind, step, 1, json.dumps(data), holder(pid), "", "")
        self._connection.execute("INSERT INTO rotator_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def hold(self, pid: int) -> None:
        self._connection.execute("INSERT INTO rotator_leases VALUES (?, ?, ?)", ("prod-chat", holder(pid), ""))

    def close(self) -> None:
        self.ledger.close()
        self._connection.close()


def holder(pid: int) -> str:
    return f"soak@here:{pid}:1:boot:space"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "journal.db")
    yield made
    made.close()


def enough() -> Tally:
    """A tally with nothing missing."""
    tally = Tally(met=Counter(WANTED), killed=Counter(WANTED_INSIDE))
    tally.counts["kills"] = ENOUGH
    return tally


def test_a_kill_is_placed_by_what_the_process_itself_has_written(log: Log) -> None:
    log.write(1, "intended", "promote aws-sm://x")
    assert instant(log.ledger, PID, "start") == "starting start"
    log.hold(PID)
    assert instant(log.ledger, PID, "start") == "at work, nothing written yet: start"
    log.write(PID, "intended", "promote aws-sm://x")
    assert instant(log.ledger, PID, "start") == "inside promote"
    log.write(PID, "applied", "promote aws-sm://x")
    assert instant(log.ledger, PID, "start") == "after applied promote"
    log.write(PID, "intended", "promote aws-sm://x", undo=True)
    assert instant(log.ledger, PID, "rollback") == "inside the undo of promote"


def test_every_card_of_a_deck_is_dealt_before_one_comes_again() -> None:
    deck, source = Deck("ab", "c"), random.Random(7)
    for _ in range(5):
        assert sorted(deck.deal(source) for _ in range(3)) == ["a", "b", "c"]


def test_every_signal_falls_on_every_command_and_one_seed_draws_one_soak() -> None:
    first, second = (
        [dealer(source, command) for _ in range(12) for command in COMMANDS]
        for dealer, source in ((Dealer(), random.Random(3)), (Dealer(), random.Random(3)))
    )
    assert first == second
    for number in range(len(COMMANDS)):
        assert {plan.blow for plan in first[number :: len(COMMANDS)]} == {*Blow, None}


def test_a_signal_that_came_too_late_is_dealt_once_more() -> None:
    dealer, source = Dealer(), random.Random(3)
    plans = [dealer(source, "rollback") for _ in range(8)]
    too_late = next(plan for plan in plans if plan.blow is Blow.STOP)
    too_late.missed()
    assert dealer(source, "rollback").blow is Blow.STOP


def test_eleven_rotations_hold_every_course() -> None:
    courses, source = Courses(), random.Random(1)
    drawn = [courses(source) for _ in range(11)]
    assert {course.turn for course in drawn} == {None, "start", "verify", "finish"}
    assert any(course.leaked and course.turn for course in drawn)
    assert sum(course.usage for course in drawn) == 1


@pytest.mark.parametrize("what", WANTED)
def test_what_many_kills_never_met_fails_the_soak(what: str) -> None:
    tally = enough()
    assert tally.clean
    del tally.met[what]
    assert not tally.clean
    assert tally.to_json()["never_met"] == [what]
    assert f"never met: {what}" in list(lines(tally))
    tally.counts["kills"] = ENOUGH - 1
    assert tally.clean


@pytest.mark.parametrize("where", WANTED_INSIDE)
def test_kills_that_all_strike_elsewhere_fail_the_soak(where: str) -> None:
    tally = enough()
    del tally.killed[where]
    tally.killed["starting start"] = ENOUGH
    assert tally.never_met == [f"killed {where}"]


def test_two_worlds_are_added_up_and_a_finding_says_which_it_was() -> None:
    total, lane = Tally(failed_requests=1), enough()
    lane.find("hung", "this")
    lane.failed_requests = 2
    total.add(lane, "vault")
    assert total.bad["hung"] == ["vault: this"]
    assert (total.counts["kills"], total.failed_requests) == (ENOUGH, 3)
    assert total.never_met == []


def test_the_figures_fit_a_narrow_terminal() -> None:
    tally = enough()
    for code in (*range(11), -9, 130, 143):
        for command in COMMANDS:
            tally.codes[f"{command} {code}"] = 12345
    assert max(map(len, lines(tally))) <= 80
