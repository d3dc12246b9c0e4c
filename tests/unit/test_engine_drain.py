"""The drain gate in the engine: proven silence, strangers, blind reports, and what a person may take on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.core.approval import UNPROVEN
from rotator.core.plan import DISABLE, DRAIN
from rotator.core.status import status
from rotator.model.config import Drain
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import Unreachable, UsageError
from rotator.model.event import Kind
from rotator.model.keys import KeyStatus, KeyText
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import Phase
from rotator.model.usage import Reading
from rotator.orders import approve
from rotator.sandbox.memory_issuer import MODEL
from rotator.sandbox.memory_traffic import Traffic
from rotator.sandbox.memory_world import NAME, YES, MemoryWorld, quick_playbook
from tests.unit.engine_world import BOTH, events, old_status, rotation_of, run, started, tick

MINUTE = timedelta(minutes=1)
DONE = Stop(Exit.DONE, "the rotation is complete")


def read_by_the_minute(unproven: str = "ask", **playbook: Any) -> tuple[MemoryWorld, Traffic]:
    """A world whose usage can be read, and whose consumers call twice a minute."""
    drain = Drain(quiet_for=2 * MINUTE, lag=MINUTE, unproven=unproven)  # type: ignore[arg-type]  # a literal's text
    world = MemoryWorld(playbook=quick_playbook(drain=drain, **playbook))
    world.issuer.books.meter.reporting.open = "both"
    traffic = Traffic(world.clock, world.issuer.books, MODEL)
    for name, fleet in world.fleet.items():
        traffic.calls(name, fleet.held, timedelta(seconds=30))
    return world, traffic


class Stranger:
    """On no list, with the old key, until it is switched off."""

    def __init__(self, world: MemoryWorld, traffic: Traffic) -> None:
        self.on = True
        self._world = world
        traffic.calls("stranger", self._keys, timedelta(seconds=20))

    def _keys(self) -> tuple[KeyText, ...]:
        return (self._world.old,) if self.on else ()


def drained(world: MemoryWorld) -> Measurement:
    return rotation_of(world).gates[DRAIN].measurement


def test_silence_that_is_proven_passes_and_says_by_what() -> None:
    world, traffic = read_by_the_minute("refuse")
    assert world.start() == DONE or old_status(world) is KeyStatus.ARCHIVED
    assert not traffic.outages
    found = drained(world)
    assert (found.facts["unproven"], found.facts["usage"], found.facts["missing"]) == (False, "analytics", [])
    new = found.proof["new"]
    assert isinstance(new, dict)
    assert new["models"] == [MODEL]


def test_an_approval_of_disabling_outlives_the_polls_of_a_proven_silence() -> None:
    world, _ = read_by_the_minute()
    ask = world.start(yes={})
    assert isinstance(ask, Ask)
    assert ask.what == "disable"
    assert "is silent since" in ask.why
    session = world.session()
    approve(session, "disable", YES)
    for _ in range(3):
        world.clock.advance(10 * MINUTE)
    run(world, stay=timedelta())
    assert old_status(world) is KeyStatus.INACTIVE


def test_a_stranger_stops_finish_by_name_and_once_it_is_gone_a_tick_asks_a_person_and_not_the_schedule() -> None:
    world, traffic = read_by_the_minute("accept", approve_disable="scheduled", approve_archive="scheduled")
    stranger = Stranger(world, traffic)
    end = world.start(yes={})
    assert isinstance(end, Stop)
    assert end.exit is Exit.GATE_FAILED
    assert "somebody is not on the list" in end.why
    assert MODEL in end.why
    before = len(events(world))
    for _ in range(40):
        world.clock.advance(5 * MINUTE)
        tick(world)
        assert old_status(world) is KeyStatus.ACTIVE
    assert len(events(world)) - before < 40, "what changes at every poll is not journaled"
    stranger.on = False
    for _ in range(4):
        world.clock.advance(5 * MINUTE)
        end = tick(world)
    assert isinstance(end, Ask)
    assert "before, somebody who is not on the list" in end.why
    assert old_status(world) is KeyStatus.ACTIVE
    approve(world.session(), "disable", YES)
    tick(world)
    assert old_status(world) is not KeyStatus.ACTIVE
    assert not traffic.outages
    assert "stray" in drained(world).facts


def test_what_the_old_key_was_used_for_is_in_the_status() -> None:
    world, traffic = read_by_the_minute()
    Stranger(world, traffic)
    world.start()
    drain: Any = status(NAME, rotation_of(world), world.clock.now())["drain"]
    assert drain["old"]["volume"] > 0
    assert drain["old"]["models"] == [MODEL]
    assert [one["name"] for one in drain["conditions"]] == ["opened", "length", "lag", "control"]


def test_a_blind_report_proves_nothing_until_a_person_takes_that_on() -> None:
    world, _ = read_by_the_minute()
    world.issuer.books.meter.reporting.dead_since = world.clock.now()
    started(world)
    ask = run(world, yes=BOTH)
    assert isinstance(ask, Ask)
    assert ask.what == UNPROVEN
    assert "may be blind" in ask.why
    approve(world.session(), UNPROVEN, YES)
    run(world, yes=BOTH)
    assert old_status(world) is KeyStatus.ARCHIVED
    found = drained(world)
    assert (found.verdict, found.facts["unproven"], found.facts["accepted_by"]) == (Verdict.PASSED, True, YES.by)
    assert found.proof["reason"] == YES.reason


def test_what_was_taken_on_is_not_what_turns_up_later() -> None:
    world, traffic = read_by_the_minute()
    reporting = world.issuer.books.meter.reporting
    reporting.dead_since = world.clock.now()
    started(world)
    assert isinstance(run(world), Ask)
    approve(world.session(), UNPROVEN, YES)
    ask = run(world)
    assert isinstance(ask, Ask)
    assert ask.what == "disable"
    reporting.dead_since = None
    Stranger(world, traffic)
    world.clock.advance(5 * MINUTE)
    end = run(world, yes=BOTH)
    assert isinstance(end, Stop)
    assert end.exit is Exit.GATE_FAILED
    assert old_status(world) is KeyStatus.ACTIVE
    with pytest.raises(UsageError, match="not on the list"):
        approve(world.session(), UNPROVEN, YES)


def test_a_playbook_that_refuses_lets_nobody_take_it_on() -> None:
    world, _ = read_by_the_minute("refuse")
    world.issuer.books.meter.reporting.dead_since = world.clock.now()
    started(world)
    end = run(world, yes=BOTH)
    assert isinstance(end, Stop)
    assert end.exit is Exit.INCONCLUSIVE
    with pytest.raises(UsageError, match="refuses"):
        approve(world.session(), UNPROVEN, YES)


def test_the_quiet_window_itself_cannot_be_taken_on() -> None:
    world, _ = read_by_the_minute()
    started(world)
    assert isinstance(run(world, stay=timedelta()), Wait)
    with pytest.raises(UsageError, match="cannot be taken on"):
        approve(world.session(), UNPROVEN, YES)


def test_a_right_that_is_lost_meanwhile_is_no_silence_whatever_the_playbook_accepts() -> None:
    world, traffic = read_by_the_minute("accept")
    Stranger(world, traffic)
    world.start()
    assert drained(world).verdict is Verdict.FAILED
    world.issuer.books.meter.reporting.open = "none"
    world.clock.advance(10 * MINUTE)
    run(world, yes=BOTH)
    assert old_status(world) is KeyStatus.ACTIVE
    assert drained(world).facts["usage"] == "unreadable"


def test_a_reading_that_failed_before_any_was_made_says_nothing_of_what_may_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = MemoryWorld()

    def unreachable(key_ids: Sequence[str], since: datetime) -> Reading:
        raise Unreachable("Another process is reading Anthropic's usage report.")

    with monkeypatch.context() as patch:
        patch.setattr(world.issuer, "usage", unreachable)
        assert isinstance(world.start(yes=BOTH, stay=timedelta()), Wait)
        world.clock.advance(10 * MINUTE)
        assert isinstance(run(world, yes=BOTH, stay=timedelta()), Wait)
        assert drained(world).facts["missing"] == ["reading"]
    world.clock.advance(MINUTE)
    ask = run(world, yes=BOTH, stay=timedelta())
    assert isinstance(ask, Ask)
    assert ask.what == UNPROVEN
    assert "is not proven (this sandbox lets nobody read usage)" in ask.why


def test_without_a_report_nothing_is_proven_until_a_person_takes_that_on_and_that_is_no_yes_to_disabling() -> None:
    world = MemoryWorld()
    ask = world.start(yes=BOTH)
    assert isinstance(ask, Ask)
    assert ask.what == UNPROVEN
    assert "is not proven (this sandbox lets nobody read usage)" in ask.why
    assert drained(world).verdict is Verdict.INCONCLUSIVE
    approve(world.session(), UNPROVEN, YES)
    ask = run(world)
    assert isinstance(ask, Ask)
    assert ask.what == "disable"
    found = drained(world)
    assert (found.verdict, found.facts["unproven"], found.facts["accepted_by"]) == (Verdict.PASSED, True, YES.by)
    assert run(world, yes=BOTH) == DONE


def test_what_a_schedule_may_not_take_on_it_may_disable_once_a_person_did() -> None:
    world = MemoryWorld(playbook=quick_playbook(approve_disable="scheduled"))
    assert isinstance(world.start(yes={}), Ask)
    for _ in range(3):
        world.clock.advance(MINUTE)
        assert isinstance(tick(world), Ask)
    assert old_status(world) is KeyStatus.ACTIVE
    approve(world.session(), UNPROVEN, YES)
    tick(world)
    assert old_status(world) is KeyStatus.INACTIVE


def test_a_report_that_becomes_readable_while_it_is_asked_about_is_read() -> None:
    world, _ = read_by_the_minute()
    world.issuer.books.meter.reporting.open = "none"
    assert isinstance(world.start(yes={}), Ask)
    world.issuer.books.meter.reporting.open = "both"
    world.clock.advance(5 * MINUTE)
    ask = run(world)
    assert isinstance(ask, Ask)
    assert (ask.what, drained(world).facts["unproven"]) == ("disable", False)


@pytest.mark.parametrize("policy", ["accept", "refuse"])
def test_without_a_report_a_playbook_may_decide_for_the_person(policy: str) -> None:
    drain = Drain(quiet_for=2 * MINUTE, lag=MINUTE, unproven=policy)  # type: ignore[arg-type]  # parametrised literal
    world = MemoryWorld(playbook=quick_playbook(drain=drain))
    end = world.start(yes={})
    if policy == "accept":
        assert isinstance(end, Ask)
        assert end.what == "disable"
    else:
        assert isinstance(end, Stop)
        assert end.exit is Exit.INCONCLUSIVE
    with pytest.raises(UsageError):
        approve(world.session(), UNPROVEN, YES)


def test_a_leaked_keys_thief_holds_nothing_up() -> None:
    world, traffic = read_by_the_minute("accept", reenable="never", name="leak")
    Stranger(world, traffic)
    world.start()
    assert old_status(world) is KeyStatus.ARCHIVED
    assert drained(world).facts["unproven"] is True


def test_a_consumer_that_reloads_late_is_no_stranger() -> None:
    world, traffic = read_by_the_minute("refuse")
    world.fleet["edge"]._reload_after = timedelta(seconds=150)
    world.start()
    assert old_status(world) is KeyStatus.ARCHIVED
    assert not traffic.outages
    failed = [event for event in events(world, Kind.MEASURED, DRAIN) if event.data["verdict"] == "failed"]
    assert not failed


def test_the_gate_asks_at_most_once_a_minute_and_writes_little(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = read_by_the_minute("refuse")
    started(world, Phase.OVERLAP)
    asked: list[object] = []

    def note(call: tuple[str, ...]) -> None:
        if call[0] == "usage" and old_status(world) is KeyStatus.ACTIVE:
            asked.append(world.clock.now())

    world.issuer.before = note
    run(world, yes=BOTH)
    assert len(asked) < 20
    assert len(events(world, Kind.MEASURED, DRAIN)) < 6
    assert rotation_of(world).steps[DISABLE].attempts == 1
