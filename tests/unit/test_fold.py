"""Events in, state out: nothing else is stored, so nothing else can disagree."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rotator.core import chain, record
from rotator.core.fold import advance, fold, rotations
from rotator.core.past import closed_ids
from rotator.core.plan import ADOPT, ARCHIVE, DISABLE, PINGS
from rotator.core.way_back import no_way_back
from rotator.model.canonical import JsonObject
from rotator.model.event import Kind
from rotator.model.keys import Fingerprint
from rotator.model.measure import Verdict
from rotator.model.plan import Plan, StepId
from rotator.model.rotation import Mark, Outcome
from tests.unit.core_rotations import NEW, NOW, OLD, Entry, a_plan, a_rotation, log

INTENDED: Entry = (Kind.INTENDED, "disable", {})
APPLIED: Entry = (Kind.APPLIED, "disable", {})
UNDOING: Entry = (Kind.INTENDED, "disable", {"undo": True, "why": "missed"})
UNDONE: Entry = (Kind.UNDONE, "disable", {"why": "missed"})
BUSY: Entry = (Kind.FAILED, "disable", {"error": "busy", "hint": "", "exit": None})
DENIED: Entry = (Kind.FAILED, "disable", {"error": "denied", "hint": "ask", "exit": 10})
NOT_THERE: Entry = (Kind.FAILED, "disable", {"standing": "absent"})


def said(what: str) -> Entry:
    return (Kind.APPROVED, None, {"what": what, "by": "a", "reason": "b", "plan_digest": "", "evidence_digest": ""})


def measured(verdict: Verdict, gate: str = "pings", facts: JsonObject | None = None) -> Entry:
    return (Kind.MEASURED, gate, {"verdict": verdict.value, "why": "because", "facts": facts or {}})


def resumed_by(plan: Plan) -> Entry:
    return Kind.RESUMED, None, {"entered": True, "plan": record.to_json(plan)}


def mark(*entries: Entry) -> Mark:
    return a_rotation(None, *entries).steps[DISABLE].mark


def test_no_events_are_no_rotation() -> None:
    assert fold([]) is None


def test_a_rotation_opens_with_its_plan_and_its_old_key() -> None:
    rotation = a_rotation()
    assert (rotation.plan, rotation.outcome) == (a_plan(), Outcome.OPEN)
    assert rotation.old is not None
    assert rotation.old.fingerprint == OLD
    assert rotation.new is None


def test_the_marks_of_an_effect_follow_its_events() -> None:
    assert mark(INTENDED) is Mark.OPEN
    assert mark(INTENDED, APPLIED) is Mark.APPLIED
    assert mark(INTENDED, BUSY) is Mark.OPEN
    assert mark(INTENDED, BUSY, NOT_THERE) is Mark.READY
    assert mark(INTENDED, APPLIED, UNDOING) is Mark.UNDOING
    assert mark(INTENDED, APPLIED, UNDOING, UNDONE) is Mark.UNDONE
    assert mark(INTENDED, APPLIED, UNDOING, UNDONE, INTENDED) is Mark.OPEN


def test_a_failure_keeps_its_text_and_its_exit_until_the_effect_is_applied() -> None:
    failed = a_rotation(None, INTENDED, DENIED).steps[DISABLE]
    assert (failed.error, failed.hint, failed.stop) == ("denied", "ask", 10)
    assert a_rotation(None, INTENDED, DENIED, APPLIED).steps[DISABLE].error is None


def test_an_operator_who_goes_on_counts_attempts_anew() -> None:
    resumed: Entry = (Kind.RESUMED, None, {"entered": True, "by": "a"})
    state = a_rotation(None, INTENDED, DENIED, resumed).steps[DISABLE]
    assert (state.attempts, state.error, state.stop, state.mark) == (0, None, None, Mark.OPEN)


def test_the_old_key_that_came_back_voids_every_gate_of_the_overlap() -> None:
    adopted = measured(Verdict.PASSED, "adopt", {"new": NEW.to_json()})
    rotation = a_rotation(None, adopted, measured(Verdict.PASSED), INTENDED, APPLIED, UNDOING, UNDONE)
    assert rotation.reenabled == "missed"
    assert set(rotation.gates) == {ADOPT}
    assert rotation.lapses == 1


def test_only_a_gate_that_had_passed_can_lapse() -> None:
    good, bad = measured(Verdict.PASSED), measured(Verdict.FAILED)
    assert a_rotation(None, bad, bad).lapses == 0
    assert a_rotation(None, good, bad, good, bad).lapses == 2


def test_patience_counts_from_the_first_failure_of_a_spell() -> None:
    bad = measured(Verdict.FAILED)
    rotation = a_rotation(None, measured(Verdict.PASSED), bad, bad, bad)
    assert (rotation.gates[PINGS].at - rotation.gates[PINGS].began).total_seconds() == 2


def test_patience_is_no_longer_where_the_clock_was_set_back_meanwhile() -> None:
    kind, step, data = measured(Verdict.FAILED)
    events = log([(kind, step, data)])
    earlier = NOW - timedelta(hours=2)
    events.append(
        chain.next_event(events[-1], rotation="r1", at=earlier, kind=kind, step=step, attempt=1, data=data, holder="p1")
    )
    rotation = fold(events)
    assert rotation is not None
    assert rotation.gates[PINGS].began == earlier


def test_an_adopted_key_is_known_by_its_fingerprint_and_a_refused_one_is_not() -> None:
    facts: JsonObject = {"new": NEW.to_json(), "key_id": "apikey_2"}
    good = a_rotation(None, measured(Verdict.PASSED, "adopt", facts)).new
    assert good is not None
    assert good.fingerprint == Fingerprint.from_json(NEW.to_json())
    assert a_rotation(None, measured(Verdict.FAILED, "adopt", facts)).new is None


def test_a_person_settles_an_effect_in_doubt() -> None:
    paused: Entry = (Kind.PAUSED, "disable", {"why": "?"})
    assert a_rotation(None, INTENDED, paused).steps[DISABLE].unclear
    assert mark(INTENDED, paused, said("applied:disable")) is Mark.APPLIED
    assert mark(INTENDED, paused, said("absent:disable")) is Mark.READY
    assert mark(INTENDED, APPLIED, UNDOING, paused, said("absent:disable")) is Mark.UNDONE


def test_a_person_who_says_that_the_old_key_is_enabled_again_voids_what_the_undoing_itself_voids() -> None:
    paused: Entry = (Kind.PAUSED, "disable", {"why": "?"})
    approved = said("disable")
    by_word = a_rotation(
        None, measured(Verdict.PASSED), approved, INTENDED, APPLIED, UNDOING, paused, said("absent:disable")
    )
    assert by_word.reenabled == "missed"
    assert by_word.gates == {}
    assert by_word.lapses == 1


def test_a_plan_that_is_accepted_because_the_old_key_leaked_ends_the_way_back_to_that_key() -> None:
    promoted: tuple[Entry, ...] = ((Kind.INTENDED, "promote s", {}), (Kind.APPLIED, "promote s", {}))
    leaked: Entry = (Kind.RESUMED, None, {"plan": record.to_json(a_plan({"reenable": "never"}))})
    same: Entry = (Kind.RESUMED, None, {"plan": record.to_json(a_plan())})
    assert a_rotation(None, *promoted, said("rollback"), leaked).rolling_back is None
    assert a_rotation(None, *promoted, said("rollback"), same).rolling_back is not None
    assert a_rotation(None, said("rollback"), leaked).rolling_back is not None  # nothing names the new key yet
    missed = a_rotation(None, INTENDED, APPLIED, UNDOING, leaked)
    assert missed.steps[DISABLE].mark is Mark.OPEN  # to be looked at: it may be enabled by now


def test_a_rollback_turns_the_rotation_round_and_no_old_evidence_counts() -> None:
    rotation = a_rotation(None, measured(Verdict.PASSED), said("rollback"))
    assert rotation.rolling_back is not None
    assert rotation.gates == {}


def test_a_rollback_that_comes_too_late_turns_nothing_round() -> None:
    archived: tuple[Entry, ...] = ((Kind.INTENDED, "archive", {}), (Kind.APPLIED, "archive", {}))
    assert a_rotation(None, *archived, said("rollback")).rolling_back is None
    between = a_rotation(None, archived[0], said("rollback"), archived[1])
    assert between.rolling_back is None
    assert no_way_back(between)
    assert between.steps[ARCHIVE].mark is Mark.APPLIED
    leaked = a_plan({"reenable": "never"})
    assert a_rotation(leaked, INTENDED, said("rollback")).rolling_back is None
    assert a_rotation(leaked, said("rollback")).rolling_back is not None


def test_only_a_takeover_or_a_resume_changes_the_owner() -> None:
    events = log([(Kind.HELD, None, {"why": "x"})], holder="p2")
    rotation = fold(log([]))
    assert rotation is not None
    noted = advance(rotation, events[-1])
    assert noted is not None
    assert noted.owner == "p1"
    for kind in (Kind.RESUMED, Kind.TAKEN_OVER):
        taken = advance(rotation, log([(kind, None, {})], holder="p2")[-1])
        assert taken is not None
        assert taken.owner == "p2"


def test_folding_in_one_go_or_event_by_event_gives_the_same() -> None:
    events = log([INTENDED, BUSY, NOT_THERE, INTENDED, APPLIED, said("rollback"), UNDOING, UNDONE])
    state = None
    for event in events:
        state = advance(state, event)
    assert state == fold(events) == advance(None, *events)
    assert advance(state) == state


def test_a_state_is_not_changed_by_what_follows_from_it() -> None:
    events = log([INTENDED, APPLIED, measured(Verdict.PASSED), said("rollback"), UNDOING, UNDONE])
    states = [fold(events[:count]) for count in range(1, len(events) + 1)]
    for state, event in zip(states, events[1:], strict=False):
        advance(state, event)
    assert states == [fold(events[:count]) for count in range(1, len(events) + 1)]


def test_ended_rotations_are_known_by_their_ids() -> None:
    for kind in (Kind.COMPLETED, Kind.ROLLED_BACK, Kind.ABANDONED):
        assert closed_ids(log([(kind, None, {})])) == {"r1"}
    assert closed_ids(log([INTENDED])) == frozenset()
    assert len(rotations(log([INTENDED]))) == 1


def test_the_latest_rotation_follows_from_its_own_events_whatever_came_before_it() -> None:
    before, after = log([INTENDED, APPLIED, said("rollback")]), log([INTENDED])
    found = fold([*before, *after])
    assert found == fold(after) == rotations([*before, *after])[-1]
    assert fold(before) == rotations([*before, *after])[0]


def test_who_is_taken_off_the_list_half_way_is_remembered_until_it_stands_there_again() -> None:
    before = a_plan()
    without = replace(before, consumers=before.consumers[1:])
    fewer = replace(before, consumers=before.consumers[2:])

    assert a_rotation(None, resumed_by(without)).dropped == ("chat",)
    assert a_rotation(None, resumed_by(without), resumed_by(fewer)).dropped == ("chat", "batch")
    assert a_rotation(None, resumed_by(fewer), resumed_by(without)).dropped == ("chat",)
    assert a_rotation(None, resumed_by(fewer), resumed_by(before)).dropped == ()


def test_an_answer_about_an_effect_that_was_found_out_meanwhile_changes_nothing() -> None:
    doubtful: Entry = (Kind.PAUSED, "disable", {"why": "nobody could tell"})
    rotation = a_rotation(None, INTENDED, doubtful, APPLIED, said("absent:disable"))
    assert rotation.steps[DISABLE].mark is Mark.APPLIED
    assert a_rotation(None, INTENDED, doubtful, said("absent:disable")).steps[DISABLE].mark is Mark.READY


def test_what_was_measured_by_another_plan_is_measured_again_and_by_the_same_one_still_counts() -> None:
    adopted = measured(Verdict.PASSED, "adopt", {"new": NEW.to_json()})

    def gates_under(plan: Plan) -> set[StepId]:
        return set(a_rotation(None, adopted, measured(Verdict.PASSED), resumed_by(plan)).gates)

    assert gates_under(a_plan({"soak": timedelta(days=3)})) == {ADOPT}
    assert gates_under(a_plan()) == {ADOPT, PINGS}


def test_a_plan_that_is_taken_back_brings_back_no_yes_that_was_given_before() -> None:
    """What was measured is forgotten, and whether a gate lapsed meanwhile is not seen any more."""
    plans = (a_plan({"soak": timedelta(days=3)}), a_plan())
    other, same = [resumed_by(plan) for plan in plans]
    assert a_rotation(None, other, same).plan_digest == a_rotation(None).plan_digest
    assert a_rotation(None, other, same).lapses > a_rotation(None).lapses
