"""The way back: the old key works again before anything points to it; and what a person reads where it stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rotator.core.decide import decide, given_up, never_fresh
from rotator.core.plan import ARCHIVE, DISABLE
from rotator.model.decision import Ask, Close, Do, Exit, Stop, Undo
from rotator.model.measure import Verdict
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Mark, Outcome, Rotation
from tests.unit.core_rotations import NOW, SECRETS, a_plan, all_passed, evidence, state, yes

CHAT, BATCH = StepId("deploy", "chat"), StepId("deploy", "batch")


def back(upto: StepId | None = ARCHIVE, policy: dict[str, Any] | None = None, **plan: Any) -> Rotation:
    """Everything before `upto` was done, and a rollback is ordered: no gate counts any more."""
    rotation = all_passed(a_plan(policy, **plan), upto=upto)
    return replace(rotation, rolling_back=yes(rotation, "rollback"), gates={})


def undone(rotation: Rotation, *steps: StepId) -> Rotation:
    return replace(rotation, steps={**rotation.steps, **{step: state(Mark.UNDONE) for step in steps}})


def seen_on_the_old_key(rotation: Rotation) -> Rotation:
    gates = {StepId("observe", one.name): evidence(StepId("observe", one.name)) for one in rotation.plan.consumers}
    return replace(rotation, gates=gates)


def test_a_rollback_takes_back_one_step_after_the_other_and_the_key_first_of_all() -> None:
    rotation = back()
    order = [DISABLE, *(StepId("promote", secret) for secret in SECRETS), CHAT, BATCH]
    for step in order:
        assert decide(rotation, NOW) == Undo(step, "rollback")
        rotation = undone(rotation, step)
    assert decide(rotation, NOW) == Do(StepId("observe", "chat"))
    rotation = seen_on_the_old_key(rotation)
    for secret in SECRETS:
        assert decide(rotation, NOW) == Undo(StepId("stage", secret), "rollback")
        rotation = undone(rotation, StepId("stage", secret))
    assert decide(rotation, NOW) == Close(completed=False)


def test_before_anything_was_promoted_only_the_pending_versions_are_taken_away() -> None:
    rotation = back(upto=StepId("promote", SECRETS[0]))
    assert decide(rotation, NOW) == Undo(StepId("stage", SECRETS[0]), "rollback")
    rotation = undone(rotation, *(StepId("stage", secret) for secret in SECRETS))
    assert decide(rotation, NOW) == Close(completed=False)


def test_a_deploy_that_was_never_made_is_undone_too_for_an_instance_may_have_started_by_itself() -> None:
    rotation = undone(back(), DISABLE, *(StepId("promote", secret) for secret in SECRETS))
    never = {step: state for step, state in rotation.steps.items() if step != CHAT}
    assert decide(replace(rotation, steps=never), NOW) == Undo(CHAT, "rollback")


def test_where_places_drifted_only_what_was_deployed_is_deployed_back_and_nobody_is_waited_for() -> None:
    rotation = back(upto=DISABLE)
    rotation = replace(rotation, plan=replace(rotation.plan, right=SECRETS[0]))
    rotation = undone(rotation, *(StepId("promote", secret) for secret in SECRETS))
    held = {**rotation.steps, CHAT: state(Mark.APPLIED, data={"held": True})}
    assert decide(replace(rotation, steps=held), NOW) == Undo(BATCH, "rollback")
    assert decide(undone(replace(rotation, steps=held), BATCH), NOW) == Undo(StepId("stage", SECRETS[0]), "rollback")


def test_an_effect_that_is_taken_back_in_vain_is_waited_for_like_any_other() -> None:
    rotation = back()
    failed = state(Mark.UNDOING, stop=Exit.OUTSIDE, error="you may not", hint="ask for the right")
    stop = decide(
        replace(rotation, steps={**rotation.steps, StepId("promote", SECRETS[0]): failed, DISABLE: state(Mark.UNDONE)}),
        NOW,
    )
    assert stop == Stop(Exit.OUTSIDE, f"promote {SECRETS[0]}: you may not", "resume", "ask for the right")


def test_from_an_archived_key_there_is_no_way_back_and_one_that_may_be_is_looked_at_first() -> None:
    rotation = back()
    for mark in (Mark.APPLIED, Mark.OPEN, Mark.READY):
        archive = {**rotation.steps, ARCHIVE: state(mark)}
        decision = decide(replace(rotation, steps=archive), NOW)
        match mark:
            case Mark.APPLIED:
                assert decision == Stop(Exit.USAGE, "the old key is archived: from here it goes forward only", "finish")
            case Mark.OPEN:
                assert decision == Do(ARCHIVE)
            case Mark.READY:
                assert decision == Undo(DISABLE, "rollback")
    unclear = {**rotation.steps, ARCHIVE: state(Mark.OPEN, unclear=True, error="?")}
    assert isinstance(decide(replace(rotation, steps=unclear), NOW), Ask)


def test_a_leaked_key_is_gone_back_to_only_where_nothing_points_away_from_it_yet() -> None:
    leaks = {"reenable": "never"}
    stop = Stop(Exit.USAGE, "the old key leaked: it is never restored or enabled again", "finish")
    assert decide(back(policy=leaks), NOW) == stop
    assert decide(back(upto=DISABLE, policy=leaks), NOW) == stop
    staged = back(upto=StepId("promote", SECRETS[0]), policy=leaks)
    assert decide(staged, NOW) == Undo(StepId("stage", SECRETS[0]), "rollback")
    only_disabled = replace(staged, steps={**staged.steps, DISABLE: state(Mark.APPLIED)})
    assert decide(only_disabled, NOW) == stop


@pytest.mark.parametrize(
    ("outcome", "right", "stop"),
    [
        (Outcome.COMPLETED, None, Stop(Exit.DONE, "the rotation is complete")),
        (Outcome.COMPLETED, "r", Stop(Exit.DONE, f"the key of r is current in {', '.join(SECRETS)} now")),
        (Outcome.ROLLED_BACK, None, Stop(Exit.ROLLED_BACK, "the rotation was rolled back")),
        (Outcome.ABANDONED, None, Stop(Exit.OWED, "the rotation was abandoned")),
    ],
)
def test_how_a_rotation_ended_is_said(outcome: Outcome, right: str | None, stop: Stop) -> None:
    rotation = all_passed()
    rotation = replace(rotation, outcome=outcome, plan=replace(rotation.plan, right=right))
    assert decide(rotation, NOW) == stop


@pytest.mark.parametrize(
    ("hint", "command", "left"),
    [
        ("ask for the right", "resume", "ask for the right"),
        ("rotate resume prod", "rotate resume prod", ""),
        ("", "resume", ""),
    ],
)
def test_a_hint_that_is_a_command_is_what_to_type_next(hint: str, command: str, left: str) -> None:
    refused = state(Mark.OPEN, stop=Exit.OUTSIDE, error="no", hint=hint)
    assert given_up(CHAT, refused) == Stop(Exit.OUTSIDE, "deploy chat: no", command, left)
    worn_out = given_up(CHAT, state(Mark.OPEN, attempts=6, error="no", hint=hint))
    assert worn_out is not None
    assert (worn_out.next, worn_out.hint) == ("resume", left)
    assert given_up(CHAT, state(Mark.OPEN, attempts=9)) is None


@pytest.mark.parametrize(
    ("upto", "plan", "question"),
    [
        (DISABLE, {}, "disable the old key .*? It can be enabled again. because"),
        (ARCHIVE, {}, "archive the old key .*It has soaked; this is the one step that cannot be undone"),
        (ARCHIVE, {"managed": False}, "has somebody deleted the old key .* by hand, in Anthropic's Console"),
    ],
)
def test_the_question_says_which_key_and_what_it_means(upto: StepId, plan: dict[str, Any], question: str) -> None:
    rotation = all_passed(a_plan(**plan), upto=upto)
    asked = decide(rotation, NOW)
    assert isinstance(asked, Ask)
    assert rotation.old is not None
    assert str(rotation.old.fingerprint) in asked.why
    pieces = question.split(".*")
    assert all(piece.strip("? ") in asked.why for piece in pieces)


def test_a_key_that_came_back_by_itself_stops_the_rotation_until_somebody_goes_on() -> None:
    rotation = replace(all_passed(upto=DISABLE), reenabled="missed")
    why = "the old key was enabled again by itself: missed"
    assert decide(rotation, NOW) == Stop(Exit.GATE_FAILED, why, "verify")


def test_past_the_deadline_a_rotation_that_took_nothing_away_stops() -> None:
    rotation = all_passed(upto=DISABLE)
    late = NOW + rotation.plan.playbook.deadline
    stop = decide(rotation, late)
    assert isinstance(stop, Stop)
    assert (stop.exit, stop.next) == (Exit.GATE_FAILED, "resume")
    assert not isinstance(decide(all_passed(upto=ARCHIVE), late, Phase.EXPAND), Stop)


def test_the_overlap_is_left_only_with_each_of_its_gates_fresh() -> None:
    rotation = all_passed(upto=DISABLE)
    stale = {
        **rotation.gates,
        StepId("observe", "batch"): evidence(StepId("observe", "batch"), Verdict.INCONCLUSIVE, final=True),
    }
    stop = decide(replace(rotation, gates=stale), NOW, Phase.OVERLAP)
    assert isinstance(stop, Stop)
    assert stop.exit is Exit.INCONCLUSIVE


def test_gates_that_are_never_all_fresh_are_explained() -> None:
    stop = never_fresh(all_passed())
    assert (stop.exit, stop.next) == (Exit.INCONCLUSIVE, "rollback")
    assert stop.hint.endswith("`observe.interval`: evidence counts for four of them")
