"""Exact edges and unlikely pairs: each of these was written because a blind mutation survived (`make mutants`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core import chain, judge, key_records, windows
from rotator.core.decide import decide
from rotator.core.periods import brief
from rotator.core.plan import DISABLE, PINGS, SOAK
from rotator.core.status import keys_stand
from rotator.engine import Run, advance
from rotator.model.decision import Close, Do, Exit, Stop
from rotator.model.errors import AmbiguousKey, JournalError, Refused, UsageError
from rotator.model.event import Event, Kind
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus
from rotator.model.measure import Cause, Measurement, Ping, Verdict
from rotator.model.plan import Phase, StepId
from rotator.orders import open_rotation, roll_back
from rotator.sandbox.memory_world import YES, Killed, MemoryWorld, consumer
from rotator.steps import Context
from tests.unit.core_rotations import NEW, NOW, OLD, a_plan, a_rotation, all_passed, evidence, log
from tests.unit.engine_world import BOTH, SECOND, events, old_status, once, quick, run


def test_the_deadline_is_over_at_its_very_instant() -> None:
    rotation = a_rotation()
    deadline = rotation.opened_at + rotation.plan.playbook.deadline
    assert decide(rotation, deadline - timedelta(microseconds=1)) == Do(StepId("adopt"))
    late = decide(rotation, deadline)
    assert isinstance(late, Stop)
    assert late.exit is Exit.GATE_FAILED


def test_another_key_than_the_adopted_one_is_never_staged() -> None:
    world = quick(secrets=1)

    def die() -> None:
        raise Killed

    world.hook = once(".stage", "before", die)
    with pytest.raises(Killed):
        world.start()
    other, _ = world.issuer.issue(name="other")
    world.clock.advance(SECOND)
    with pytest.raises(UsageError, match="paste it once more"):
        run(world, key=other)
    assert world.go_on(key=world.new) == Stop(Exit.DONE, "the rotation is complete")


def by_hand_with_a_record() -> MemoryWorld:
    """No Admin key, and the old key's record named in rotate.yaml all the same."""
    world = quick(managed=False)
    with world.session() as session:
        open_rotation(session, world.ports(), world.plan, "tester", key_id=world.old_id)
    return world


def test_a_named_record_is_no_right_to_change_it() -> None:
    world = by_hand_with_a_record()
    end = run(world, key=world.new, yes=BOTH)
    assert isinstance(end, Stop)
    assert end.exit is Exit.APPROVAL
    world.issuer.books.change(world.old_id, status=KeyStatus.INACTIVE)
    world.clock.advance(SECOND)
    assert run(world, yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")
    assert not [call for call in world.issuer.calls if call[0] in ("set_status", "record")]


def test_a_named_record_is_no_right_to_enable_it_again() -> None:
    world = by_hand_with_a_record()
    run(world, key=world.new, yes=BOTH)
    world.issuer.books.change(world.old_id, status=KeyStatus.INACTIVE)
    world.clock.advance(SECOND)
    run(world, yes=BOTH, stay=timedelta(seconds=1))
    end = run(world, order=lambda session: roll_back(session, YES))
    assert isinstance(end, Stop)
    assert "ENABLE THE OLD KEY NOW" in end.why
    world.issuer.books.change(world.old_id, status=KeyStatus.ACTIVE)
    world.clock.advance(SECOND)
    assert run(world) == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")
    assert old_status(world) is KeyStatus.ACTIVE
    assert events(world, Kind.UNDONE, DISABLE)


def test_a_key_whose_record_is_of_another_workspace_is_refused() -> None:
    ping = Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="200")
    new = KeyRecord(id="apikey_2", name="new", status=KeyStatus.ACTIVE, hint=None, workspace="theirs")
    old = replace(new, id="apikey_1", workspace=None)
    found = judge.adopted(StepId("adopt"), NEW, OLD, ping, ping, new, old)
    assert found.verdict is Verdict.FAILED
    assert "theirs" in found.why
    assert judge.adopted(StepId("adopt"), NEW, OLD, ping, ping, new, new).verdict is Verdict.PASSED


def test_a_log_is_verified_from_its_first_event_on() -> None:
    events = log([(Kind.HELD, None, {"why": "x"})])
    assert chain.follow(events, 0) == events
    with pytest.raises(JournalError, match="event 1"):
        chain.follow([replace(events[0], holder="mallory"), *events[1:]], 0)


def test_what_follows_the_first_event_is_not_that_event_again() -> None:
    events = log([(Kind.HELD, None, {"why": "x"})])
    assert chain.follow(events, 1) == events[1:]


def test_a_secret_that_never_left_an_old_key_that_died_by_itself_is_no_hindrance_to_a_rollback() -> None:
    world = quick(secrets=1)

    def die() -> None:
        raise Killed

    world.hook = once(".promote", "before", die)
    with pytest.raises(Killed):
        world.start()
    world.issuer.books.change(world.old_id, status=KeyStatus.INACTIVE)
    world.clock.advance(SECOND)
    assert world.rollback() == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")


def test_of_two_records_that_fit_none_is_chosen() -> None:
    key = Fingerprint.of("k" * 108)
    one = KeyRecord(id="apikey_1", name="one", status=KeyStatus.ACTIVE, hint=key.hint, workspace=None)
    other = replace(one, id="apikey_2", hint=Fingerprint.of("o" * 108).hint)
    assert key_records.choose(key, [one, other]) == one
    with pytest.raises(AmbiguousKey, match="apikey_3"):
        key_records.choose(key, [one, other, replace(one, id="apikey_3")])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(45, "45s"), (90, "90s"), (900, "15m"), (7200, "2h"), (5400, "90m"), (604800, "7d"), (0, "0s")],
)
def test_a_length_of_time_is_said_in_the_largest_unit_that_it_is_a_whole_number_of(seconds: int, said: str) -> None:
    assert brief(timedelta(seconds=seconds)) == said


def test_a_listener_is_told_of_every_event_and_of_every_decision() -> None:
    world = quick()
    heard: list[object] = []
    session = world.session(lambda rotation, what: heard.append(what))
    with session:
        world._opened(session)
        advance(session, world.ports(), Run(by="t", stay=None, key=world.new, yes=BOTH))
    assert [what for what in heard if isinstance(what, Event) and what.kind is Kind.APPLIED]
    decided = [what for what in heard if not isinstance(what, Event)]
    assert decided[0] == Do(StepId("adopt"))
    assert decided[-1] == Close(completed=True)


def test_the_facts_of_a_consumer_say_which_of_its_instances_hold_which_key() -> None:
    world = quick(consumers=(consumer("chat", deploy=None),))
    world.start(horizon=Phase.OVERLAP)
    [seen] = events(world, Kind.MEASURED, StepId("observe", "chat"))
    facts = seen.data["facts"]
    assert isinstance(facts, dict)
    assert (facts["on_new"], facts["on_old"]) == (2, 0)
    assert "on the new key" in str(seen.data["why"])


def test_who_cannot_be_rolled_back_to_is_not_offered_a_rollback() -> None:
    for leaked, way_out in (("never", "resume"), ("auto", "rollback")):
        rotation = all_passed(a_plan({"reenable": leaked}), upto=DISABLE)
        stopped = replace(rotation, gates={**rotation.gates, PINGS: evidence(PINGS, Verdict.ERRORED, final=True)})
        asked = decide(replace(stopped, entered=NOW - timedelta(days=1)), NOW)
        assert isinstance(asked, Stop)
        assert asked.next == way_out


def test_the_ids_of_a_pings_requests_are_kept_for_support() -> None:
    ping = Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="200", request_ids=("req_1",))
    assert judge.pinged(StepId("pings"), (ping,), 1, "the new key").proof == {"request_ids": ["req_1"]}
    assert judge.pinged(StepId("pings"), (), 1, "the new key").proof == {}


@pytest.mark.parametrize(
    ("verdict", "cause", "works"),
    [
        (Verdict.PASSED, Cause.ACCEPTED, True),
        (Verdict.FAILED, Cause.UNAUTHENTICATED, False),
        (Verdict.INCONCLUSIVE, Cause.WEATHER, None),
        (Verdict.FAILED, Cause.BLOCKED, None),
    ],
)
def test_only_anthropics_own_refusal_says_that_the_old_key_is_dead(
    verdict: Verdict, cause: Cause, works: bool | None
) -> None:
    ping, old = Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why=""), Ping(verdict=verdict, cause=cause, why="")
    assert judge.adopted(StepId("adopt"), NEW, OLD, ping, old, None, None).facts["old_key_works"] is works
    assert judge.adopted(StepId("adopt"), NEW, OLD, ping, None, None, None).facts["old_key_works"] is None


def test_each_gate_is_looked_at_in_its_own_rhythm() -> None:
    rotation = a_rotation()
    playbook = rotation.plan.playbook
    rhythms = {gate: windows.interval(rotation, StepId.parse(gate)) for gate in ("adopt", "observe chat", "pings")}
    assert rhythms == {
        "adopt": timedelta(seconds=2),
        "observe chat": playbook.observe_interval,
        "pings": playbook.pings.interval,
    }


def test_an_archived_key_never_becomes_anything_else_and_an_expired_one_only_archived() -> None:
    record = KeyRecord(id="apikey_1", name="one", status=KeyStatus.ARCHIVED, hint=None, workspace=None)
    expired = replace(record, status=KeyStatus.EXPIRED)
    for dead, wanted in ((record, KeyStatus.ACTIVE), (expired, KeyStatus.ACTIVE), (expired, KeyStatus.INACTIVE)):
        with pytest.raises(Refused):
            key_records.needs_change(dead, wanted)
    with pytest.raises(Refused, match="made to expire"):
        key_records.needs_change(replace(record, status=KeyStatus.ACTIVE), KeyStatus.EXPIRED)
    assert key_records.needs_change(expired, KeyStatus.ARCHIVED)
    assert not key_records.needs_change(record, KeyStatus.ARCHIVED)


def test_a_soak_has_elapsed_at_the_very_instant_of_its_end() -> None:
    well = Measurement(gate="observe chat", verdict=Verdict.PASSED, why="all")
    found = judge.soaked(SOAK, NOW, NOW, [well], KeyStatus.INACTIVE)
    assert (found.verdict, found.facts["elapsed"]) == (Verdict.PASSED, True)


def test_before_a_key_is_adopted_no_step_can_speak_of_the_new_one() -> None:
    context = Context(rotation=a_rotation(), ports=quick().ports(), step=DISABLE, by="t", key=None, closed=frozenset())
    with pytest.raises(UsageError, match="no key has been adopted yet"):
        _ = context.new


def test_a_first_key_is_said_to_be_there_only_when_every_secret_has_it() -> None:
    the_plan = a_plan(first=True)
    assert "has no key yet" in keys_stand(all_passed(the_plan, upto=StepId("promote", the_plan.secrets[0])))
    assert "has its first key" in keys_stand(all_passed(the_plan))
