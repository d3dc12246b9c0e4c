"""One gate and the time: what to do before it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.core import windows
from rotator.core.approval import UNPROVEN, unproven_digest
from rotator.core.drain import LAG
from rotator.core.gates import holding
from rotator.core.plan import ADOPT, DISABLE, DRAIN, PINGS, SOAK
from rotator.model.decision import Ask, Do, Exit, Stop, Undo, Wait
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Rotation
from tests.unit.core_rotations import NOW, SECRETS, a_plan, all_passed, evidence, yes

CHAT, SHADOW, ASKED = (StepId("observe", name) for name in ("chat", "shadow", "laptops"))
SECOND = timedelta(seconds=1)


def with_(gate: StepId, verdict: Verdict, rotation: Rotation | None = None, **changes: Any) -> Rotation:
    rotation = rotation or all_passed(upto=DISABLE)
    return replace(rotation, gates={**rotation.gates, gate: evidence(gate, verdict, **changes)})


def without(gate: StepId) -> Rotation:
    rotation = all_passed(upto=DISABLE)
    return replace(rotation, gates={key: one for key, one in rotation.gates.items() if key != gate})


def test_a_gate_that_was_never_measured_is_measured() -> None:
    assert holding(without(PINGS), PINGS, NOW) == Do(PINGS)


def test_a_gate_that_passed_holds_and_for_an_effect_only_while_it_is_fresh() -> None:
    rotation = all_passed(upto=DISABLE)
    assert holding(rotation, PINGS, NOW + timedelta(days=1)) is None
    assert holding(rotation, PINGS, NOW + SECOND, SECOND) is None
    assert holding(rotation, PINGS, NOW + 2 * SECOND, SECOND) == Do(PINGS)
    assert holding(rotation, PINGS, NOW - SECOND, SECOND) == Do(PINGS)  # from the future


def test_only_looking_at_a_consumer_that_is_not_required_is_optional() -> None:
    rotation = all_passed(upto=DISABLE)
    assert rotation.plan.optional(SHADOW)
    assert rotation.plan.optional(StepId("probe", "shadow"))
    assert not rotation.plan.optional(CHAT)
    assert not rotation.plan.optional(PINGS)
    assert holding(with_(SHADOW, Verdict.FAILED), SHADOW, NOW) is None


@pytest.mark.parametrize("gate", [CHAT, PINGS, ADOPT, StepId("test", SECRETS[0])], ids=str)
def test_what_did_not_pass_is_looked_at_again_after_its_interval(gate: StepId) -> None:
    rotation = with_(gate, Verdict.INCONCLUSIVE)
    look_at = NOW + windows.interval(rotation, gate)
    assert holding(rotation, gate, NOW) == Wait(look_at, None, f"{gate}: because")
    assert holding(rotation, gate, look_at - SECOND / 2) == Wait(look_at, None, f"{gate}: because")
    assert holding(rotation, gate, look_at) == Do(gate)
    assert holding(rotation, gate, NOW - SECOND) == Do(gate)  # a clock that was set back


@pytest.mark.parametrize(
    ("gate", "verdict", "exit_code", "next_"),
    [
        (CHAT, Verdict.FAILED, Exit.GATE_FAILED, "verify"),
        (StepId("probe", "chat"), Verdict.INCONCLUSIVE, Exit.INCONCLUSIVE, "verify"),
        (PINGS, Verdict.FAILED, Exit.GATE_FAILED, "rollback"),
        (PINGS, Verdict.ERRORED, Exit.OUTSIDE, "resume"),
        (ADOPT, Verdict.FAILED, Exit.GATE_FAILED, "start"),
    ],
)
def test_what_waiting_cannot_mend_stops_with_the_way_out(
    gate: StepId, verdict: Verdict, exit_code: Exit, next_: str
) -> None:
    stop = Stop(exit_code, f"{gate}: because", next_)
    assert holding(with_(gate, verdict, final=True), gate, NOW) == stop
    rotation = with_(gate, verdict)
    ends = windows.ends(rotation, gate, rotation.gates[gate])
    assert isinstance(holding(rotation, gate, NOW), Wait)
    assert holding(rotation, gate, ends) == stop
    assert holding(rotation, gate, ends - SECOND / 2) == Do(gate)


def test_the_way_out_of_a_rollback_and_of_a_leak_is_to_go_on() -> None:
    rotation = with_(CHAT, Verdict.FAILED, final=True)
    back = replace(rotation, rolling_back=yes(rotation, "rollback"))
    leaked = with_(CHAT, Verdict.FAILED, all_passed(a_plan({"reenable": "never"}), upto=DISABLE), final=True)
    for one in (back, leaked):
        stop = holding(one, CHAT, NOW)
        assert isinstance(stop, Stop)
        assert stop.next == "resume"
    drifted = with_(ADOPT, Verdict.FAILED, final=True)
    drifted = replace(drifted, plan=replace(drifted.plan, right=SECRETS[0]))
    stop = holding(drifted, ADOPT, NOW)
    assert isinstance(stop, Stop)
    assert stop.next == "rollback"


def test_what_was_measured_before_an_operator_went_on_is_measured_anew() -> None:
    rotation = with_(CHAT, Verdict.FAILED, final=True)
    assert holding(replace(rotation, entered_seq=3), CHAT, NOW) == Do(CHAT)
    asked = with_(ASKED, Verdict.INCONCLUSIVE)
    assert isinstance(holding(replace(asked, entered_seq=3, approvals=()), ASKED, NOW), Ask)


def test_a_consumer_that_a_person_observes_waits_for_their_word_and_in_a_rollback_for_another() -> None:
    rotation = replace(without(ASKED), approvals=())
    assert holding(rotation, ASKED, NOW) == Ask("consumer:laptops", "Reloaded?")
    back = replace(rotation, rolling_back=yes(rotation, "rollback"))
    asked = Ask("consumer:laptops", "laptops should use the OLD key again. Reloaded?")
    assert holding(back, ASKED, NOW) == asked
    assert holding(without(ASKED), ASKED, NOW) == Do(ASKED)
    assert holding(without(CHAT), CHAT, NOW) == Do(CHAT)


def test_a_soak_that_failed_takes_the_disable_back_unless_the_key_leaked() -> None:
    rotation = with_(SOAK, Verdict.FAILED, all_passed(upto=SOAK))
    assert holding(rotation, SOAK, NOW) == Undo(DISABLE, "because")
    leaked = with_(SOAK, Verdict.FAILED, all_passed(a_plan({"reenable": "never"}), upto=SOAK))
    assert isinstance(holding(leaked, SOAK, NOW), Stop)
    assert isinstance(holding(with_(SOAK, Verdict.INCONCLUSIVE, all_passed(upto=SOAK)), SOAK, NOW), Wait)


def test_a_soak_is_looked_at_by_its_interval_and_says_when_it_ends() -> None:
    rotation = with_(SOAK, Verdict.INCONCLUSIVE, all_passed(upto=SOAK))
    ends = windows.soak_ends(rotation)
    assert holding(rotation, SOAK, NOW) == Wait(NOW + timedelta(seconds=5), ends, "soak: because")
    near = replace(rotation, gates={SOAK: rotation.gates[SOAK]._replace(at=ends - SECOND)})
    assert holding(near, SOAK, ends - SECOND) == Wait(ends, ends, "soak: because")
    over = replace(rotation, gates={SOAK: rotation.gates[SOAK]._replace(at=ends)})
    assert holding(over, SOAK, ends) == Wait(ends + timedelta(seconds=5), None, "soak: because")


def draining(verdict: Verdict, at: datetime = NOW, **changes: Any) -> Rotation:
    """Read by the clock alone, unless there is a fact of its usage."""
    return with_(DRAIN, verdict, facts={"missing": [LAG], **changes.pop("facts", {})}, at=at, **changes)


def test_a_quiet_window_that_only_the_clock_ends_is_not_looked_into_before() -> None:
    rotation = draining(Verdict.INCONCLUSIVE)
    closes = windows.drain_window(rotation)[1]
    assert holding(rotation, DRAIN, NOW) == Wait(closes, closes, "drain: because")
    assert holding(rotation, DRAIN, closes) == Do(DRAIN)
    after = draining(Verdict.INCONCLUSIVE, at=closes)
    assert holding(after, DRAIN, closes) == Wait(closes + windows.interval(after, DRAIN), None, "drain: because")


def test_a_quiet_window_whose_usage_is_read_is_looked_into_once_a_minute() -> None:
    facts = {"usage": {"source": "analytics"}}
    expected = NOW + timedelta(hours=1)
    rotation = draining(Verdict.INCONCLUSIVE, facts=facts, proof={"expected": expected.isoformat()})
    assert holding(rotation, DRAIN, NOW) == Wait(NOW + timedelta(minutes=1), expected, "drain: because")
    assert holding(rotation, DRAIN, NOW + timedelta(minutes=1)) == Do(DRAIN)


def test_a_person_may_take_on_a_silence_that_cannot_be_proven_and_every_run_looks_once_more_before_it_asks() -> None:
    rotation = draining(Verdict.INCONCLUSIVE, final=True)
    look_at = NOW + windows.interval(rotation, DRAIN)
    asked = holding(rotation, DRAIN, NOW)
    assert asked == Ask(UNPROVEN, "drain: because. Go on without proof that nobody uses the old key?")
    assert holding(rotation, DRAIN, look_at) == Do(DRAIN)


def test_old_traffic_is_no_persons_to_take_on_and_is_looked_for_again() -> None:
    rotation = draining(Verdict.FAILED)
    assert holding(rotation, DRAIN, NOW) == Stop(Exit.GATE_FAILED, "drain: because", "status")
    assert holding(rotation, DRAIN, NOW + timedelta(hours=1)) == Do(DRAIN)
    final = draining(Verdict.FAILED, final=True)
    assert isinstance(holding(final, DRAIN, NOW + timedelta(hours=1)), Stop)


@pytest.mark.parametrize(
    ("verdict", "seq", "again"), [("inconclusive", 3, True), ("inconclusive", 2, False), ("failed", 3, False)]
)
def test_what_a_person_took_on_since_is_measured_again_at_once(verdict: str, seq: int, again: bool) -> None:
    rotation = draining(Verdict(verdict), final=True)
    said = replace(yes(rotation, UNPROVEN), evidence_digest=unproven_digest(rotation, [LAG]), seq=seq)
    decision = holding(replace(rotation, approvals=(said,)), DRAIN, NOW)
    assert (decision == Do(DRAIN)) is again
