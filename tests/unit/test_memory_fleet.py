from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import KeyText
from rotator.model.measure import Cause, Ping, Verdict
from rotator.sandbox.memory_fleet import MemoryConsumer

OLD, NEW = KeyText("old" * 20), KeyText("new" * 20)
MINUTE = timedelta(minutes=1)


class World:
    """A store's current key, dead keys, a clock, and one consumer of them."""

    def __init__(self) -> None:
        self.current: KeyText | None = OLD
        self.dead: set[KeyText] = set()
        self.time = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def sleep(self, duration: timedelta) -> None:
        self.time += duration

    def ping(self, key: KeyText) -> Ping:
        if key in self.dead:
            return Ping(verdict=Verdict.FAILED, cause=Cause.UNAUTHENTICATED, why="401")
        return Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="200")

    def boot(self) -> MemoryConsumer:
        return MemoryConsumer("app", lambda: self.current, self.ping, self)

    def hot(self, reload_after: timedelta = timedelta(0)) -> MemoryConsumer:
        return MemoryConsumer("app", lambda: self.current, self.ping, self, kind="hot", reload_after=reload_after)


def test_a_boot_consumer_holds_its_key_until_it_is_deployed() -> None:
    world = World()
    consumer = world.boot()
    world.current = NEW
    assert consumer.held() == {OLD}
    consumer.deploy("t1", MINUTE)
    assert consumer.held() == {NEW}
    assert consumer.deploys == ["t1"]


def test_a_hot_consumer_reads_it_again_by_itself() -> None:
    world = World()
    consumer = world.hot()
    world.current = NEW
    assert consumer.held() == {NEW}


def test_a_slow_hot_consumer_reads_it_again_after_a_while() -> None:
    world = World()
    consumer = world.hot(MINUTE)
    world.current = NEW
    assert consumer.held() == {OLD}
    world.sleep(MINUTE)
    assert consumer.held() == {NEW}


def test_a_stuck_consumer_keeps_the_old_key() -> None:
    world = World()
    for consumer in (world.boot(), world.hot()):
        consumer.stuck = True
        world.current = NEW
        consumer.deploy("t", MINUTE)
        assert consumer.held() == {OLD}
        world.current = OLD


def test_replaced_instances_linger_with_the_old_key_and_are_seen() -> None:
    world = World()
    consumer = world.boot()
    consumer.linger = MINUTE
    world.current = NEW
    consumer.deploy("t", MINUTE)
    assert consumer.held() == {OLD, NEW}
    assert [instance.terminating for instance in consumer.observe()] == [True, True, False, False]
    world.sleep(MINUTE)
    assert consumer.held() == {NEW}
    assert len(consumer.observe()) == 2


def test_the_probe_fails_when_any_live_instance_holds_a_dead_key() -> None:
    world = World()
    consumer = world.boot()
    assert consumer.measure().verdict is Verdict.PASSED
    world.dead.add(OLD)
    assert consumer.measure().cause is Cause.UNAUTHENTICATED


def test_without_a_key_there_is_no_success() -> None:
    world = World()
    world.current = None
    assert world.boot().measure().verdict is Verdict.FAILED
    empty = MemoryConsumer("app", lambda: OLD, world.ping, world, instances=0)
    assert empty.measure().verdict is Verdict.INCONCLUSIVE


def test_knobs_refuse_a_deploy_once_and_an_observation() -> None:
    world = World()
    consumer = world.boot()
    consumer.deploy_error = Refused("exit code 1")
    with pytest.raises(Refused):
        consumer.deploy("t", MINUTE)
    assert consumer.deploys == []
    consumer.deploy("t", MINUTE)
    consumer.unreachable = True
    with pytest.raises(Unreachable):
        consumer.observe()
