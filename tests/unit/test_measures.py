"""Each gate by itself: what it asks of the world, how often, and when it asks no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.plan import ADOPT, DRAIN, PINGS
from rotator.model.errors import Unreachable, UsageError
from rotator.model.keys import KeyStatus, KeyText
from rotator.model.measure import Cause, Ping, Verdict
from rotator.model.plan import Phase, StepId
from rotator.sandbox.memory_issuer import MODEL
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.memory_world import MemoryWorld, consumer
from rotator.sandbox.watched import Moment
from rotator.steps import gate_of
from rotator.steps.drain import _still_old
from rotator.steps.needs import needs_key
from rotator.steps.pings import Pings
from tests.unit.core_rotations import evidence
from tests.unit.engine_world import quick, rotation_of, started
from tests.unit.test_effects import at
from tests.unit.test_engine_drain import read_by_the_minute

OBSERVE = StepId("observe", "chat")
WEATHER = Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why="it is busy")


def pings_of(world: MemoryWorld, key: KeyText) -> int:
    return sum(call == ("ping", str(key.fingerprint)) for call in world.issuer.calls)


def test_pings_are_made_in_a_row_as_far_apart_as_the_playbook_says() -> None:
    world = started(quick())
    world.issuer.calls.clear()
    before = world.clock.now()
    measured = gate_of(PINGS).measure(at(world, PINGS))
    assert (measured.verdict, measured.facts) == (Verdict.PASSED, {"accepted": 3})
    assert pings_of(world, world.new) == 3
    assert world.clock.now() - before == timedelta(seconds=4)


def test_the_first_ping_that_is_not_accepted_is_the_last() -> None:
    world = started(quick())
    world.issuer.calls.clear()
    world.issuer.disturb = lambda key: WEATHER
    assert gate_of(PINGS).measure(at(world, PINGS)).verdict is Verdict.INCONCLUSIVE
    assert pings_of(world, world.new) == 1


def test_one_ping_of_the_soak_is_made_and_costs_no_token() -> None:
    world = started(quick())
    world.issuer.books.closed_models.add((world.new_id, MODEL))
    world.issuer.calls.clear()
    assert Pings().once(at(world, PINGS)).facts == {"accepted": 1}
    assert pings_of(world, world.new) == 1
    assert gate_of(PINGS).measure(at(world, PINGS)).verdict is Verdict.FAILED


def test_a_watcher_out_of_reach_is_an_error_that_may_pass() -> None:
    world = started(quick())
    world.fleet["chat"].unreachable = True
    measured = gate_of(OBSERVE).measure(at(world, OBSERVE))
    assert (measured.verdict, measured.final, measured.why) == (Verdict.ERRORED, False, "chat cannot be observed")


def test_the_key_is_asked_for_until_some_secret_is_known_to_hold_it() -> None:
    world = quick()
    seen = list[bool]()

    def look(operation: str, moment: Moment) -> None:
        if moment == "before" and operation.endswith(("0.stage", "0.promote")):
            seen.append(needs_key(rotation_of(world)))

    world.hook = look
    world.start(horizon=Phase.EXPAND)
    assert seen == [True, False]
    assert not needs_key(rotation_of(world))


def test_usage_is_asked_for_by_whole_minutes_and_of_both_keys() -> None:
    world, _ = read_by_the_minute()
    world.clock.advance(timedelta(seconds=7, microseconds=5))
    asked: list[tuple[tuple[str, ...], set[int]]] = []

    def look(operation: str, moment: Moment) -> None:
        if operation == "issuer.usage" and moment == "after":
            since = {part for at in world.issuer._named.values() for part in (at.second, at.microsecond)}
            asked.append((world.issuer.calls[-1][1:], since))

    world.hook = look
    world.start()
    assert len({ids for ids, _ in asked}) == 2  # the soak asks of the old one alone
    assert (world.old_id, world.new_id) in [ids for ids, _ in asked]
    assert asked[0][0] == (world.old_id, world.new_id)
    assert {part for _, since in asked for part in since} == {0}


def test_without_an_admin_key_the_drain_gate_says_why_no_usage_can_be_read() -> None:
    world = started(quick(managed=False))
    measured = gate_of(DRAIN).measure(at(world, DRAIN))
    assert "without an Admin key no usage can be read" in {**measured.facts, **measured.proof}.values()


def test_the_old_key_is_pinged_wherever_it_can_be_read_and_one_that_is_refused_counts() -> None:
    world = quick()
    world.issuer.set_status(world.old_id, KeyStatus.INACTIVE)
    world.start(horizon=Phase.EXPAND)
    assert rotation_of(world).gates[ADOPT].measurement.facts["old_key_works"] is False


def test_only_what_is_not_required_and_not_seen_to_have_moved_may_go_on_using_the_old_key() -> None:
    optional = consumer("shadow", required=False)
    world = started(quick(consumers=(consumer("chat"), optional)))
    rotation = rotation_of(world)
    gate = StepId("observe", "shadow")
    missed = {key: value for key, value in rotation.gates.items() if key not in (gate, OBSERVE)}
    assert _still_old(rotation) == []
    assert _still_old(replace(rotation, gates=missed)) == ["shadow"]
    assert _still_old(replace(rotation, gates={**missed, gate: evidence(gate, Verdict.FAILED)})) == ["shadow"]


def agreed() -> MemoryWorld:
    """Two places of three held keys of their own, and were given the first one's."""
    world = quick(secrets=3, strays=2)
    world.agree(horizon=Phase.EXPAND)
    return world


def test_of_several_old_keys_one_that_is_dead_is_told_of() -> None:
    world = agreed()
    assert gate_of(ADOPT).measure(at(world, ADOPT)).facts["old_key_works"] is True
    world.issuer.set_status([*world.stray_keys.values()][-1], KeyStatus.INACTIVE)
    assert gate_of(ADOPT).measure(at(world, ADOPT)).facts["old_key_works"] is False


def test_an_old_key_that_cannot_be_read_hides_no_other_one() -> None:
    world = agreed()
    dead = [*world.stray_keys.values()][-1]
    world.issuer.set_status(dead, KeyStatus.INACTIVE)
    first = [*world.stores][1]

    def unreachable(operation: str, moment: Moment) -> None:
        if operation == f"store {first}.read":
            raise Unreachable(f"{first} is away")

    world.hook = unreachable
    assert gate_of(ADOPT).measure(at(world, ADOPT)).facts["old_key_works"] is False


def test_a_right_place_that_lost_its_key_is_named_with_the_way_back() -> None:
    world = agreed()
    rotation = replace(rotation_of(world), new=None)
    assert rotation.plan.right is not None
    ports = world.ports()
    empty = MemorySecretStore("empty", world.clock, fields={"other": "x"})
    context = at(
        world, ADOPT, rotation=rotation, ports=replace(ports, stores={**ports.stores, rotation.plan.right: empty})
    )
    with pytest.raises(UsageError, match="holds no key any more") as caught:
        gate_of(ADOPT).measure(context)
    assert caught.value.hint == "rotate rollback prod-chat"
    with pytest.raises(UsageError, match="paste it again"):
        gate_of(ADOPT).measure(at(quick_opened(), ADOPT))


def quick_opened() -> MemoryWorld:
    world = quick()
    session = world.session()
    with session:
        world._opened(session)
    return world
