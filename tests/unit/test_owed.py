from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.core.owed import SETTLED, Debt, closing, incurred, owed
from rotator.core.plan import ARCHIVE, DISABLE, DRAIN, SOAK
from rotator.model.decision import Exit
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Approval, Mark, NewKey, OldKey, Outcome, Rotation
from tests.unit.core_rotations import (
    NEW,
    NOW,
    OLD,
    SECRETS,
    a_consumer,
    a_plan,
    a_rotation,
    all_passed,
    evidence,
    state,
)

LATER = NOW + timedelta(hours=1)
SHADOW = StepId("observe", "shadow")


def debts(*rotations: Rotation, now: datetime = NOW) -> list[Debt]:
    return owed(rotations, now)


def only(*rotations: Rotation, now: datetime = NOW) -> Debt:
    (debt,) = debts(*rotations, now=now)
    return debt


def ended(upto: StepId | None, outcome: Outcome, **changes: Any) -> Rotation:
    return replace(all_passed(upto=upto), outcome=outcome, ended_at=NOW, **changes)


def settled(rotation: Rotation, debt: Debt, at: datetime = LATER) -> Rotation:
    word = Approval(
        what=SETTLED + debt.id, by="ann", reason="deleted by hand", at=at, plan_digest="", evidence_digest=""
    )
    return replace(rotation, approvals=(*rotation.approvals, word))


def another(outcome: Outcome = Outcome.OPEN, **changes: Any) -> Rotation:
    """The next rotation of the same credential: it replaces the key that the first one brought."""
    started = a_rotation()
    assert started.old is not None
    old = OldKey(fingerprint=NEW, key_id=None, versions=started.old.versions)
    return replace(started, id="r2", old=old, outcome=outcome, **changes)


def undone(rotation: Rotation, *steps: StepId) -> Rotation:
    return replace(rotation, steps={**rotation.steps, **{step: state(Mark.UNDONE) for step in steps}})


ABANDONED = ended(DISABLE, Outcome.ABANDONED)
ROLLED_BACK = undone(
    ended(DISABLE, Outcome.ROLLED_BACK), *(StepId(verb, secret) for verb in ("stage", "promote") for secret in SECRETS)
)


def test_a_rotation_on_its_way_owes_nothing() -> None:
    assert debts(all_passed(upto=DISABLE)) == []


def test_a_consumer_that_was_taken_off_the_list_half_way_is_owed_for_as_long_as_it_is_not_proven() -> None:
    edge = StepId("observe", "edge")
    rotation = replace(all_passed(), outcome=Outcome.COMPLETED, dropped=("edge",))
    debt = only(rotation)
    assert (debt.kind, debt.subject) == ("gate", "observe edge")
    assert debt.what == "the old key was disabled while edge (taken off the list half-way) was: not measured"
    failed = replace(rotation, gates={**rotation.gates, edge: evidence(edge, Verdict.FAILED)})
    assert "was: because" in only(failed).what
    assert debts(failed, another(gates={edge: evidence(edge)})) == []
    assert debts(settled(failed, only(failed)), now=LATER) == []
    assert debts(replace(rotation, gates={**rotation.gates, edge: evidence(edge)})) == []


def test_a_completed_rotation_owes_nothing() -> None:
    assert debts(replace(all_passed(), outcome=Outcome.COMPLETED)) == []


def test_an_old_key_that_came_back_is_owed_until_somebody_goes_on() -> None:
    back = undone(all_passed(upto=DISABLE), DISABLE)
    debt = only(replace(back, reenabled="chat missed it"))
    assert "chat missed it" in debt.what
    assert debt.close == "rotate verify prod-chat"
    assert debts(back) == []


def test_a_rotation_past_its_deadline_is_owed_since_then() -> None:
    debt = only(a_rotation(), now=NOW + timedelta(days=8))
    assert "should have been complete" in debt.what
    assert debt.since == NOW + timedelta(days=7)


@pytest.mark.parametrize(
    ("rotation", "said"),
    [
        (ABANDONED, "still active"),
        (ended(SOAK, Outcome.ABANDONED), "disabled, but never archived"),
        (ended(StepId("promote", SECRETS[1]), Outcome.ABANDONED), "current in 1 of 2 secrets"),
        (replace(ABANDONED, steps={**ABANDONED.steps, DISABLE: state(Mark.OPEN)}), "nobody has looked at since"),
    ],
)
def test_an_abandoned_rotation_owes_the_old_keys_end(rotation: Rotation, said: str) -> None:
    assert said in only(rotation).what


def test_an_abandoned_rotation_that_archived_the_old_key_owes_nothing() -> None:
    assert debts(ended(StepId("tidy", SECRETS[0]), Outcome.ABANDONED)) == []


def test_an_abandoned_rotation_that_only_stored_the_new_key_owes_that() -> None:
    assert "left pending" in only(ended(StepId("promote", SECRETS[0]), Outcome.ABANDONED)).what


def test_after_a_rollback_the_new_key_is_owed_for_it_is_active_and_used_by_nobody() -> None:
    debt = only(ROLLED_BACK)
    assert f"the new key {NEW} is left active, and used by nobody" in debt.what
    assert "use it in the next `rotate start prod-chat`, or disable it" in debt.close


def test_a_leaked_key_that_was_never_replaced_is_owed() -> None:
    leaked = all_passed(a_plan({"reenable": "never"}), upto=StepId("stage", SECRETS[0]))
    found = debts(replace(leaked, outcome=Outcome.ROLLED_BACK, ended_at=NOW))
    assert [debt.kind for debt in found] == ["old_key", "new_key"]
    assert "leaked, and is still active" in found[0].what


def test_the_next_rotation_does_not_hide_what_an_abandoned_one_left() -> None:
    assert only(ABANDONED, another(), now=LATER) == only(ABANDONED)


def test_a_later_rotation_that_takes_charge_of_the_very_key_closes_the_debt() -> None:
    takes_over = replace(a_rotation(), id="r2")
    assert debts(ABANDONED, takes_over) == []
    assert closing(only(ABANDONED), [ABANDONED, takes_over]) == "rotation r2 took charge of that key"


def test_a_spare_key_is_paid_when_the_next_rotation_uses_it_and_not_when_it_uses_another() -> None:
    again = replace(a_rotation(), id="r2")
    assert only(ROLLED_BACK, again).kind == "new_key"
    assert debts(ROLLED_BACK, replace(again, new=NewKey(fingerprint=NEW, key_id=None))) == []


def test_a_named_person_settles_a_debt_in_its_own_rotation_or_in_a_later_one() -> None:
    debt = only(ABANDONED)
    assert debts(settled(ABANDONED, debt)) == []
    assert debts(ABANDONED, settled(another(), debt)) == []
    assert closing(debt, [settled(ABANDONED, debt)]) == "settled by ann: deleted by hand"


def test_a_word_given_before_the_debt_arose_closes_nothing() -> None:
    early = settled(ABANDONED, only(ABANDONED), at=NOW - timedelta(seconds=1))
    assert only(early).kind == "old_key"


def test_a_debt_that_its_end_alone_closes_is_not_settled_by_a_word() -> None:
    late = NOW + timedelta(days=8)
    debt = only(a_rotation(), now=late)
    assert only(settled(a_rotation(), debt, at=late), now=late) == debt


def test_each_debt_has_an_id_of_its_own_that_does_not_change() -> None:
    found = [only(ABANDONED), only(ROLLED_BACK), only(replace(ABANDONED, id="r9"))]
    assert len({debt.id for debt in found}) == 3
    assert only(ABANDONED, another(), now=LATER).id == found[0].id
    assert f"[{found[0].id}, since 2026-01-01 00:00 UTC]" in str(found[0])
    assert f"rotate approve prod-chat settled:{found[0].id} --by WHO --reason WHY" in str(found[0])


def passed_over(outcome: Outcome = Outcome.OPEN) -> Rotation:
    rotation = all_passed(upto=SOAK if outcome is Outcome.OPEN else None)
    return replace(
        rotation, outcome=outcome, gates={**rotation.gates, SHADOW: evidence(SHADOW, Verdict.FAILED)}, ended_at=NOW
    )


def test_a_consumer_that_was_passed_over_stays_owed_after_the_rotation_has_ended() -> None:
    for outcome in (Outcome.OPEN, Outcome.COMPLETED):
        assert "shadow (not required)" in only(passed_over(outcome)).what


def test_a_later_rotation_that_sees_that_consumer_on_a_newer_key_closes_it() -> None:
    assert debts(passed_over(Outcome.COMPLETED), another(gates={SHADOW: evidence(SHADOW)})) == []
    assert debts(passed_over(Outcome.COMPLETED), another(gates={SHADOW: evidence(SHADOW, Verdict.FAILED)})) != []


def test_a_required_gate_that_did_not_hold_at_disable_is_owed_until_the_soak_has_passed() -> None:
    chat = StepId("observe", "chat")
    rotation = all_passed(upto=SOAK)
    rotation = replace(rotation, gates={**rotation.gates, chat: evidence(chat, Verdict.INCONCLUSIVE)})
    assert "while chat was" in only(rotation).what
    assert debts(replace(rotation, gates={**rotation.gates, SOAK: evidence(SOAK)})) == []


def test_what_was_archived_has_soaked_although_another_plan_that_was_accepted_since_knows_no_evidence() -> None:
    """Killed between the archive and its record, then `resume --accept-plan`: no gate is measured any more."""
    archived = replace(all_passed(), outcome=Outcome.COMPLETED)
    known = {gate: seen for gate, seen in archived.gates.items() if gate.subject == "shadow"}  # which is not required
    assert debts(replace(archived, gates=known)) == []


def test_an_unproven_drain_is_owed_until_the_soak_has_passed_or_somebody_settles_it() -> None:
    rotation = all_passed(upto=SOAK)
    rotation = replace(rotation, gates={**rotation.gates, DRAIN: evidence(DRAIN, facts={"unproven": True})})
    debt = only(rotation)
    assert "nothing proves that it was silent" in debt.what
    assert debts(settled(rotation, debt)) == []
    assert debts(replace(rotation, gates={**rotation.gates, SOAK: evidence(SOAK)})) == []


def test_an_unproven_drain_of_an_abandoned_rotation_is_paid_by_the_one_that_takes_charge_of_that_key() -> None:
    rotation = ended(SOAK, Outcome.ABANDONED)
    rotation = replace(rotation, gates={**rotation.gates, DRAIN: evidence(DRAIN, facts={"unproven": True})})
    assert [debt.kind for debt in debts(rotation)] == ["old_key", "unproven"]
    assert debts(rotation, replace(a_rotation(), id="r2")) == []


@pytest.mark.parametrize(("step", "said"), [(DISABLE, "`disable` failed"), (ARCHIVE, "`archive` failed")])
def test_a_revocation_that_failed_is_owed_and_one_that_a_person_is_asked_to_do_is_not(step: StepId, said: str) -> None:
    rotation = all_passed(upto=step)
    broken = {**rotation.steps, step: state(Mark.OPEN, error="forbidden", stop=Exit.OUTSIDE)}
    asked = {**rotation.steps, step: state(Mark.OPEN, error="do it in the Console", stop=Exit.APPROVAL)}
    assert said in only(replace(rotation, steps=broken)).what
    assert debts(replace(rotation, steps=asked)) == []


def test_a_key_that_could_not_be_enabled_again_is_owed() -> None:
    rotation = all_passed(upto=SOAK)
    failed = state(Mark.UNDOING, error="no room for another key", stop=Exit.OUTSIDE)
    found = debts(replace(rotation, steps={**rotation.steps, DISABLE: failed}))
    assert "enabling the old key again failed" in found[0].what


def test_the_most_urgent_debt_comes_first() -> None:
    late = passed_over()
    found = debts(ABANDONED, replace(late, id="r2", old=replace_old(late)), now=NOW + timedelta(days=8))
    assert [debt.kind for debt in found] == ["old_key", "gate", "deadline"]


def replace_old(rotation: Rotation) -> OldKey:
    assert rotation.old is not None
    return replace(rotation.old, fingerprint=NEW)


def test_a_first_key_leaves_no_debt_of_an_old_one() -> None:
    first = all_passed(a_plan(consumers=(a_consumer("chat"),), first=True))
    first = replace(first, old=None, outcome=Outcome.ABANDONED, ended_at=NOW)
    assert list(incurred(first, NOW)) == []
    assert OLD != NEW
