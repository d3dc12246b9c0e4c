"""`rotate demo --naive`: what people do today. Revoke the old key, then put the new one in place, then deploy.

The secret is written and the deploys are made by the product's own adapters; only the order is wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rotator.cli.demo_result import Result
from rotator.cli.screen import Screen
from rotator.model.keys import Claim, KeyText, Label
from rotator.ports import Clock
from rotator.sandbox.world import Failure, World
from rotator.sandbox.world_files import CREDENTIAL
from rotator.wiring import open_workplace

_PERSON: Final = timedelta(seconds=3)
"""How long this quick person needs to copy a key from the Console into the secret. A real one needs minutes."""

_LOOK: Final = timedelta(milliseconds=200)
_CALM: Final = timedelta(seconds=1)
"""Without a new failure for so long, it is over."""

_PATIENCE: Final = timedelta(seconds=60)
_VERSION: Final = "rotator-naive-demo-version-0000001"
"""AWS wants 32 to 64 characters in a version's id."""


@dataclass(slots=True)
class Watch:
    """When requests failed."""

    world: World
    clock: Clock
    failed: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def look(self) -> None:
        now, failed = self.clock.now(), self.world.traffic().failed
        if failed > self.failed:
            self.failed, self.last = failed, now
            self.first = self.first or now

    @property
    def down(self) -> timedelta:
        return self.last - self.first if self.first and self.last else timedelta()

    def rest(self, duration: timedelta) -> None:
        until = self.clock.now() + duration
        while self.clock.now() < until:
            self.clock.sleep(_LOOK)
            self.look()


def revoke_first(world: World, screen: Screen, begun: datetime) -> tuple[Result, float, str]:
    """The result, the seconds in which requests failed, and the first failure in words."""
    place = open_workplace(str(world.config_path))
    ports = place.ports(place.credential(CREDENTIAL))
    watch = Watch(world, place.clock)
    screen.say("1. The old key is revoked in the Console: at once, and for everybody.")
    world.revoke(world.key_id(world.old_key))
    new_key = world.new_key("demo, naive")
    watch.rest(_PERSON)
    screen.say(f"   {watch.failed:,} requests have failed already.")
    screen.say("2. The new key is put into the secret. Who reads it at boot only, does not notice.")
    put_at = place.clock.now()
    for store in ports.stores.values():
        current = store.read(Label.CURRENT)
        store.stage(_VERSION, new_key, Claim(rotation="none", by="naive", at=put_at))
        store.promote(_VERSION, current.id if current else None)
    for number, spec in enumerate((spec for spec in world.specs if spec.kind == "boot"), start=3):
        screen.say(f"{number}. {spec.name} is deployed.")
        ports.deployers[spec.name].deploy(f"naive-{spec.name}", _PATIENCE)
        watch.look()
        screen.say(f"   {watch.failed:,} requests have failed so far.")
    cutover = _until_all_hold(world, watch, new_key, put_at)
    while watch.last is not None and place.clock.now() - watch.last < _CALM:
        watch.rest(_LOOK)
    screen.say("Every instance holds the new key; requests succeed again.")
    traffic = world.traffic()
    result = Result(
        outcome="outage" if traffic.failed else "completed",
        requests=traffic.requests,
        failed_requests=traffic.failed,
        seconds=(place.clock.now() - begun).total_seconds(),
        cutover_seconds=cutover,
        old_key_status=world.key_status(world.key_id(world.old_key)).value,
        new_key_status=world.key_status(world.key_id(new_key)).value,
        consumers=len(world.specs),
        events=0,
    )
    sample = traffic.failures[0] if traffic.failures else None
    return result, watch.down.total_seconds(), _plainly(sample) if sample else ""


def _plainly(failure: Failure) -> str:
    """`chat-api-1: 401 authentication_error: Invalid bearer token`, out of what the consumer passed on."""
    try:
        said = json.loads(failure.what.partition(" ")[2])
        error = said["anthropic"]["error"]
        return f"{failure.instance}: {said['status']} {error['type']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{failure.instance}: {failure.what}"


def _until_all_hold(world: World, watch: Watch, key: KeyText, since: datetime) -> float | None:
    """Seconds until every instance holds the key; None where `_PATIENCE` was too short."""
    clock, wanted = watch.clock, {key.fingerprint.digest}
    while clock.now() - since < _PATIENCE:
        if all({one["fingerprint"] for one in world.observe(spec.name)} == wanted for spec in world.specs):
            return (clock.now() - since).total_seconds()
        watch.rest(_LOOK)
    return None
