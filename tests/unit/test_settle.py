"""A person's word that closes a debt, as an order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.owed import Debt, owed
from rotator.engine import Yes
from rotator.model.errors import UsageError
from rotator.model.event import Kind
from rotator.orders import abandon, approve, roll_back
from rotator.sandbox.memory_world import MemoryWorld
from tests.unit.engine_world import events, quick, rotation_of, run, started

ANN = Yes(by="ann", reason="deleted in the Console")


def debts(world: MemoryWorld) -> list[Debt]:
    session = world.session()
    assert session.rotation is not None
    return owed([*session.earlier, session.rotation], world.clock.now())


def test_a_word_about_an_ended_rotation_is_an_event_that_changes_nothing_else() -> None:
    world = started(quick())
    with world.session() as session:
        abandon(session, ANN)
    before, (debt,) = rotation_of(world), debts(world)
    approve(world.session(), f"settled:{debt.id}", ANN)
    after = rotation_of(world)
    assert debts(world) == []
    assert events(world)[-1].kind is Kind.APPROVED
    assert (after.outcome, after.steps, after.ended_at) == (before.outcome, before.steps, before.ended_at)


def test_the_same_debt_is_not_settled_twice() -> None:
    world = started(quick())
    run(world, order=lambda session: roll_back(session, ANN))
    (debt,) = debts(world)
    assert debt.kind == "new_key"
    approve(world.session(), f"settled:{debt.id}", ANN)
    with pytest.raises(UsageError, match=f"owes no {debt.id}"):
        approve(world.session(), f"settled:{debt.id}", ANN)


def test_what_only_its_end_can_close_is_refused_with_the_command_that_ends_it() -> None:
    world = started(quick())
    world.clock.advance(timedelta(days=8))
    (debt,) = debts(world)
    with pytest.raises(UsageError, match="only its end does") as refused:
        approve(world.session(), f"settled:{debt.id}", ANN)
    assert refused.value.hint == "rotate resume prod-chat"


def test_a_credential_without_a_rotation_owes_nothing_that_could_be_settled() -> None:
    with pytest.raises(UsageError, match="none that a word could settle"):
        approve(quick().session(), "settled:00000000", ANN)


def test_a_word_that_another_event_overtakes_is_written_all_the_same() -> None:
    world = started(quick())
    with world.session() as session:
        abandon(session, ANN)
    (debt,) = debts(world)
    slow, other = world.session(), world.session()
    slow.refresh()
    other.note(Kind.HELD, {"why": "owed", "debts": [debt.id]})
    approve(slow, f"settled:{debt.id}", ANN)
    assert debts(world) == []
