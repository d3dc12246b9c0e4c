"""A yes counts for exactly the plan and the evidence that it was given for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.core.approval import (
    UNPROVEN,
    answer,
    approved,
    last_change,
    may_take_on,
    scheduled,
    taken_on,
    unproven_digest,
)
from rotator.core.drain import ACCESS, CONTROL, LAG, READING
from rotator.core.plan import ARCHIVE, DISABLE, DRAIN, PINGS
from rotator.model.keys import Fingerprint
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Mark, NewKey
from tests.unit.core_rotations import NOW, a_plan, all_passed, approved_for, evidence, state, yes


def test_a_yes_counts_while_nothing_changes() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    assert approved(rotation, DISABLE)
    later = {gate: one._replace(at=NOW + timedelta(days=1)) for gate, one in rotation.gates.items()}
    assert approved(replace(rotation, gates=later), DISABLE)


def test_a_yes_is_void_under_another_plan() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    assert approved(replace(rotation, plan_digest="other"), DISABLE) is None


def test_a_yes_is_void_once_a_gate_lapsed() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    assert approved(replace(rotation, lapses=1), DISABLE) is None


def test_a_yes_is_void_for_another_verdict_or_another_key() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    failed = replace(rotation, gates={**rotation.gates, PINGS: evidence(PINGS, Verdict.FAILED)})
    other = replace(rotation, new=NewKey(fingerprint=Fingerprint.of("x" * 108), key_id=None))
    assert approved(failed, DISABLE) is None
    assert approved(other, DISABLE) is None


def test_a_yes_to_disabling_is_none_to_archiving() -> None:
    assert approved(approved_for(all_passed(upto=ARCHIVE), "disable"), ARCHIVE) is None


def test_a_schedule_may_approve_what_the_playbook_lets_it_but_nothing_unproven_that_must_be_asked() -> None:
    lets = {"approve_disable": "scheduled", "approve_archive": "scheduled"}
    rotation = all_passed(a_plan(lets), upto=DISABLE)
    assert scheduled(rotation, DISABLE)
    assert scheduled(rotation, ARCHIVE)
    unproven = evidence(DRAIN, facts={"unproven": True})
    assert not scheduled(replace(rotation, gates={**rotation.gates, DRAIN: unproven}), DISABLE)
    assert not scheduled(all_passed(upto=DISABLE), DISABLE)


def test_a_schedule_does_not_disable_what_a_stranger_used_or_somebody_missed_before() -> None:
    rotation = all_passed(a_plan({"approve_disable": "scheduled"}), upto=DISABLE)
    stranger = evidence(DRAIN, facts={"unproven": False, "stray": {"at_least": 1}})
    assert not scheduled(replace(rotation, gates={**rotation.gates, DRAIN: stranger}), DISABLE)
    missed = {**rotation.steps, DISABLE: state(Mark.UNDONE)}
    assert not scheduled(replace(rotation, steps=missed), DISABLE)
    assert scheduled(replace(rotation, steps={**rotation.steps, DISABLE: state(Mark.READY)}), DISABLE)


def test_a_schedule_cannot_attest_what_a_person_must_do_by_hand() -> None:
    rotation = all_passed(a_plan({"approve_archive": "scheduled"}, managed=False), upto=ARCHIVE)
    assert not scheduled(rotation, ARCHIVE)


def test_an_answer_counts_only_after_the_last_thing_that_could_have_changed_it() -> None:
    rotation = all_passed(upto=DISABLE)
    assert answer(rotation, "laptops") == yes(rotation, "consumer:laptops")
    promoted = {step: state(Mark.APPLIED, NOW - timedelta(hours=1), seq=4) for step in rotation.steps}
    assert answer(replace(rotation, steps=promoted), "laptops") is None
    assert answer(replace(rotation, steps={}), "laptops") is None


def test_a_deploy_of_another_consumer_does_not_void_an_answer_and_one_of_its_own_does() -> None:
    rotation = all_passed(upto=DISABLE)
    before = {step: state(Mark.APPLIED, seq=1) for step in rotation.steps}
    other = {**before, StepId("deploy", "chat"): state(Mark.APPLIED, seq=9)}
    assert answer(replace(rotation, steps=other), "laptops")
    own = {**before, StepId("deploy", "laptops"): state(Mark.APPLIED, seq=9)}
    assert answer(replace(rotation, steps=own), "laptops") is None
    staged = {**before, StepId("stage", "laptops"): state(Mark.APPLIED, seq=9)}
    assert answer(replace(rotation, steps=staged), "laptops")


def test_the_last_change_is_the_latest_promotion_or_deploy_and_no_other_step() -> None:
    rotation = all_passed(upto=DISABLE)
    steps = {step: state(Mark.APPLIED, NOW + timedelta(hours=place)) for place, step in enumerate(rotation.steps)}
    changing = [one.since for step, one in steps.items() if step.verb in ("promote", "deploy")]
    assert last_change(replace(rotation, steps=steps)) == max(changing)
    only = {step: one for step, one in steps.items() if step.verb == "deploy"}
    assert last_change(replace(rotation, steps=only)) is not None
    assert last_change(replace(rotation, steps={step: steps[step] for step in steps if step.verb == "stage"})) is None


def test_a_yes_is_void_once_the_old_keys_silence_is_proven_otherwise_and_not_for_how_many_instances_there_are() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    less = {**rotation.gates, DRAIN: evidence(DRAIN, facts={"unproven": True})}
    assert approved(replace(rotation, gates=less), DISABLE) is None
    scaled = {**rotation.gates, PINGS: evidence(PINGS, facts={"instances": 30})}
    assert approved(replace(rotation, gates=scaled), DISABLE)
    unseen = {gate: one for gate, one in rotation.gates.items() if gate != DRAIN}
    assert approved(replace(rotation, gates=unseen), DISABLE) is None


ALL_THAT_A_PERSON_MAY = [LAG, CONTROL, READING, ACCESS]


@pytest.mark.parametrize(
    ("missing", "may"),
    [
        ([LAG], True),
        (ALL_THAT_A_PERSON_MAY, True),
        ([*ALL_THAT_A_PERSON_MAY, "quiet"], False),
        ([], False),
        (None, False),
    ],
)
def test_a_person_may_take_on_any_of_what_only_the_report_lacks_and_nothing_else(missing: Any, may: bool) -> None:
    rotation = all_passed(upto=DISABLE)
    unproven = evidence(DRAIN, Verdict.INCONCLUSIVE, facts={"missing": missing})
    rotation = replace(rotation, gates={**rotation.gates, DRAIN: unproven})
    said = replace(yes(rotation, UNPROVEN), evidence_digest=unproven_digest(rotation, missing))
    rotation = replace(rotation, approvals=(said,))
    assert may_take_on(rotation) is may
    assert (taken_on(rotation, missing) is not None) is may


def test_what_a_person_took_on_is_void_for_another_key_other_conditions_and_where_the_playbook_refuses() -> None:
    rotation = all_passed(upto=DISABLE)
    said = replace(yes(rotation, UNPROVEN), evidence_digest=unproven_digest(rotation, [LAG]))
    rotation = replace(rotation, approvals=(said,))
    assert taken_on(rotation, [LAG]) == said
    assert taken_on(rotation, [LAG, CONTROL]) is None
    another = NewKey(fingerprint=Fingerprint.of("x" * 108), key_id=None)
    assert taken_on(replace(rotation, new=another), [LAG]) is None
    assert rotation.old is not None
    old = replace(rotation.old, fingerprint=another.fingerprint)
    assert taken_on(replace(rotation, old=old), [LAG]) is None
    assert taken_on(replace(rotation, lapses=1), [LAG]) is None
    refuses = replace(rotation.plan.playbook, drain=replace(rotation.plan.playbook.drain, unproven="refuse"))
    assert taken_on(replace(rotation, plan=replace(rotation.plan, playbook=refuses)), [LAG]) is None


def test_a_yes_is_void_for_another_old_key() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    assert rotation.old is not None
    assert (
        approved(replace(rotation, old=replace(rotation.old, fingerprint=Fingerprint.of("x" * 108))), DISABLE) is None
    )


def test_a_schedule_may_disable_what_is_unproven_once_a_person_took_that_on() -> None:
    rotation = all_passed(a_plan({"approve_disable": "scheduled"}), upto=DISABLE)
    assert rotation.plan.playbook.drain.unproven == "ask"
    taken = evidence(DRAIN, facts={"unproven": True, "accepted_by": "ann"})
    assert scheduled(replace(rotation, gates={**rotation.gates, DRAIN: taken}), DISABLE)
