"""A person's order meets another person's note at the very same moment: no bug, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rotator.engine import Run, Yes, advance
from rotator.model.errors import JournalError, UsageError
from rotator.model.event import Event, Kind
from rotator.model.plan import Phase
from rotator.model.rotation import Outcome
from rotator.opening import open_rotation
from rotator.orders import abandon, resume, roll_back
from rotator.ports import Conflict
from rotator.sandbox.memory_world import NAME, MemoryWorld
from rotator.session import Session
from tests.unit.engine_world import events, quick, rotation_of, started

ANN = Yes(by="ann", reason="why not")
BOB = Yes(by="bob", reason="I see smoke")


def meanwhile(monkeypatch: pytest.MonkeyPatch, world: MemoryWorld, act: Callable[[], None]) -> None:
    """`act` comes in just before the next append, which then finds its place in the log taken."""
    append, left = world.journal.append, [act]

    def appended(credential: str, event: Event) -> None:
        if left:
            left.pop()()
        append(credential, event)

    monkeypatch.setattr(world.journal, "append", appended)


def note(world: MemoryWorld) -> Callable[[], None]:
    """Another terminal's `rotate rollback`."""
    other = world.session()
    return lambda: roll_back(other, BOB)


@pytest.mark.parametrize(("order", "kind"), [(resume, Kind.RESUMED), (abandon, Kind.ABANDONED)])
def test_an_order_is_written_though_a_note_came_in_first(
    monkeypatch: pytest.MonkeyPatch, order: Callable[[Session, Yes], None], kind: Kind
) -> None:
    world = started(quick())
    session = world.session()
    with session:
        meanwhile(monkeypatch, world, note(world))
        order(session, ANN)
    assert events(world)[-1].kind is kind
    assert rotation_of(world).rolling_back is not None


def test_an_order_that_comes_after_the_end_says_so_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = started(quick())
    session, other = world.session(), world.session()
    with session:
        meanwhile(monkeypatch, world, lambda: other.post(Kind.ABANDONED, {"by": "bob", "reason": "enough"}))
        with pytest.raises(JournalError, match="no open rotation"):
            resume(session, ANN)
    assert rotation_of(world).outcome is Outcome.ABANDONED
    assert events(world)[-1].kind is Kind.ABANDONED


def test_an_order_into_a_log_that_never_rests_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = started(quick())
    session = world.session()

    def taken(credential: str, event: Event) -> None:
        raise Conflict(f"{event.seq} of {NAME}")

    with session:
        monkeypatch.setattr(world.journal, "append", taken)
        with pytest.raises(JournalError, match="times in a row"):
            resume(session, ANN)


def test_a_note_about_a_rotation_that_has_just_ended_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    world = started(quick())
    session, other = world.session(), world.session()
    meanwhile(monkeypatch, world, lambda: other.post(Kind.ABANDONED, {"by": "bob", "reason": "enough"}))
    with pytest.raises(JournalError, match="no open rotation"):
        roll_back(session, ANN)
    assert events(world)[-1].kind is Kind.ABANDONED


def test_a_note_about_a_rotation_that_has_ended_is_not_written_into_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = started(quick())
    session, third = world.session(), world.issuer.issue(name="third")[0]

    def next_one() -> None:
        world.session().post(Kind.ABANDONED, {"by": "bob", "reason": "enough"})
        with world.session() as other:
            open_rotation(other, world.ports(), world.plan, "bob")
            advance(other, world.ports(), Run(by="bob", key=third, horizon=Phase.EXPAND))

    meanwhile(monkeypatch, world, next_one)
    with pytest.raises(JournalError, match="was opened meanwhile"):
        roll_back(session, ANN)
    assert rotation_of(world).rolling_back is None


def test_a_rotation_that_somebody_else_opens_at_the_same_moment_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = quick()

    def first() -> None:
        with world.session() as other:
            open_rotation(other, world.ports(), world.plan, "bob")

    session = world.session()
    with session:
        world.journal.release(NAME, session.me)
        meanwhile(monkeypatch, world, first)
        with pytest.raises(UsageError, match="has an open rotation already"):
            open_rotation(session, world.ports(), world.plan, "ann")
    assert [event.kind for event in events(world)] == [Kind.OPENED]


def test_a_rotation_is_opened_though_a_note_about_an_earlier_one_comes_in_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = started(quick())
    world.session().post(Kind.ABANDONED, {"by": "bob", "reason": "enough"})
    session = world.session()
    with session:
        meanwhile(monkeypatch, world, lambda: world.session().note(Kind.HELD, {"debts": []}))
        open_rotation(session, world.ports(), world.plan, "ann")
        advance(session, world.ports(), Run(by="ann", key=world.issuer.issue(name="third")[0], horizon=Phase.EXPAND))
    assert rotation_of(world).opened_by == "ann"
    assert [event.kind for event in events(world)].count(Kind.OPENED) == 2
