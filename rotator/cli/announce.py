"""Debts are told to people once each (law 11); the journal remembers which were told, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rotator.core.owed import Debt, owed
from rotator.model.event import Event, Kind

if TYPE_CHECKING:
    from rotator.session import Session
    from rotator.wiring import Workplace


def announce(session: Session, place: Workplace) -> None:
    """Tell people of every debt that they were not told of before. Where nobody is to be told, nothing is noted.

    Raises `JournalError` where the journal refuses the note: then nobody is told, and the next command tells.
    """
    rotation = session.rotation
    if rotation is None or not place.config.notify:
        return
    fresh = untold(session.events, owed([*session.earlier, rotation], place.clock.now()))
    if not fresh:
        return
    why = "; ".join(debt.what for debt in fresh)
    session.note(Kind.HELD, {"why": f"owed: {why}", "debts": [debt.id for debt in fresh]})
    notifier = place.notifier()
    for debt in fresh:
        notifier.tell(f"rotate: {session.credential}: something is owed", str(debt))


def untold(events: Iterable[Event], debts: Sequence[Debt]) -> list[Debt]:
    """The debts that no note in the log names yet."""
    told: set[object] = set()
    for event in events:
        named = event.data.get("debts")
        if event.kind is Kind.HELD and isinstance(named, list):
            told |= {one for one in named if isinstance(one, str)}
    return [debt for debt in debts if debt.id not in told]
