"""Floor 5: the only place that picks adapters. What is heavy is imported where it is picked."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.adapters.clock import SystemClock
from rotator.adapters.holder import ProcessHolder
from rotator.core import plan as plans
from rotator.core import record
from rotator.model.config import (
    AwsSecretRef,
    CommandWatch,
    Config,
    Credential,
    EnvSource,
    FileSource,
    HttpWatch,
    Playbook,
    SecretRef,
    SecretSource,
    VaultConfig,
    VaultSecretRef,
)
from rotator.model.errors import ConfigError, PlanChanged, Refused
from rotator.model.keys import KeyText, Label
from rotator.model.plan import Plan
from rotator.model.rotation import Rotation
from rotator.ports import Clock, Deployer, Issuer, Journal, Notifier, Probe, SecretStore, Watcher
from rotator.session import Listener, Session, ignore
from rotator.steps import Ports

if TYPE_CHECKING:
    from rotator.adapters.issuer.readings import Readings
    from rotator.adapters.store.vault_connection import VaultConnection


@dataclass(frozen=True)  # no slots: `vault` and `readings` are kept in the instance's dictionary
class Workplace:
    """A configuration and everything that one process needs to work by it."""

    config: Config
    journal: Journal
    clock: Clock

    def credential(self, name: str) -> Credential:
        """Raises `ConfigError`, with the nearest name, where the configuration has no such credential."""
        found = self.config.credentials.get(name)
        if found is not None:
            return found
        near = get_close_matches(name, self.config.credentials, n=1)
        known = ", ".join(sorted(self.config.credentials)) or "none"
        raise ConfigError(
            f"{self.config.path} has no credential `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""),
            f"its credentials are: {known}",
        )

    def session(self, name: str, listener: Listener = ignore) -> Session:
        return Session(self.journal, self.clock, ProcessHolder(), name, listener)

    def playbook(self, credential: Credential, override: str | None = None) -> Playbook:
        from rotator.loader import load_playbook

        return load_playbook(override or credential.playbook, Path(self.config.path).parent)

    def plan(
        self,
        credential: Credential,
        playbook: Playbook,
        *,
        first: bool = False,
        right: str | None = None,
        drifted: Collection[str] = (),
    ) -> Plan:
        managed = credential.issuer.admin_key is not None
        return plans.build(credential, playbook, first=first, managed=managed, right=right, drifted=drifted)

    def plan_anew(self, credential: Credential, before: Plan) -> Plan:
        """An open rotation's plan by today's configuration, with the policy it was opened with."""
        return self.plan(credential, before.playbook, first=before.first, right=before.right, drifted=before.secrets)

    def checked_plan(self, credential: Credential, rotation: Rotation) -> Plan:
        """The open rotation's plan, as `plan_anew` gives it.

        Raises `PlanChanged` where the configuration's secrets or consumers are no longer the plan's: one that was added
        would be left out of every gate.
        """
        plan = self.plan_anew(credential, rotation.plan)
        if record.plan_digest(plan) != rotation.plan_digest:
            differences = "; ".join(_differences(rotation.plan, plan))
            raise PlanChanged(
                f"{self.config.path} is no longer what rotation {rotation.id} was opened with: {differences}",
                f"put it back, or accept it as it is now: rotate resume {credential.name} --accept-plan --by YOU "
                "--reason WHY",
            )
        return plan

    def ports(self, credential: Credential) -> Ports:
        folder = str(Path(self.config.path).parent)
        return Ports(
            clock=self.clock,
            issuer=_issuer(credential, self.clock, self.store, self.readings),
            stores={str(ref): self.store(ref) for ref in credential.secrets},
            watchers=_watchers(credential, folder),
            deployers=_deployers(credential, folder),
            probes=_probes(credential),
        )

    def store(self, ref: SecretRef) -> SecretStore:
        if isinstance(ref, AwsSecretRef):
            from rotator.adapters.store.aws import AwsSecretStore

            return AwsSecretStore(ref)
        from rotator.adapters.store.vault import VaultSecretStore

        suffix = (self.config.vault or VaultConfig()).pending_suffix
        return VaultSecretStore(ref, self.vault, pending_suffix=suffix)

    @cached_property
    def vault(self) -> VaultConnection:
        """One for all secrets: it logs in once, at its first request."""
        from rotator.adapters.store.vault_connection import VaultConnection

        return VaultConnection(self.config.vault, clock=self.clock)

    @cached_property
    def readings(self) -> Readings:
        """Of usage, for all credentials; beside the journal, which every process that works on them shares."""
        from rotator.adapters.issuer.readings import Readings
        from rotator.adapters.journal.sql import beside

        return Readings(beside(_journal_url(self.config), "usage"), ProcessHolder())

    def admin_key(self, credential: Credential) -> Callable[[], KeyText] | None:
        """Reads the Admin key anew at every call; None where the credential names none."""
        source = credential.issuer.admin_key
        return None if source is None else _reader(source, self.store)

    def notifier(self) -> Notifier:
        from rotator.adapters.notify import AppriseNotifier, Silent

        return AppriseNotifier(self.config.notify) if self.config.notify else Silent()


def open_workplace(config_path: str | None) -> Workplace:
    """Find and read `rotate.yaml`; pick the journal: ROTATOR_JOURNAL, the configuration's, or this user's own."""
    from rotator.loader import find_config, load_config

    config = load_config(find_config(config_path, os.environ, Path.cwd()))
    return Workplace(config, open_journal(config), SystemClock())


def without_config() -> Workplace:
    """For a command that looks at one key or one secret, where there is no `rotate.yaml`."""
    config = Config(path=str(Path.cwd() / "rotate.yaml"), journal=None, notify=(), credentials={})
    return Workplace(config, open_journal(config), SystemClock())


def open_journal(config: Config) -> Journal:
    from rotator.adapters.journal.sql import SqlJournal

    return SqlJournal(_journal_url(config))


def _journal_url(config: Config) -> str:
    from rotator.adapters.journal.sql import default_url

    url = os.environ.get("ROTATOR_JOURNAL") or config.journal or default_url()
    relative = "sqlite:///"
    if url.startswith(relative) and url[len(relative) : len(relative) + 1] not in ("/", "~", ""):
        url = relative + str(Path(config.path).parent / url[len(relative) :])  # beside rotate.yaml, wherever we stand
    return url


def _differences(before: Plan, now: Plan) -> list[str]:
    found: list[str] = []
    for what, old, new in (
        ("secret", set(before.places), set(now.places)),
        ("consumer", {one.name for one in before.consumers}, {one.name for one in now.consumers}),
    ):
        found += [f"{what} {name} was added" for name in sorted(new - old)]
        found += [f"{what} {name} was removed" for name in sorted(old - new)]
    known = {consumer.name: consumer for consumer in before.consumers}
    for consumer in now.consumers:
        if consumer.name in known and known[consumer.name] != consumer:
            found.append(f"consumer {consumer.name} was changed")
    if before.managed != now.managed:
        found.append("the Admin key was " + ("added" if now.managed else "removed"))
    return found or ["the order of its entries was changed"]


def _issuer(
    credential: Credential, clock: Clock, store: Callable[[SecretRef], SecretStore], readings: Readings
) -> Issuer:
    from rotator.adapters.issuer.anthropic import AnthropicIssuer

    source = credential.issuer.admin_key
    admin_key = None if source is None else _reader(source, store)
    return AnthropicIssuer(admin_key=admin_key, clock=clock, readings=readings)


def _reader(source: SecretSource, store: Callable[[SecretRef], SecretStore]) -> Callable[[], KeyText]:
    def read() -> KeyText:
        from rotator.adapters.source import read_env, read_file

        match source:
            case EnvSource():
                return read_env(source)
            case FileSource():
                return read_file(source)
            case AwsSecretRef() | VaultSecretRef():
                version = store(source).read(Label.CURRENT)
                if version is None or version.key is None:
                    raise Refused(
                        f"{source} holds no Admin key", "put it there, or take `admin_key` out of rotate.yaml"
                    )
                return version.key

    return read


def _watchers(credential: Credential, folder: str) -> dict[str, Watcher]:
    found: dict[str, Watcher] = {}
    for consumer in credential.consumers:
        if isinstance(consumer.watch, HttpWatch):
            from rotator.adapters.watch.http import HttpWatcher

            found[consumer.name] = HttpWatcher(consumer.watch)
        elif isinstance(consumer.watch, CommandWatch):
            from rotator.adapters.watch.command import CommandWatcher

            found[consumer.name] = CommandWatcher(consumer.watch, consumer.name, folder)
    return found


def _deployers(credential: Credential, folder: str) -> dict[str, Deployer]:
    from rotator.adapters.deploy.command import CommandDeployer

    return {
        consumer.name: CommandDeployer(consumer.deploy, consumer.name, folder)
        for consumer in credential.consumers
        if consumer.deploy is not None
    }


def _probes(credential: Credential) -> dict[str, Probe]:
    from rotator.adapters.probe.http import HttpProber

    return {
        consumer.name: HttpProber(consumer.probe) for consumer in credential.consumers if consumer.probe is not None
    }


def with_key_id(credential: Credential, key_id: str | None) -> Credential:
    """The credential with the old key's record named on the command line."""
    return credential if key_id is None else replace(credential, issuer=replace(credential.issuer, key_id=key_id))
