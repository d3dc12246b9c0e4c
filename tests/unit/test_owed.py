from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rotator.core.owed import owed
from rotator.core.plan import DISABLE, SOAK
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Outcome
from tests.unit.core_rotations import NOW, a_rotation, all_passed, evidence


def test_a_rotation_on_its_way_owes_nothing() -> None:
    assert list(owed(all_passed(upto=DISABLE), NOW)) == []


def test_an_old_key_that_came_back_is_owed_until_somebody_goes_on() -> None:
    rotation = replace(all_passed(upto=DISABLE), reenabled="chat missed it")
    assert "chat missed it" in next(owed(rotation, NOW))


def test_a_rotation_past_its_deadline_is_owed() -> None:
    assert "should have been complete" in next(owed(a_rotation(), NOW + timedelta(days=8)))


def test_an_abandoned_rotation_owes_the_old_keys_end() -> None:
    active = replace(all_passed(upto=DISABLE), outcome=Outcome.ABANDONED)
    disabled = replace(all_passed(upto=SOAK), outcome=Outcome.ABANDONED)
    assert "still active" in next(owed(active, NOW))
    assert "never archived" in next(owed(disabled, NOW))


def test_an_abandoned_rotation_that_only_stored_the_new_key_owes_that() -> None:
    rotation = replace(all_passed(upto=StepId("promote", "aws-sm://eu-west-1/a")), outcome=Outcome.ABANDONED)
    assert "left pending" in next(owed(rotation, NOW))


def test_a_consumer_that_was_passed_over_stays_visible() -> None:
    shadow = StepId("observe", "shadow")
    rotation = all_passed(upto=SOAK)
    rotation = replace(rotation, gates={**rotation.gates, shadow: evidence(shadow, Verdict.FAILED)})
    assert "shadow" in next(owed(rotation, NOW))


def test_a_finished_or_rolled_back_rotation_owes_nothing() -> None:
    for outcome in (Outcome.COMPLETED, Outcome.ROLLED_BACK):
        assert list(owed(replace(all_passed(), outcome=outcome), NOW)) == []
