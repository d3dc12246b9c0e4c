"""May the new key stand in for the old one? What refuses it, and what only warns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from rotator.core.decide import decide
from rotator.core.parity import Parity, compare
from rotator.core.plan import ADOPT
from rotator.core.status import status
from rotator.model.decision import Exit, Stop
from rotator.model.keys import KeyRecord, KeyStatus
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.plan import Phase
from rotator.sandbox.memory_issuer import MODEL
from rotator.sandbox.memory_world import NAME, MemoryWorld
from tests.unit.core_rotations import NOW
from tests.unit.engine_world import rotation_of

DAY = timedelta(days=1)


def ping(*models: str) -> Ping:
    return Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="200", models=models)


def of_model(model: str, verdict: Verdict) -> Ping:
    cause = Cause.FORBIDDEN if verdict is Verdict.FAILED else Cause.WEATHER
    return Ping(verdict=verdict, cause=cause, why=f"{model} says so", model=model)


def record(expires: int | None = None, *, personal: bool = False) -> KeyRecord:
    at = None if expires is None else NOW + expires * DAY
    return KeyRecord(
        id="apikey_9",
        name="k",
        status=KeyStatus.ACTIVE,
        hint=None,
        workspace="w",
        expires_at=at,
        personal=personal,
    )


def compared(new: KeyRecord | None, old: KeyRecord | None, *used: Ping) -> Parity:
    return compare(NOW, ping("a", "b"), ping("a", "b"), new, old, used, 2 * DAY)


@pytest.mark.parametrize(
    ("new", "old", "refused", "warned"),
    [
        (None, None, False, False),
        (None, 90, False, False),  # the new one never expires
        (90, 90, False, False),
        (200, 90, False, False),
        (10, 5, False, False),  # short, but longer than what it replaces
        (60, 90, False, True),
        (60, None, False, True),
        (29, 90, True, False),
        (29, None, True, False),
        (30, None, False, True),
    ],
)
def test_a_new_key_that_dies_sooner_than_the_old_one_is_refused_below_30_days_and_warned_of_above(
    new: int | None, old: int | None, refused: bool, warned: bool
) -> None:
    found = compared(record(new), record(old))
    assert (found.refusal is not None, bool(found.warnings)) == (refused, warned)


def test_models_that_only_the_old_key_lists_are_warned_of() -> None:
    found = compare(NOW, ping("a"), ping("a", "b"), record(), record(), [], DAY)
    assert found == Parity(refusal=None, warnings=("the old key lists models that the new one does not: b",))


def test_a_model_that_the_old_key_really_used_must_be_open_to_the_new_one() -> None:
    assert compared(record(), record(), of_model("a", Verdict.PASSED)) == Parity(refusal=None, warnings=())
    refused = compared(record(), record(), of_model("a", Verdict.PASSED), of_model("b", Verdict.FAILED))
    assert refused.refusal == "the old key was used with b, which the new key may not use: b says so"
    unsure = compared(record(), record(), of_model("b", Verdict.INCONCLUSIVE))
    assert unsure.refusal is None
    assert "could not be told" in unsure.warnings[0]


def test_a_personal_key_warns_that_it_dies_with_its_user() -> None:
    [warning] = compared(record(personal=True), record()).warnings
    assert "dies when that user leaves" in warning


def test_an_old_key_that_expires_before_the_soak_ends_cannot_be_enabled_again() -> None:
    assert "cannot be enabled again" in compared(record(), record(1)).warnings[-1]
    assert compared(record(), record(3)).warnings == ()


def test_an_old_key_that_is_disabled_already_may_find_no_room_when_it_is_enabled_again() -> None:
    [warning] = compared(record(), replace(record(), status=KeyStatus.INACTIVE)).warnings
    assert "limit of active keys" in warning
    assert compared(record(), replace(record(), status=KeyStatus.ARCHIVED)).warnings == ()


def test_what_nobody_can_read_is_no_finding() -> None:
    assert compare(NOW, ping(), None, None, None, [], DAY) == Parity(refusal=None, warnings=())


def test_a_rotation_refuses_a_key_without_the_models_that_are_in_use_and_changes_nothing() -> None:
    world = MemoryWorld()
    books = world.issuer.books
    books.meter.reporting.open, books.meter.reporting.lag = "both", timedelta()
    books.meter.count(world.old_id, world.clock.now() - timedelta(hours=1), "claude-opus-5-5", None)
    books.closed_models.add((world.new_id, "claude-opus-5-5"))
    end = world.start()
    assert isinstance(end, Stop)
    assert (end.exit, "claude-opus-5-5" in end.why) == (Exit.GATE_FAILED, True)
    assert not rotation_of(world).steps
    books.closed_models.clear()
    world.clock.advance(timedelta(minutes=1))
    world.start(horizon=Phase.EXPAND)
    assert MODEL in world.issuer.ping(world.new, inference=True).models
    assert rotation_of(world).gates[ADOPT].measurement.verdict is Verdict.PASSED


def test_what_the_old_key_was_used_for_is_kept_as_evidence_and_models_past_the_bound_are_warned_of() -> None:
    world = MemoryWorld()
    meter, now = world.issuer.books.meter, world.clock.now()
    meter.reporting.open, meter.reporting.lag = "both", timedelta()
    for number in range(6):
        meter.count(world.old_id, now - timedelta(hours=2, minutes=number), f"model-{number}", "wrkspc_01")
    world.start(horizon=Phase.EXPAND)
    found = rotation_of(world).gates[ADOPT].measurement
    used: Any = found.proof["old_used"]
    assert (used["unit"], used["traffic"]["volume"]) == ("request", 6)
    assert used["traffic"]["last"] == (now - timedelta(hours=2)).isoformat()
    assert len(used["traffic"]["models"]) == 5
    assert "whether the new key may use model-5" in str(found.facts["warnings"])


@pytest.mark.parametrize("read", ["both", "none"])
def test_an_unused_old_key_and_one_whose_use_nobody_may_read_are_two_things(read: Literal["both", "none"]) -> None:
    world = MemoryWorld()
    world.issuer.books.meter.reporting.open = read
    world.start(horizon=Phase.EXPAND)
    used = rotation_of(world).gates[ADOPT].measurement.proof["old_used"]
    assert used == ({"unit": "request", "traffic": None} if read == "both" else None)


def test_a_warning_goes_into_the_journal_and_the_status_and_stops_nothing() -> None:
    world = MemoryWorld()
    key, _ = world.issuer.books.issue("mine", personal=True)
    end = world.start(key, horizon=Phase.EXPAND)
    assert isinstance(end, Stop)
    assert end.exit is Exit.DONE
    rotation = rotation_of(world)
    assert "belongs to a person" in str(status(NAME, rotation, world.clock.now())["warnings"])
    assert decide(rotation, world.clock.now(), Phase.EXPAND) == end
