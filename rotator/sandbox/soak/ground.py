"""Where the soak happens: a world with short waits, and fault proxies between the `rotate` processes and servers."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rotator.model.keys import KeyText
from rotator.sandbox.fault_proxy import FAIR, FaultProxy, Weather
from rotator.sandbox.instances import Spec
from rotator.sandbox.soak import deploy
from rotator.sandbox.soak.calls import CallLog
from rotator.sandbox.soak.ledger import Ledger
from rotator.sandbox.soak.places import Store
from rotator.sandbox.world import World
from rotator.sandbox.world_files import CREDENTIAL

PLAYBOOK: Final = """\
name: soak
why: The order, the gates and the proofs are those of standard; the waits are as short as they can be.
adopt: {patience: 20s}
pings: {count: 2, interval: 100ms, patience: 20s, inference: true}
deploy: {waves: ordered, timeout: 30s}
observe: {interval: 200ms, timeout: 60s}
drain: {quiet_for: 500ms, lag: 100ms, unproven: ask}
soak: 1s
approvals: {disable: ask, archive: ask}
reenable: auto
deadline: 1h
"""
LEAK: Final = """\
name: soak-leak
why: What makes leak another playbook than standard, with waits as short as they can be.
adopt: {patience: 20s}
pings: {count: 2, interval: 100ms, patience: 20s, inference: true}
deploy: {waves: together, timeout: 30s}
observe: {interval: 200ms, timeout: 60s}
drain: {quiet_for: 500ms, lag: 0s, unproven: accept}
soak: 1s
approvals: {disable: ask, archive: ask}
reenable: never
deadline: 1h
"""
CADENCE: Final = "500ms"
FLEET: Final = (Spec("chat-api", "boot", 2), Spec("worker", "boot", 1), Spec("edge", "hot", 2))
RATE: Final = 24.0  # requests a second, so that two cores are left with time for the commands

OUTPUTS, TEMPORARY, ADMIN_KEY = "outputs", "tmp", "admin.key"
_COUNTED_AFTER: Final = 0.5  # seconds from a call to its place in the usage reports
_SERVERS: Final = {"anthropic": "ANTHROPIC_BASE_URL", "aws": "AWS_ENDPOINT_URL", "vault": "VAULT_ADDR"}


class Ground:
    """A context manager. All files are under `directory`."""

    def __init__(self, directory: Path, seed: int, store: Store = "aws", fleet: Sequence[Spec] = FLEET) -> None:
        self.directory, self.store = directory.absolute(), store
        self.world = World(self.directory, fleet=fleet, rate=RATE, store=store)
        self.calls = CallLog()
        self.keys: list[KeyText] = []
        """Every key's text there is, to look for where none may be (law 6)."""
        self.leak = self.directory / "leak.yaml"
        self.proxies: dict[str, FaultProxy] = {}
        """By the server's name."""
        self._seed = seed
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        for folder in (OUTPUTS, TEMPORARY):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        try:
            self._ends.enter_context(self.world)
            for number, (server, variable) in enumerate(_SERVERS.items()):
                if variable in self.world.environment:
                    self.proxies[server] = self._proxy(self.world.environment[variable], number)
        except BaseException:  # Ctrl-C, too: no process may be left
            self._ends.close()
            raise
        admin = KeyText((self.directory / ADMIN_KEY).read_text().strip())
        self.keys += [self.world.old_key, admin]
        self.ledger = Ledger(self.directory / "journal.db", CREDENTIAL)
        self._ends.callback(self.ledger.close)
        self._write_files()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ends.close()

    def environment(self) -> dict[str, str]:
        """A `rotate` process's: to the servers through the proxies, temporary files where we can look at them."""
        return (
            self.world.command_environment()
            | {_SERVERS[server]: proxy.url for server, proxy in self.proxies.items()}
            | {"TMPDIR": str(self.directory / TEMPORARY), deploy.LOG: str(self.deploy_log)}
        )

    @property
    def deploy_log(self) -> Path:
        return self.directory / "deploys.jsonl"

    def new_key(self) -> KeyText:
        self.keys.append(self.world.new_key())
        return self.keys[-1]

    def let_usage_be_read(self, yes: bool) -> None:
        """By the Admin key, from the next rotation on: what was read for the one before is kept for a minute only, and
        is taken away here."""
        self.world.let_usage_be_read(_COUNTED_AFTER if yes else None)
        (self.directory / "journal.db-usage").unlink(missing_ok=True)

    def weather(self, weather: Weather = FAIR, server: str | None = None) -> None:
        """`server`: at `anthropic`, at the `store`; None: everywhere."""
        for name, proxy in self.proxies.items():
            there = "anthropic" if name == "anthropic" else "store"
            proxy.weather = weather if server in (None, there) else FAIR

    def refuse(self, yes: bool) -> None:
        for proxy in self.proxies.values():
            proxy.refuse(yes)

    def _proxy(self, upstream: str, number: int) -> FaultProxy:
        return self._ends.enter_context(FaultProxy(upstream, seed=self._seed * 10 + number, seen=self.calls.seen))

    def _write_files(self) -> None:
        """The world's own configuration, with shorter waits and a deploy command that keeps a log."""
        (self.directory / "demo-playbook.yaml").write_text(PLAYBOOK)
        self.leak.write_text(LEAK)
        text = self.world.config_path.read_text()
        text = re.sub(r"cadence: \S+", f"cadence: {CADENCE}", text)
        text = re.sub(r'"rotator\.sandbox\.fleetctl", "deploy"', '"rotator.sandbox.soak.deploy"', text)
        self.world.config_path.write_text(text)


def rotate(*words: str) -> list[str]:
    """The tool's command line."""
    return [sys.executable, "-m", "rotator", *words]
