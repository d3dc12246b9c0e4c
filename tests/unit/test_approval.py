"""A yes counts for exactly the plan and the evidence that it was given for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rotator.core.approval import answer, approved, scheduled
from rotator.core.plan import ARCHIVE, DISABLE, DRAIN, PINGS
from rotator.model.keys import Fingerprint
from rotator.model.measure import Verdict
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
