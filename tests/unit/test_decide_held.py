"""What is tried again, when, and what is asked of a person meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.core.decide import MAX_ATTEMPTS, decide, given_up, outcome, retiring
from rotator.core.plan import ARCHIVE, DISABLE, SOAK
from rotator.model.decision import Ask, Do, Exit, Stop, Undo, Wait
from rotator.model.measure import Verdict
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Mark, Outcome, Rotation
from tests.unit.core_rotations import NOW, SECRETS, a_rotation, all_passed, approved_for, evidence, state

STAGE = StepId("stage", SECRETS[0])
SECOND = timedelta(seconds=1)


def having(rotation: Rotation, step: StepId, mark: Mark, **changes: Any) -> Rotation:
    return replace(rotation, steps={**rotation.steps, step: state(mark, **changes)})


def tried(attempts: int, step: StepId = STAGE, mark: Mark = Mark.OPEN) -> Rotation:
    """So often, and each time in vain; the last time just now."""
    return having(all_passed(upto=step), step, mark, attempts=attempts, error="it is busy")


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)])
def test_each_attempt_waits_twice_as_long_as_the_one_before(attempts: int, seconds: int) -> None:
    look_at = NOW + timedelta(seconds=seconds)
    why = f"{STAGE}: attempt {attempts} of {MAX_ATTEMPTS} failed: it is busy"
    assert decide(tried(attempts), NOW) == Wait(look_at, None, why)
    assert decide(tried(attempts), look_at - SECOND / 2) == Wait(look_at, None, why)
    assert decide(tried(attempts), look_at) == Do(STAGE)
    assert decide(tried(attempts), NOW - SECOND) == Do(STAGE)  # a clock that was set back


def test_after_the_last_attempt_a_person_is_needed() -> None:
    stop = decide(tried(MAX_ATTEMPTS), NOW)
    assert stop == Stop(Exit.OUTSIDE, f"{STAGE}: tried 6 times; the last time: it is busy", "resume")
    assert given_up(STAGE, tried(MAX_ATTEMPTS - 1).steps[STAGE]) is None


@pytest.mark.parametrize("attempts", [6, 9, 40, 2000])
def test_bringing_the_old_key_back_is_tried_for_ever_half_a_minute_apart_and_no_number_is_promised(
    attempts: int,
) -> None:
    wait = decide(tried(attempts, DISABLE, Mark.UNDOING), NOW)
    assert wait == Wait(NOW + timedelta(seconds=30), None, f"disable: attempt {attempts} failed: it is busy")


def test_an_attempt_that_left_nothing_is_made_again_at_once() -> None:
    assert decide(tried(3, mark=Mark.READY), NOW) == Do(STAGE)


def test_an_effect_that_was_being_taken_back_is_taken_back_for_the_reason_it_was() -> None:
    rotation = having(all_passed(upto=SOAK), DISABLE, Mark.UNDOING, data={"why": "missed"})
    assert decide(rotation, NOW) == Undo(DISABLE, "missed")


@pytest.mark.parametrize(
    ("step", "remedy"),
    [(DISABLE, "enable the old key in the Console, by hand"), (STAGE, f"take `{STAGE}` back, by hand")],
    ids=str,
)
def test_where_nobody_can_tell_whether_it_is_taken_back_a_person_is_told_what_to_do(step: StepId, remedy: str) -> None:
    asked = decide(having(all_passed(upto=step), step, Mark.UNDOING, unclear=True, error="no answer"), NOW)
    assert isinstance(asked, Ask)
    assert asked.what == f"absent:{step}"
    assert remedy in asked.why


def by_hand(**gates: Verdict) -> Rotation:
    """A person was asked to disable the old key, some seconds ago."""
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    measured = {StepId(gate): evidence(StepId(gate), verdict, final=True) for gate, verdict in gates.items()}
    rotation = replace(rotation, gates={**rotation.gates, **measured})
    return having(rotation, DISABLE, Mark.OPEN, stop=Exit.APPROVAL, error="disable it by hand")


def test_a_person_is_told_to_leave_the_old_key_once_a_gate_no_longer_holds() -> None:
    stop = decide(by_hand(pings=Verdict.FAILED), NOW)
    assert stop == Stop(Exit.GATE_FAILED, "do NOT disable the old key by hand yet: pings: because", "finish")


@pytest.mark.parametrize("since", [timedelta(seconds=30), timedelta(hours=1), -SECOND])
def test_before_that_it_is_looked_whether_the_person_has_done_it(since: timedelta) -> None:
    assert decide(by_hand(pings=Verdict.FAILED), NOW + since) in (Do(DISABLE), Do(StepId("observe", "chat")))
    old_gates = {gate: one._replace(at=NOW + since) for gate, one in by_hand(pings=Verdict.FAILED).gates.items()}
    assert decide(replace(by_hand(pings=Verdict.FAILED), gates=old_gates), NOW + since) == Do(DISABLE)


def test_while_the_person_is_asked_every_gate_is_kept_fresh_and_the_question_stands_until_their_yes() -> None:
    asked, later = by_hand(), NOW + timedelta(hours=1)
    assert decide(asked, later) == Do(StepId("observe", "chat"))
    fresh = replace(asked, gates={gate: one._replace(at=later) for gate, one in asked.gates.items()})
    assert decide(fresh, later) == Do(DISABLE)
    question = decide(replace(fresh, approvals=fresh.approvals[:-1]), later)
    assert isinstance(question, Ask)
    assert question.what == "disable"


@pytest.mark.parametrize(("step", "mark"), [(DISABLE, Mark.OPEN), (STAGE, Mark.UNDOING)], ids=str)
def test_nothing_else_is_tried_for_ever(step: StepId, mark: Mark) -> None:
    assert given_up(step, tried(MAX_ATTEMPTS, step, mark).steps[step]) is not None


def test_the_overlap_is_not_done_while_one_of_its_gates_is_stale() -> None:
    rotation = all_passed(upto=DISABLE)
    later = NOW + timedelta(hours=1)
    assert decide(rotation, later, Phase.OVERLAP) == Do(StepId("observe", "chat"))
    assert decide(rotation, later, Phase.EXPAND) == Stop(Exit.DONE, "EXPAND is done", "verify")


def test_past_the_deadline_nothing_is_archived_though_it_was_approved() -> None:
    rotation = approved_for(all_passed(upto=ARCHIVE), "archive")
    late = NOW + rotation.plan.playbook.deadline
    fresh = replace(rotation, gates={gate: one._replace(at=late) for gate, one in rotation.gates.items()})
    assert decide(rotation, NOW) == Do(ARCHIVE)
    stop = decide(fresh, late)
    assert isinstance(stop, Stop)
    assert "deadline has passed" in stop.why
    asked = decide(replace(fresh, approvals=()), late)
    assert isinstance(asked, Stop)
    assert isinstance(decide(replace(rotation, approvals=()), NOW), Ask)
    assert decide(replace(fresh, entered=late), late) == Do(ARCHIVE)


def test_where_somebody_may_miss_the_old_key_that_is_looked_at_whatever_command_runs() -> None:
    rotation = all_passed(upto=SOAK)
    assert decide(rotation, NOW, Phase.EXPAND) == Do(SOAK)
    missed = replace(rotation, gates={**rotation.gates, SOAK: evidence(SOAK, Verdict.FAILED)})
    assert decide(missed, NOW, Phase.OVERLAP) == Undo(DISABLE, "because")
    undoing = having(missed, DISABLE, Mark.UNDOING, data={"why": "missed"})
    assert decide(undoing, NOW, Phase.OVERLAP) == Undo(DISABLE, "missed")


def test_where_archiving_failed_the_watch_goes_on_before_it_is_tried_again() -> None:
    rotation = all_passed(upto=ARCHIVE)
    failed = having(rotation, ARCHIVE, Mark.READY, error="it is busy")
    later = NOW + timedelta(hours=1)
    given_up = having(rotation, ARCHIVE, Mark.READY, error="you may not", stop=Exit.OUTSIDE)
    for one in (failed, given_up):
        assert decide(one, later) == Do(SOAK)
    assert isinstance(decide(given_up, NOW), Stop)


def test_what_took_the_old_key_away_is_told_by_its_mark() -> None:
    rotation = all_passed(upto=DISABLE)
    assert retiring(rotation) is None
    assert [retiring(having(rotation, DISABLE, mark)) for mark in (Mark.READY, Mark.UNDONE)] == [None, None]
    for mark in (Mark.OPEN, Mark.APPLIED, Mark.UNDOING):
        assert retiring(having(rotation, DISABLE, mark)) == DISABLE
        assert retiring(having(having(rotation, DISABLE, Mark.APPLIED), ARCHIVE, mark)) == ARCHIVE


def test_an_open_rotation_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="no outcome yet"):
        outcome(a_rotation())
    assert outcome(replace(a_rotation(), outcome=Outcome.ROLLED_BACK)).exit is Exit.ROLLED_BACK
