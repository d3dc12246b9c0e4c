"""The rules, one by one, and over rotations that nobody thought of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rotator.core.approval import approved
from rotator.core.decide import decide
from rotator.core.plan import ARCHIVE, DISABLE, DRAIN, SOAK
from rotator.core.status import status
from rotator.core.windows import freshness
from rotator.model.canonical import JsonObject
from rotator.model.decision import Ask, Close, Do, Exit, Stop, Undo, Wait
from rotator.model.measure import Verdict
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Mark, NewKey, Outcome, Rotation
from tests.unit.core_rotations import (
    NEW,
    NOW,
    a_plan,
    a_rotation,
    all_passed,
    approved_for,
    evidence,
    state,
    yes,
)

_ENDS = (Do, Undo, Wait, Ask, Stop, Close)


def test_a_new_rotation_begins_with_the_key() -> None:
    assert decide(a_rotation(), NOW) == Do(StepId("adopt"))


def test_with_every_gate_fresh_only_the_yes_is_missing() -> None:
    asked = decide(all_passed(upto=DISABLE), NOW)
    assert isinstance(asked, Ask)
    assert asked.what == "disable"


def test_with_a_yes_the_old_key_is_disabled() -> None:
    assert decide(approved_for(all_passed(upto=DISABLE), "disable"), NOW) == Do(DISABLE)


@pytest.mark.parametrize("gate", a_plan().step(DISABLE).needs, ids=str)
def test_a_yes_is_worth_nothing_where_a_gate_is_stale(gate: StepId) -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    old = evidence(gate, at=NOW - freshness(rotation) - timedelta(seconds=1))
    assert decide(replace(rotation, gates={**rotation.gates, gate: old}), NOW) == Do(gate)


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.ERRORED])
@pytest.mark.parametrize("gate", a_plan().step(DISABLE).needs, ids=str)
def test_a_yes_is_worth_nothing_where_a_required_gate_does_not_hold(gate: StepId, verdict: Verdict) -> None:
    rotation = all_passed(upto=DISABLE)
    rotation = replace(rotation, gates={**rotation.gates, gate: evidence(gate, verdict)})
    decision = decide(approved_for(rotation, "disable"), NOW)
    assert (decision == Do(DISABLE)) is rotation.plan.optional(gate)


def test_a_measurement_that_nobody_made_is_made_first() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    gates = {gate: one for gate, one in rotation.gates.items() if gate != DRAIN}
    assert decide(replace(rotation, gates=gates), NOW) == Do(DRAIN)


def test_a_horizon_is_not_gone_beyond() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    assert decide(rotation, NOW, Phase.OVERLAP) == Stop(Exit.DONE, "OVERLAP is done", "finish")
    assert decide(rotation, NOW, Phase.EXPAND) == Stop(Exit.DONE, "EXPAND is done", "verify")


def test_an_intent_that_is_found_open_comes_before_any_gate() -> None:
    rotation = all_passed(upto=DISABLE, at=NOW - timedelta(days=1))
    rotation = replace(rotation, steps={**rotation.steps, DISABLE: state(Mark.OPEN)})
    assert decide(rotation, NOW) == Do(DISABLE)


def test_an_effect_that_nobody_can_tell_waits_for_a_person() -> None:
    rotation = all_passed(upto=DISABLE)
    rotation = replace(rotation, steps={**rotation.steps, DISABLE: state(Mark.OPEN, unclear=True, error="?")})
    asked = decide(rotation, NOW)
    assert isinstance(asked, Ask)
    assert asked.what == "applied:disable"


def test_a_failed_soak_takes_the_disable_back() -> None:
    rotation = all_passed(upto=SOAK)
    rotation = replace(rotation, gates={**rotation.gates, SOAK: evidence(SOAK, Verdict.FAILED)})
    assert decide(rotation, NOW) == Undo(DISABLE, "because")


def test_a_soak_that_misses_a_persons_word_for_a_consumer_asks_for_it_and_then_looks_again() -> None:
    over = NOW + timedelta(days=1)
    facts: JsonObject = {"unknown": ["observe laptops"], "elapsed": True}
    soaked = evidence(SOAK, Verdict.INCONCLUSIVE, at=over, facts=facts)._replace(began=NOW)
    rotation = all_passed(upto=SOAK)
    rotation = replace(rotation, approvals=(), gates={**rotation.gates, SOAK: soaked})
    assert decide(rotation, over) == Ask("consumer:laptops", "Reloaded?")
    answered = replace(rotation, approvals=(replace(yes(rotation, "consumer:laptops"), seq=soaked.seq + 1),))
    assert decide(answered, over) == Do(SOAK)


def test_a_failed_soak_of_a_leaked_key_takes_nothing_back() -> None:
    rotation = all_passed(a_plan({"reenable": "never"}), upto=SOAK)
    rotation = replace(rotation, gates={**rotation.gates, SOAK: evidence(SOAK, Verdict.FAILED)})
    decision = decide(rotation, NOW)
    assert isinstance(decision, Stop)
    assert decision.exit is Exit.GATE_FAILED


def test_a_finished_rotation_is_closed_and_then_nothing_more_happens() -> None:
    rotation = all_passed()
    assert decide(rotation, NOW) == Close(completed=True)
    for outcome in (Outcome.COMPLETED, Outcome.ROLLED_BACK, Outcome.ABANDONED):
        assert isinstance(decide(replace(rotation, outcome=outcome), NOW), Stop)


# --- over rotations that nobody thought of

_PLANS = [
    a_plan({**leak, **policy}, first=first, managed=managed)
    for leak in ({}, {"reenable": "never"})
    for policy in ({}, {"waves": "together"}, {"approve_disable": "scheduled", "approve_archive": "scheduled"})
    for first in (False, True)
    for managed in (False, True)
]
_AGES = st.sampled_from([0, 1, 30, 59, 61, 300, 4000, 10**6, -30, -4000])  # clocks differ


@st.composite
def rotations(draw: st.DrawFn) -> Rotation:
    """Any marks, evidence and approvals that a log could hold, in any combination, far beyond what a run can reach."""
    rotation = replace(a_rotation(draw(st.sampled_from(_PLANS))), opened_at=NOW - timedelta(seconds=draw(_AGES)))
    leaked = rotation.plan.playbook.leaked
    steps, gates = {}, {}
    mostly = draw(st.booleans())
    for step in rotation.plan.steps:
        at = NOW - timedelta(seconds=draw(_AGES))
        if step.effect:
            marks = [mark for mark in Mark if not (leaked and mark is Mark.UNDOING)]
            mark = draw(
                st.sampled_from([Mark.APPLIED, Mark.APPLIED, Mark.APPLIED, *marks] if mostly else [None, *marks])
            )
            if mark is None:
                continue
            failed = mark is not Mark.APPLIED and draw(st.booleans())
            steps[step.id] = state(
                mark,
                at,
                attempts=draw(st.integers(0, 7)),
                error="it failed" if failed else None,
                stop=draw(st.sampled_from([None, Exit.OUTSIDE])) if failed else None,
                unclear=failed and draw(st.booleans()),
            )
        else:
            verdict = draw(st.sampled_from([Verdict.PASSED] * 5 + [*Verdict] if mostly else [None, *Verdict]))
            if verdict is not None:
                gates[step.id] = evidence(step.id, verdict, at, final=draw(st.booleans()))
    if DISABLE not in steps:
        gates.pop(SOAK, None)  # nothing soaks before it is disabled
    rotation = replace(
        rotation,
        steps=steps,
        gates=gates,
        new=NewKey(fingerprint=NEW, key_id=None),
        entered=NOW - timedelta(seconds=draw(_AGES)),
        entered_seq=draw(st.sampled_from([1, 1, 3])),
        reenabled=draw(st.sampled_from([None, None, None, "somebody missed it"])),
    )
    words = [what for what in ("disable", "archive") if not rotation.plan.first]
    given_yes = [yes(rotation, what) for what in words if draw(st.booleans())]
    given_yes += [yes(rotation, "consumer:laptops")] if draw(st.booleans()) else []
    rotation = replace(rotation, approvals=tuple(given_yes), lapses=draw(st.sampled_from([0, 0, 0, 1])))
    back = yes(rotation, "rollback") if draw(st.sampled_from([False, False, True])) else None
    return replace(rotation, rolling_back=back)


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(rotations(), st.sampled_from(Phase))
def test_there_is_always_exactly_one_answer_and_it_keeps_the_laws(rotation: Rotation, horizon: Phase) -> None:
    decision = decide(rotation, NOW, horizon)
    assert isinstance(decision, _ENDS)
    status("prod-chat", rotation, NOW)
    leaked = rotation.plan.playbook.leaked
    if decision == Do(DISABLE) and _begins(rotation, DISABLE):
        _rests_on_its_gates(rotation, DISABLE)
        assert horizon is Phase.CONTRACT
    if decision == Do(ARCHIVE) and _begins(rotation, ARCHIVE):
        _rests_on_its_gates(rotation, ARCHIVE)
        assert rotation.steps[DISABLE].mark is Mark.APPLIED
    if isinstance(decision, Undo) and leaked:
        assert decision.step.verb not in ("disable", "promote")
    if isinstance(decision, Undo) and decision.step.verb in ("promote", "deploy", "stage"):
        assert rotation.rolling_back is not None or rotation.steps[decision.step].mark is Mark.UNDOING
        assert rotation.steps.get(DISABLE) is None or rotation.steps[DISABLE].mark is not Mark.APPLIED
    if isinstance(decision, Wait):
        assert decision.look_at > NOW


def _begins(rotation: Rotation, step: StepId) -> bool:
    """Where an intent is open already, `Do` means: inspect it."""
    known = rotation.steps.get(step)
    return known is None or known.mark is not Mark.OPEN


def _rests_on_its_gates(rotation: Rotation, step: StepId) -> None:
    assert rotation.plan.step(step).needs
    for gate in rotation.plan.step(step).needs:
        found = rotation.gates[gate]
        assert found.measurement.verdict is Verdict.PASSED or rotation.plan.optional(gate)
        assert timedelta() <= NOW - found.at <= freshness(rotation)
    assert approved(rotation, step) is not None
    assert rotation.reenabled is None
    assert rotation.rolling_back is None
