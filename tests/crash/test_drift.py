"""Killed around every effect and append of a rotation before the rotation, and of the one that follows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rotator.core.owed import owed
from rotator.model.decision import Stop
from rotator.model.plan import Phase
from rotator.model.rotation import Outcome
from rotator.sandbox.memory_world import MemoryWorld
from rotator.sandbox.watched import Killed, Moment
from tests.drift_world import a_world, all_of, done, latest

EFFECTS = ("append", "stage", "promote", "restore", "discard", "deploy", "set_status")


def there(world: MemoryWorld) -> Stop:
    """Made equal, then rotated."""
    while world.session().rotation is None or latest(world).plan.right is not None:
        end = world.agree()
        if end is None:
            break
        assert done(end), end
    end = world.start() if latest(world).outcome is not Outcome.OPEN else world.go_on(key=world.new)
    assert isinstance(end, Stop), end
    return end


def back(world: MemoryWorld) -> Stop:
    """Made equal as far as the overlap, then rolled back."""
    if world.session().rotation is None or latest(world).rolling_back is None:
        assert done(world.agree(horizon=Phase.OVERLAP))
        end = world.rollback()
    else:
        end = world.go_on()
    assert isinstance(end, Stop), end
    return end


Journey = Callable[[MemoryWorld], Stop]


class Killer:
    def __init__(self, world: MemoryWorld, at: tuple[int, Moment] | None) -> None:
        self.world, self.at = world, at
        self.effects: list[str] = []

    def __call__(self, operation: str, moment: Moment) -> None:
        if operation.rpartition(".")[2] not in EFFECTS:
            return
        self.world.hook = lambda operation, moment: None  # looking at the world is no operation
        assert self.world.broken_laws() == [], f"{moment} {operation}"
        self.world.hook = self
        if moment == "before":
            self.effects.append(operation)
        if self.at == (len(self.effects) - 1, moment):
            self.at = None
            raise Killed(f"{moment} {operation}")


def end_of(world: MemoryWorld) -> object:
    names = {world.old: "old", world.new: "new"}
    history = [[names.get(key, "stray") for _, key in store.history] for store in world.stores.values()]
    labels = [sorted(label.value for label in store.labels) for store in world.stores.values()]
    statuses = [world.issuer.books.record(id).status for id in (world.old_id, world.new_id, *world.stray_keys.values())]
    held = {name: sorted(names.get(key, "stray") for key in one.held()) for name, one in world.fleet.items()}
    return (
        history,
        labels,
        statuses,
        held,
        [one.outcome for one in all_of(world)],
        len(owed(all_of(world), world.clock.now())),
    )


@pytest.mark.parametrize(("journey", "strays"), [(there, 1), (there, 2), (back, 1), (back, 2)])
def test_a_kill_at_any_effect_or_append_changes_nothing_in_the_end(journey: Journey, strays: int) -> None:
    calm = a_world(strays)
    recorder = calm.hook = Killer(calm, None)
    wanted = journey(calm)
    assert len(recorder.effects) > 20
    moments: tuple[Moment, ...] = ("before", "after")
    for point in ((number, moment) for number in range(len(recorder.effects)) for moment in moments):
        world = a_world(strays)
        world.hook = Killer(world, point)
        try:
            journey(world)
            raise AssertionError("nothing was killed")
        except Killed:
            end = journey(world)
        where = f"killed {point[1]} {recorder.effects[point[0]]}"
        assert end == wanted, where
        assert end_of(world) == end_of(calm), where
