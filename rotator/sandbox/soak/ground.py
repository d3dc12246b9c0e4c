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
from rotator.sandbox.fault_proxy import FAIR, Fault, FaultProxy, Weather
from rotator.sandbox.instances import Spec
from rotator.sandbox.soak import deploy
from rotator.sandbox.soak.calls import CallLog
from rotator.sandbox.soak.ledger import Ledger
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
CADENCE: Final = "500ms"
FLEET: Final = (Spec("chat-api", "boot", 2), Spec("worker", "boot", 1), Spec("edge", "hot", 2))
RATE: Final = 24.0  # requests a second, so that two cores are left with time for the commands

OUTPUTS, TEMPORARY, ADMIN_KEY = "outputs", "tmp", "admin.key"


class Ground:
    """A context manager. All files are under `directory`."""

    def __init__(self, directory: Path, seed: int, fleet: Sequence[Spec] = FLEET) -> None:
        self.directory = directory.absolute()
        self.world = World(self.directory, fleet=fleet, rate=RATE)
        self.calls = CallLog()
        self.keys: list[KeyText] = []
        """Every key's text there is, to look for where none may be (law 6)."""
        self._seed = seed
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        for folder in (OUTPUTS, TEMPORARY):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        try:
            self._ends.enter_context(self.world)
            straight = self.world.environment
            self.aws = self._proxy(straight["AWS_ENDPOINT_URL"], 1)
            self.anthropic = self._proxy(straight["ANTHROPIC_BASE_URL"], 2)
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
        return self.world.command_environment() | {
            "AWS_ENDPOINT_URL": self.aws.url,
            "ANTHROPIC_BASE_URL": self.anthropic.url,
            "TMPDIR": str(self.directory / TEMPORARY),
            deploy.LOG: str(self.deploy_log),
        }

    @property
    def deploy_log(self) -> Path:
        return self.directory / "deploys.jsonl"

    def new_key(self) -> KeyText:
        self.keys.append(self.world.new_key())
        return self.keys[-1]

    def weather(self, weather: Weather = FAIR) -> None:
        self.aws.weather = self.anthropic.weather = weather

    def refuse(self, yes: bool) -> None:
        self.aws.refuse(yes)
        self.anthropic.refuse(yes)

    def met(self, fault: Fault) -> int:
        return self.aws.met[fault] + self.anthropic.met[fault]

    def _proxy(self, upstream: str, number: int) -> FaultProxy:
        return self._ends.enter_context(FaultProxy(upstream, seed=self._seed * 2 + number, seen=self.calls.seen))

    def _write_files(self) -> None:
        """The world's own configuration, with shorter waits and a deploy command that keeps a log."""
        (self.directory / "demo-playbook.yaml").write_text(PLAYBOOK)
        text = self.world.config_path.read_text()
        text = re.sub(r"cadence: \S+", f"cadence: {CADENCE}", text)
        text = re.sub(r'"rotator\.sandbox\.fleetctl", "deploy"', '"rotator.sandbox.soak.deploy"', text)
        self.world.config_path.write_text(text)


def rotate(*words: str) -> list[str]:
    """The tool's command line."""
    return [sys.executable, "-m", "rotator", *words]
