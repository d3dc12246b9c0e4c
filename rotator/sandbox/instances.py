"""The instances of the sandbox's consumers: what is wanted, what runs, and what it says of itself."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from typing import Literal

from rotator.model.canonical import Json
from rotator.model.errors import UsageError
from rotator.sandbox.processes import Child
from rotator.sandbox.serving import call

_HEALTH = 2.0  # seconds for an answer of /healthz


@dataclass(frozen=True, slots=True)
class Spec:
    """`boot` reads the key once and is restarted by a deploy; `hot` follows the secret by itself."""

    name: str
    kind: Literal["boot", "hot"]
    instances: int

    @classmethod
    def parse(cls, text: str) -> Spec:
        """`NAME:boot|hot:INSTANCES`, as on the fleet's command line."""
        match text.split(":"):
            case [name, ("boot" | "hot") as kind, count] if name and count.isdigit() and int(count) > 0:
                return cls(name, kind, int(count))
        raise UsageError(f"{text!r} is not a consumer of the sandbox.", "Write NAME:boot:2 or NAME:hot:2.")

    def __str__(self) -> str:
        return f"{self.name}:{self.kind}:{self.instances}"


DEFAULT_FLEET = (Spec("chat-api", "boot", 2), Spec("worker", "boot", 2), Spec("edge", "hot", 2))


@dataclass(slots=True, eq=False)
class Running:
    """One instance. `url` is empty until it answers; `terminating` once it is out of the routing table for good."""

    id: str
    spec: Spec
    child: Child
    url: str = ""
    terminating: bool = False


class Roster:
    """Every instance that is not gone, in the order of starting. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[Running] = []
        self._numbers: dict[str, itertools.count[int]] = {}

    def name(self, spec: Spec) -> str:
        with self._lock:
            return f"{spec.name}-{next(self._numbers.setdefault(spec.name, itertools.count(1)))}"

    def add(self, instance: Running) -> None:
        with self._lock:
            self._running.append(instance)

    def all(self) -> list[Running]:
        with self._lock:
            return list(self._running)

    def of(self, name: str) -> list[Running]:
        return [instance for instance in self.all() if instance.spec.name == name and instance.child.running]

    def take_dead(self) -> list[Running]:
        """Remove those whose process has ended; returns the ones that ended without being asked to."""
        with self._lock:
            dead = [instance for instance in self._running if not instance.child.running]
            self._running = [instance for instance in self._running if instance not in dead]
        return [instance for instance in dead if instance.url and not instance.terminating]


def ask_health(instance: Running) -> Json:
    """One instance of an observation; None where it is gone by now."""
    fingerprint: Json = None
    since: Json = None
    if instance.url:
        try:
            _, health = call("GET", f"{instance.url}/healthz", timeout=_HEALTH)
        except OSError:
            health = {}
        key = health.get("anthropic_key")
        if isinstance(key, dict):
            fingerprint, since = key.get("fingerprint"), key.get("since")
    if fingerprint is None and not instance.child.running:
        return None
    said: dict[str, Json] = {"id": instance.id, "fingerprint": fingerprint, "terminating": instance.terminating}
    return said if since is None else said | {"since": since}
