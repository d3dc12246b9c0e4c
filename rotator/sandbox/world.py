"""A whole world on loopback: AWS or Vault, Anthropic, a fleet of consumers, and traffic through all of them.

    with World(directory) as world:
        key = world.new_key()          # what a person does in the Console
        ...                            # any command, with world.command_environment(): it finds world.config_path
        print(world.traffic())

Every part is a process of its own and ends with this one, however this one ends (`processes.py`).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from rotator.model.canonical import Json
from rotator.model.errors import OutsideError
from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.console import Console
from rotator.sandbox.fleetctl import FLEET, TOKEN_FILE
from rotator.sandbox.instances import DEFAULT_FLEET, Spec
from rotator.sandbox.loopback import clean_environment, require_loopback
from rotator.sandbox.processes import Child
from rotator.sandbox.serving import call
from rotator.sandbox.world_files import write_config, write_playbook
from rotator.sandbox.world_stores import (
    FIELD,
    SECRET,
    Place,
    StoreKind,
    aws_place,
    readers,
    servers_for,
    vault_place,
)

__all__ = ["FIELD", "SECRET", "Failure", "Traffic", "World"]

_START = 60.0  # seconds that any one part may take to come up
_FIRST_TRAFFIC = 20.0  # seconds until the first request has succeeded
_LOOK = 0.05  # seconds
_COUNTED_AFTER = 1.0  # seconds from a call to its place in the usage reports, where those are open


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed request: when, through which instance, and what came back."""

    at: datetime
    instance: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Counts since the start. `by_fingerprint`: 12 hex digits → requests that succeeded with that key."""

    requests: int
    failed: int
    by_fingerprint: Mapping[str, int]
    failures: Sequence[Failure]  # the first few, word for word

    @classmethod
    def from_json(cls, counts: Mapping[str, Json]) -> Traffic:
        by_fingerprint, failures = counts["by_fingerprint"], counts["failures"]
        assert isinstance(by_fingerprint, dict)  # noqa: S101 - our own traffic.py wrote it
        assert isinstance(failures, list)  # noqa: S101 - likewise
        return cls(
            requests=int(str(counts["requests"])),
            failed=int(str(counts["failed"])),
            by_fingerprint={str(key): int(count) for key, count in by_fingerprint.items()},
            failures=[
                Failure(at=datetime.fromisoformat(f["at"]), instance=f["instance"], what=f["what"]) for f in failures
            ],
        )


class World:
    """A context manager. All that it writes is under `directory`, and is left behind when it ends."""

    def __init__(
        self,
        directory: Path,
        *,
        fleet: Sequence[Spec] = DEFAULT_FLEET,
        rate: float = 48.0,
        store: StoreKind = "aws",
        managed: bool = True,
        reports: bool = False,
        straggler: bool = False,
    ) -> None:
        """`rate`: requests a second through the whole fleet. `store` both: the key is in both. Starts nothing yet.

        `managed`: there is an Admin key; `reports`: it may read usage by key, counted by the minute. `straggler`: one
        more consumer, which is on no list and reads the key at boot.
        """
        self.directory = directory.absolute()
        self.specs = tuple(fleet)
        self._kinds = servers_for(store)
        self._rate = rate
        self._managed, self._reports, self._straggler = managed, reports, straggler
        self._ends = ExitStack()

    def __enter__(self) -> World:
        try:
            self._start()
        except BaseException:  # Ctrl-C, too: no process may be left
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process. Safe to repeat."""
        self._ends.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a command needs to find this world: addresses and made-up AWS credentials, never a key."""
        fleet = {FLEET: self.fleet_url, TOKEN_FILE: str(self._token_file), "ROTATOR_CONFIG": str(self.config_path)}
        return self._addresses | fleet

    def command_environment(self) -> dict[str, str]:
        """A command's whole environment: the caller's without what belongs to the real world, and this world's."""
        return clean_environment(self.environment)

    def new_key(self, name: str = "made in the Console") -> KeyText:
        """A fresh active key, as a person makes it in the Console."""
        return self._console.new_key(name)

    def key_id(self, key: KeyText) -> str:
        """Anthropic's id of a key that this world made."""
        return self._console.key_id(key)

    def revoke(self, key_id: str) -> None:
        """Disable a key at once and ask nobody, as people do in the Console."""
        self._console.set_status(key_id, KeyStatus.INACTIVE)

    def archive(self, key_id: str) -> None:
        """Delete a key for good, as people do in the Console."""
        self._console.set_status(key_id, KeyStatus.ARCHIVED)

    def key_status(self, key_id: str) -> KeyStatus:
        return self._console.key_status(key_id)

    def let_usage_be_read(self, lag_seconds: float | None) -> None:
        """By the Admin key, `lag_seconds` after each call; None: no more."""
        self._console.open_reports(lag_seconds)

    def traffic(self) -> Traffic:
        """The counts up to now. Raises `OSError` where the traffic process does not answer."""
        return Traffic.from_json(call("GET", self._traffic_url)[1])

    def observe(self, consumer: str) -> Sequence[Mapping[str, Json]]:
        """The instances of one consumer, as `fleetctl observe` prints them."""
        _, said = call("GET", f"{self.fleet_url}/observe/{consumer}", token=self._token_file.read_text())
        instances = said.get("instances")
        return [dict(one) for one in instances if isinstance(one, dict)] if isinstance(instances, list) else []

    def _start(self) -> None:
        self._logs = self.directory / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        stores = {kind: self._spawn(kind, "rotator.sandbox.servers", [kind], {}) for kind in self._kinds}
        anthropic = self._spawn("anthropic", "rotator.sandbox.servers", ["anthropic"], {})
        if "aws" in stores:
            import boto3  # noqa: F401 - a fifth of a second that would otherwise follow the servers' start

        facts = anthropic.ready(_START)
        admin_key = KeyText(str(facts.pop("admin_key")))
        self._console = Console(require_loopback(str(facts["url"])), str(facts["control_token"]), admin_key)
        self.old_key = self.new_key("prod")
        # Law 6 allows a key's text in memory and in stores. This file is the sandbox's stand-in for the place where an
        # operator keeps the Admin key: readable by its owner only, worth nothing outside this world.
        admin_key_file = self._private_file("admin.key", admin_key.reveal())
        self._places = [self._place(kind, server.ready(_START)) for kind, server in stores.items()]
        self._addresses = {"ANTHROPIC_BASE_URL": self._console.url}
        for place in self._places:
            self._addresses.update(place.environment)
        self._start_fleet()
        self.config_path = write_config(
            self.directory,
            secrets=[place.reference for place in self._places],
            vault="".join(place.config for place in self._places),
            admin_key_file=admin_key_file if self._managed else None,
            fleet=self.fleet_url,
            specs=self.specs,
            hot_urls=self._hot_urls(),
            playbook=write_playbook(self.directory),
        )
        if self._reports:
            self._console.open_reports(_COUNTED_AFTER)
        self._await_traffic()

    def _start_fleet(self) -> None:
        self._token_file = self._private_file("fleet.token", secrets.token_urlsafe(32))
        token = ["--token-file", str(self._token_file)]
        wanted = [self._places[0].reference, *map(str, self.specs), *token, "--logs", str(self._logs)]
        for name, reference in readers(self.specs, self._places).items():
            wanted += ["--reads", f"{name}={reference}"]
        environment = dict(self._addresses)
        for place in self._places:
            environment.update(place.reading)
        fleet = self._spawn("fleet", "rotator.sandbox.fleet_server", wanted, environment)
        self.fleet_url = str(fleet.ready(_START)["url"])
        if self._straggler:
            self._spawn("straggler", "rotator.sandbox.straggler", [self._places[0].reference], environment)
        wanted = [self.fleet_url, *token, "--rate", str(self._rate)]
        traffic = self._spawn("traffic", "rotator.sandbox.traffic", wanted, {})
        self._traffic_url = str(traffic.ready(_START)["url"])

    def _spawn(self, name: str, module: str, arguments: Sequence[str], extra: Mapping[str, str]) -> Child:
        child = Child(module, arguments, environment=clean_environment(extra), log=self._logs / f"{name}.log")
        self._ends.callback(child.stop)
        return child

    def _place(self, kind: str, facts: Mapping[str, Json]) -> Place:
        if kind == "aws":
            return aws_place(facts, self.old_key)
        secret_id = self._private_file("vault.secret-id", str(facts["secret_id"]))
        return vault_place(facts, self.old_key, secret_id)

    def _private_file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        return path

    def _hot_urls(self) -> dict[str, list[str]]:
        _, said = call("GET", f"{self.fleet_url}/routes", token=self._token_file.read_text())
        routes = said["routes"]
        assert isinstance(routes, list)  # noqa: S101 - our own fleet_server.py wrote it
        return {spec.name: [r["url"] for r in routes if r["consumer"] == spec.name] for spec in self.specs}

    def _await_traffic(self) -> None:
        deadline = time.monotonic() + _FIRST_TRAFFIC
        while self.traffic().requests == self.traffic().failed:
            if time.monotonic() > deadline:
                raise OutsideError("No request succeeded in the sandbox.", f"Its logs are in {self._logs}.")
            time.sleep(_LOOK)
