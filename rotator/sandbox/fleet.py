"""A supervisor: starts the consumers' instances, keeps them running, and deploys without a failed request."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from rotator.model.canonical import JsonObject
from rotator.model.errors import UsageError
from rotator.sandbox.instances import Roster, Running, Spec, ask_health
from rotator.sandbox.processes import Child, ChildFailed, stop_all
from rotator.sandbox.routing import Route, RoutingTable
from rotator.sandbox.serving import call

_START = 30.0  # seconds that an instance may take until it answers
_DRAIN = 15.0  # seconds that requests in flight may take
_EXIT = 15.0  # seconds from SIGTERM to the end of the process
_HEALTH = 5.0  # seconds for the first answer of /healthz
_LOOK = 0.5  # seconds between two looks for instances that died
_OK = 200


class Fleet:
    def __init__(
        self,
        specs: Sequence[Spec],
        secret: str,
        *,
        logs: Path,
        refresh: float = 1.0,
        others: Mapping[str, str] | None = None,
    ) -> None:
        """`secret`: what they read, as in `rotate.yaml`; `others`: consumer → what it reads instead; `refresh` is the
        hot consumers', in seconds."""
        self.routing = RoutingTable()
        self._specs = {spec.name: spec for spec in specs}
        self._secret, self._others, self._logs, self._refresh = secret, dict(others or {}), logs, refresh
        self._roster = Roster()
        self._deploying = {name: threading.Lock() for name in self._specs}
        self._deploys: dict[tuple[str, str], Future[None]] = {}
        self._asking = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=16)
        self._ending = threading.Event()

    def start(self) -> None:
        """Every instance, together; returns when all of them answer and are in the routing table."""
        born = [self._spawn(spec) for spec in self._specs.values() for _ in range(spec.instances)]
        for instance in born:
            self._await(instance)
            self._route(instance)
        threading.Thread(target=self._supervise, daemon=True).start()

    def stop(self) -> None:
        self._ending.set()
        stop_all([instance.child for instance in self._roster.all()])

    def names(self) -> list[str]:
        return list(self._specs)

    def observe(self, name: str) -> JsonObject:
        """An observation: every instance that is not gone, asked at this moment."""
        instances = list(self._pool.map(ask_health, self._roster.of(self._spec(name).name)))
        return {"instances": [instance for instance in instances if instance is not None]}

    def deploy(self, name: str, token: str) -> None:
        """A rolling restart. A repeat with the same token waits for, or shares, the first one's end.

        Raises `UsageError` for a consumer that needs no deploy, `ChildFailed` where a replacement did not start.
        """
        spec = self._spec(name)
        if spec.kind == "hot":
            raise UsageError(f"{name} reloads by itself: there is nothing to deploy.")
        with self._asking:
            known = self._deploys.get((name, token))
            if known is None or (known.done() and known.exception() is not None):
                known = self._deploys[name, token] = self._pool.submit(self._roll, spec)
        known.result()

    def _roll(self, spec: Spec) -> None:
        with self._deploying[spec.name]:
            old = [instance for instance in self._roster.of(spec.name) if not instance.terminating]
            fresh = [self._spawn(spec) for _ in range(spec.instances)]
            try:
                for instance in fresh:
                    self._await(instance)
            except (ChildFailed, OSError):
                for instance in fresh:  # the old ones serve on
                    instance.terminating = True
                stop_all([instance.child for instance in fresh])
                raise
            for instance in fresh:
                self._route(instance)
                if old:
                    self._retire(old.pop(0))
            for left in old:
                self._retire(left)

    def _retire(self, instance: Running) -> None:
        """Out of the table, wait for what is in flight, SIGTERM, wait for the exit."""
        instance.terminating = True
        version = self.routing.remove(instance.id)
        self.routing.drained(instance.id, version, _DRAIN)
        instance.child.ask_to_end()
        instance.child.wait(_EXIT)
        instance.child.stop()

    def _spawn(self, spec: Spec, port: int = 0) -> Running:
        secret = self._others.get(spec.name, self._secret)
        arguments = [spec.kind, secret, "--port", str(port), "--refresh", str(self._refresh)]
        name = self._roster.name(spec)
        # The fleet's own environment: the world made it, with addresses and without any key.
        child = Child("rotator.sandbox.consumer", arguments, environment=os.environ, log=self._logs / f"{name}.log")
        instance = Running(name, spec, child)
        self._roster.add(instance)
        return instance

    def _await(self, instance: Running) -> None:
        url = str(instance.child.ready(_START)["url"])
        status, _ = call("GET", f"{url}/healthz", timeout=_HEALTH)
        if status != _OK:
            raise ChildFailed(f"The sandbox instance {instance.id} answered {status} on /healthz.")
        instance.url = url

    def _route(self, instance: Running) -> None:
        self.routing.add(Route(instance.id, instance.spec.name, instance.url))

    def _supervise(self) -> None:
        """Replace what died by itself; a hot one at its old address, for that is what is written in rotate.yaml."""
        while not self._ending.wait(_LOOK):
            for dead in self._roster.take_dead():
                self.routing.remove(dead.id)
                fresh = self._spawn(dead.spec, int(dead.url.rpartition(":")[2]) if dead.spec.kind == "hot" else 0)
                try:
                    self._await(fresh)
                except (ChildFailed, OSError):
                    continue  # its log says why; the fleet goes on with one instance less, as a cluster would
                self._route(fresh)

    def _spec(self, name: str) -> Spec:
        if name not in self._specs:
            raise UsageError(f"There is no consumer {name!r} in the sandbox.", f"There are: {', '.join(self._specs)}.")
        return self._specs[name]
