"""A whole world on loopback: AWS, Anthropic, a fleet of consumers, and traffic through all of them.

    with World(directory) as world:
        key = world.new_key()          # what a person does in the Console
        ...                            # any command, with world.command_environment(): it finds world.config_path
        print(world.traffic())

Every part is a process of its own and ends with this one, however this one ends (`processes.py`).
"""

from __future__ import annotations

import json
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

SECRET, FIELD = "prod/anthropic", "ANTHROPIC_API_KEY"
_START = 60.0  # seconds that any one part may take to come up
_FIRST_TRAFFIC = 20.0  # seconds until the first request has succeeded
_LOOK = 0.05  # seconds


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

    def __init__(self, directory: Path, *, fleet: Sequence[Spec] = DEFAULT_FLEET, rate: float = 48.0) -> None:
        """`rate`: requests a second through the whole fleet. Starts nothing yet."""
        self.directory = directory.absolute()
        self.specs = tuple(fleet)
        self._rate = rate
        self._ends = ExitStack()

    def __enter__(self) -> World:
        try:
            self._start()
        except BaseException:
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

    def key_status(self, key_id: str) -> KeyStatus:
        return self._console.key_status(key_id)

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
        aws = self._spawn("aws", "rotator.sandbox.servers", ["aws"], {})
        anthropic = self._spawn("anthropic", "rotator.sandbox.servers", ["anthropic"], {})
        import boto3  # noqa: F401 - a fifth of a second that would otherwise follow the servers' start

        facts = anthropic.ready(_START)
        admin_key = KeyText(str(facts.pop("admin_key")))
        self._console = Console(require_loopback(str(facts["url"])), str(facts["control_token"]), admin_key)
        self.old_key = self.new_key("prod")
        # Law 6 allows a key's text in memory and in stores. This file is the sandbox's stand-in for the place where an
        # operator keeps the Admin key: readable by its owner only, worth nothing outside this world.
        admin_key_file = self._private_file("admin.key", admin_key.reveal())
        store = aws.ready(_START)
        self._addresses = self._know(str(store["url"]), str(store["region"]))
        self._create_secret(str(store["url"]), str(store["region"]))
        self._start_fleet()
        self.config_path = write_config(
            self.directory,
            secret=self.secret,
            admin_key_file=admin_key_file,
            fleet=self.fleet_url,
            specs=self.specs,
            hot_urls=self._hot_urls(),
            playbook=write_playbook(self.directory),
        )
        self._await_traffic()

    def _start_fleet(self) -> None:
        self._token_file = self._private_file("fleet.token", secrets.token_urlsafe(32))
        token = ["--token-file", str(self._token_file)]
        wanted = [self.secret, *map(str, self.specs), *token, "--logs", str(self._logs)]
        fleet = self._spawn("fleet", "rotator.sandbox.fleet_server", wanted, self._addresses)
        self.fleet_url = str(fleet.ready(_START)["url"])
        wanted = [self.fleet_url, *token, "--rate", str(self._rate)]
        traffic = self._spawn("traffic", "rotator.sandbox.traffic", wanted, {})
        self._traffic_url = str(traffic.ready(_START)["url"])

    def _spawn(self, name: str, module: str, arguments: Sequence[str], extra: Mapping[str, str]) -> Child:
        child = Child(module, arguments, environment=clean_environment(extra), log=self._logs / f"{name}.log")
        self._ends.callback(child.stop)
        return child

    def _know(self, aws_url: str, region: str) -> dict[str, str]:
        self.secret = f"aws-sm://{region}/{SECRET}#{FIELD}"
        return {
            "AWS_ENDPOINT_URL": require_loopback(aws_url),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,  # a profile of the caller's could point somewhere real
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "ANTHROPIC_BASE_URL": self._console.url,
        }

    def _create_secret(self, url: str, region: str) -> None:
        import boto3

        client = boto3.session.Session(
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",  # noqa: S106 - moto takes any
            region_name=region,
        ).client("secretsmanager", endpoint_url=url)
        fields = {FIELD: self.old_key.reveal(), "LOG_LEVEL": "info", "DATABASE_URL": "postgresql://db.internal/chat"}
        client.create_secret(Name=SECRET, SecretString=json.dumps(fields))
        client.close()

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
