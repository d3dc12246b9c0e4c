"""One process's hold on a log, and two processes that want the same one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core import entry
from rotator.engine import Run, advance
from rotator.model.decision import Ask, Close, Exit, Stop
from rotator.model.errors import HeldByAnother, JournalError
from rotator.model.event import Event, Kind
from rotator.model.plan import StepId
from rotator.orders import approve
from rotator.sandbox.memory_world import NAME, YES
from rotator.sandbox.watched import Killed
from rotator.session import LEASE, Moved
from tests.unit.engine_world import BOTH, SECOND, events, once, quick, rotation_of, run, started


def test_a_lease_is_held_inside_and_given_back_after() -> None:
    world = started(quick())
    session = world.session()
    with session:
        lease = world.journal.lease(NAME)
        assert lease is not None
        assert (lease.holder, lease.until) == (session.me, world.clock.now() + LEASE)
    assert world.journal.lease(NAME) is None


def test_a_live_holder_is_named_and_waited_for() -> None:
    world = started(quick())
    with world.session() as holder, pytest.raises(HeldByAnother, match=holder.me), world.session():
        pass


def test_a_holder_that_is_surely_dead_is_taken_over_at_once_and_that_is_an_event() -> None:
    world = quick()

    def die() -> None:
        raise Killed

    world.hook = once("deploy chat.deploy", "after", die)
    with pytest.raises(Killed):
        world.start()
    assert world.go_on() == Stop(Exit.DONE, "the rotation is complete")
    assert [event.data["from"] for event in events(world, Kind.TAKEN_OVER)] == ["process-1"]


def test_a_lease_that_ran_out_is_taken_over() -> None:
    world = started(quick())
    world.journal.heartbeat(NAME, "elsewhere", world.clock.now() + LEASE)
    with pytest.raises(HeldByAnother, match="elsewhere"):
        world.go_on()
    world.clock.advance(LEASE)
    assert world.go_on() == Stop(Exit.DONE, "the rotation is complete")


def test_a_process_that_wakes_up_overtaken_does_not_take_the_lease_from_who_overtook_it() -> None:
    world = started(quick())
    sleeper = world.session()
    with sleeper:
        world.clock.advance(LEASE)
        with world.session() as other:
            lease = world.journal.lease(NAME)
            sleeper.beat()
            assert world.journal.lease(NAME) == lease
            assert lease is not None
            assert lease.holder == other.me


def test_of_two_processes_that_come_at_the_same_moment_one_is_refused() -> None:
    world = started(quick())
    other, until = world.session(), world.clock.now() + LEASE
    world.hook = once("journal.heartbeat", "after", lambda: world.journal.heartbeat(NAME, other.me, until))
    with pytest.raises(HeldByAnother, match=other.me), world.session():
        pass
    lease = world.journal.lease(NAME)
    assert lease is not None
    assert lease.holder == other.me


def test_a_conflict_is_read_again_before_anything_is_decided() -> None:
    world = started(quick())
    session = world.session()
    with session:
        session.append(Kind.HELD, data={"why": "first"})
        world.session().post(Kind.HELD, {"why": "a note"})
        with pytest.raises(Moved):
            session.append(Kind.HELD, data={"why": "second"})
        assert session.events[-1].data == {"why": "a note"}
        session.append(Kind.HELD, data={"why": "second"})


def test_a_process_does_not_go_on_by_a_log_that_was_exchanged_under_it() -> None:
    """Restored from a backup, and longer since than what this process knows: the numbers fit, the past does not."""
    world = started(quick())
    session = world.session()
    backup = list(world.journal._logs[NAME])[:-3]
    world.journal._logs[NAME] = backup
    for _ in range(5):
        world.session().note(Kind.HELD, {"why": "another past"})
    with pytest.raises(JournalError, match="not the one that this process began with"):
        session.refresh()


def test_a_note_does_not_take_the_rotation_from_its_owner() -> None:
    world = started(quick())
    owner = rotation_of(world).owner
    world.session().post(Kind.HELD, {"why": "a note"})
    assert rotation_of(world).owner == owner


def test_how_an_effect_ended_is_written_whatever_note_came_in_between_and_it_is_not_repeated() -> None:
    world = quick()
    world.hook = once("deploy chat.deploy", "after", lambda: world.session().post(Kind.HELD, {"why": "a note"}))
    started(world)
    assert len(world.fleet["chat"].deploys) == 1
    assert len(events(world, Kind.INTENDED, StepId("deploy", "chat"))) == 1


@pytest.mark.parametrize("operation", ["0.stage", "0.promote", "deploy chat.deploy", "issuer.set_status"])
def test_a_process_that_was_paused_while_another_took_over_stops_and_says_so(operation: str) -> None:
    world = quick()
    ends: list[object] = []

    def second() -> None:
        world.clock.advance(timedelta(hours=1))  # longer than any lease
        ends.append(world.go_on(key=world.new))

    world.hook = once(operation, "after", second)
    with pytest.raises(HeldByAnother, match="process-"):
        world.start()
    assert ends == [Stop(Exit.DONE, "the rotation is complete")]
    deploys = {name: len(one.deploys) for name, one in world.fleet.items()}
    assert deploys == {"chat": 1, "batch": 1, "edge": 0}
    sets = [call[2] for call in world.issuer.calls if call[0] == "set_status"]
    assert sets == ["inactive", "archived"]


def test_of_two_processes_that_take_over_at_once_the_second_gives_way() -> None:
    world = started(quick())
    one, two = world.session(), world.session()
    with one:
        world.journal.release(NAME, one.me)  # as where both looked before either wrote its lease
        with two:
            one.append(Kind.HELD, data={"why": "one"})
            with pytest.raises(Moved):
                two.append(Kind.HELD, data={"why": "two"})
            with pytest.raises(HeldByAnother, match=one.me):
                two.append(Kind.HELD, data={"why": "two"})
    assert rotation_of(world).owner == one.me


def test_a_note_that_comes_with_an_operators_resume_is_no_takeover() -> None:
    world = started(quick())
    session = world.session()
    with session:
        world.session().post(Kind.HELD, {"why": "a note"})
        with pytest.raises(Moved):
            session.append(Kind.RESUMED, data={"entered": True, "by": "tester"})
        session.append(Kind.RESUMED, data={"entered": True, "by": "tester"})
    assert rotation_of(world).owner == session.me


def test_a_yes_from_another_terminal_is_taken_in_while_the_worker_waits() -> None:
    world = started(quick())
    assert isinstance(run(world), Ask)
    session = world.session()
    with session:
        approve(world.session(), "disable", YES)
        end = advance(session, world.ports(), Run(by="worker", stay=None))
    assert isinstance(end, Ask)
    assert end.what == "archive"


def test_a_rollback_from_another_terminal_turns_a_running_worker_round() -> None:
    world = quick()

    def order() -> None:
        session = world.session()
        session.post(Kind.APPROVED, entry.approval(session.open, "rollback", "other", "mistake"))

    world.hook = once("deploy chat.deploy", "before", order)
    assert world.start() == Stop(Exit.ROLLED_BACK, "the rotation was rolled back")


def test_a_lease_is_given_back_when_a_person_interrupts() -> None:
    world = quick()

    def interrupt() -> None:
        raise KeyboardInterrupt

    world.hook = once("0.promote", "before", interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.start()
    assert world.journal.lease(NAME) is None
    world.clock.advance(SECOND)
    assert world.go_on(yes=BOTH) == Stop(Exit.DONE, "the rotation is complete")


def test_nobodys_session_has_an_open_rotation_before_one_is_opened() -> None:
    world = quick()
    session = world.session()
    assert session.rotation is None
    assert session.held_by() is None


def test_what_is_no_attempt_at_an_effect_is_journaled_as_none() -> None:
    world = started(quick())
    world.session().post(Kind.HELD, {"why": "a note"})
    world.session().note(Kind.HELD, {"why": "another"})
    assert {event.attempt for event in events(world) if event.kind in (Kind.OPENED, Kind.HELD, Kind.MEASURED)} == {0}


def test_a_listener_is_told_of_every_event_every_look_and_every_decision() -> None:
    world, told = quick(), list[object]()
    session = world.session(lambda rotation, what: told.append(what))
    with session:
        world._opened(session)
        advance(session, world.ports(), Run(by="tester", stay=None, key=world.new, yes=BOTH))
    written = [what for what in told if isinstance(what, Event) and what in events(world)]
    looks = [what for what in told if isinstance(what, Event) and what not in events(world)]
    decisions = [what for what in told if not isinstance(what, Event)]
    assert written == events(world)
    assert {look.kind for look in looks} == {Kind.MEASURED}
    assert Stop(Exit.DONE, "the rotation is complete") in decisions or Close(completed=True) in decisions
