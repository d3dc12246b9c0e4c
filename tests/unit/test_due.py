from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rotator.core.due import Due, due, in_use_since
from rotator.model.rotation import Outcome, Rotation
from tests.unit.core_rotations import NOW, a_rotation, all_passed

DAY = timedelta(days=1)
DONE = replace(all_passed(), outcome=Outcome.COMPLETED, ended_at=NOW)


def found(*rotations: Rotation, max_age: timedelta | None = 90 * DAY, after: timedelta = DAY) -> Due | None:
    return due("prod-chat", rotations, max_age, NOW + after)


def test_a_key_that_is_young_enough_is_not_due() -> None:
    assert found(DONE, after=90 * DAY) is None


def test_a_key_over_its_max_age_is_due_and_a_rotation_is_what_it_wants() -> None:
    over = found(DONE, after=91 * DAY)
    assert over is not None
    assert over.why == ("the key is 91.0 days old, and max_age is 90 days",)
    assert over.next == "rotate start prod-chat"
    assert over.to_json()["age"] == 91.0


def test_without_max_age_no_age_is_too_old() -> None:
    assert found(DONE, max_age=None, after=9000 * DAY) is None


def test_a_key_that_no_rotation_brought_has_an_unknown_age_and_that_is_said() -> None:
    unknown = found()
    assert unknown is not None
    assert "age is unknown" in unknown.why[0]
    assert unknown.to_json()["age"] is None


def test_a_rotation_near_its_deadline_is_due_and_one_past_it_owes() -> None:
    opened = a_rotation()
    assert found(opened, max_age=None, after=5 * DAY) is None
    near = found(opened, max_age=None, after=6 * DAY)
    assert near is not None
    assert "should be complete by" in near.why[0]
    assert near.next == "rotate status prod-chat"
    past = found(opened, max_age=None, after=8 * DAY)
    assert past is not None
    assert (past.why, [debt.kind for debt in past.debts]) == ((), ["deadline"])


def test_the_key_in_use_is_the_one_that_the_last_rotation_really_brought() -> None:
    back = replace(all_passed(), outcome=Outcome.ROLLED_BACK, opened_at=NOW + 9 * DAY)
    walked_away = replace(all_passed(), outcome=Outcome.ABANDONED, opened_at=NOW + 5 * DAY)
    half_way = replace(a_rotation(), outcome=Outcome.ABANDONED, opened_at=NOW + 7 * DAY)
    assert in_use_since([]) is None
    assert in_use_since([DONE, back, half_way]) == NOW
    assert in_use_since([DONE, walked_away, back]) == NOW + 5 * DAY
