"""Vault: how many requests one secret needs, and how long five secrets take to promote against one.

The server, the journal and the engine are real ones; the key's issuer and its consumer are in memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

from rotator.adapters.journal.sql import SqlJournal
from rotator.adapters.store.vault import VaultSecretStore
from rotator.model.config import Drain
from rotator.model.decision import Exit, Stop
from rotator.model.keys import Label
from rotator.sandbox.memory_fleet import MemoryConsumer
from rotator.sandbox.memory_world import MemoryWorld, consumer, quick_playbook
from rotator.sandbox.vault import SandboxVault
from rotator.sandbox.watched import Moment
from tests.aws_world import CLAIM, make_key, version_id
from tests.bench.measure import Figure, compared, in_turns
from tests.vault_world import FIELD, VaultPlace, VaultSecret, sandbox_place

MANY: Final = 5
_REQUESTS: Final = "stage, read back, promote, verify, tidy in Vault"
_FEWEST: Final = "the fewest requests, by hand"
_NOW: Final = timedelta()


def figures(folder: Path, rounds: int) -> list[Figure]:
    with SandboxVault() as vault, sandbox_place(vault) as place:
        promoting = Promoting(place, folder)
        found = in_turns(
            rounds,
            {
                _REQUESTS: lambda: _ours(vault, VaultSecret(place)),
                _FEWEST: lambda: _by_hand(vault, VaultSecret(place)),
                "five Vault secrets promoted": lambda: promoting.takes(MANY),
                "one Vault secret promoted": lambda: promoting.takes(1),
            },
        )
        whole = promoting.requests(vault)
    requests = compared(found, _REQUESTS, _FEWEST, most=1.25, unit="requests", scale=1)
    return [
        requests,
        Figure(
            name="the same with every look of a whole rotation",
            against=_FEWEST,
            ratios=[whole / found[_FEWEST][0]],
            value=f"{whole} requests",
        ),
        compared(found, "five Vault secrets promoted", "one Vault secret promoted", most=2),
    ]


def _ours(vault: SandboxVault, secret: VaultSecret) -> float:
    """What the store asks for stage, read back, promote, verify and tidy."""
    current = secret.store.read(Label.CURRENT)
    if current is None:
        raise RuntimeError("the secret has no key")
    before, new = vault.calls.total(), version_id()
    secret.store.stage(new, make_key(), CLAIM)
    secret.store.read(Label.PENDING)
    secret.store.promote(new, current.id)
    secret.store.read(Label.CURRENT)
    secret.store.discard(new)
    return vault.calls.total() - before


def _by_hand(vault: SandboxVault, secret: VaultSecret) -> float:
    """The same by hvac, with the key in memory all the while, and no look that a write does not need."""
    kv, mount, key = secret.place.client.secrets.kv.v2, secret.place.mount, make_key().reveal()
    before = vault.calls.total()
    kv.create_or_update_secret(secret.sibling, {FIELD: key}, cas=0, mount_point=mount)
    kv.read_secret_version(secret.sibling, mount_point=mount, raise_on_deleted_version=True)
    found = kv.read_secret_version(secret.path, mount_point=mount, raise_on_deleted_version=True)["data"]
    kv.update_metadata(secret.path, custom_metadata={"rotation": "by hand"}, mount_point=mount)
    fields, number = {**found["data"], FIELD: key}, found["metadata"]["version"]
    kv.create_or_update_secret(secret.path, fields, cas=number, mount_point=mount)
    kv.read_secret_version(secret.path, mount_point=mount, raise_on_deleted_version=True)
    # Deleting compares nothing: whose it is has to be looked at.
    kv.read_secret_version(secret.sibling, mount_point=mount, raise_on_deleted_version=True)
    kv.delete_metadata_and_all_versions(secret.sibling, mount_point=mount)
    return vault.calls.total() - before


class Promoting:
    """Whole rotations; the clock runs from the first promotion's beginning to the last one's end."""

    def __init__(self, place: VaultPlace, folder: Path) -> None:
        self._place, self._folder = place, folder
        self._worlds = 0

    def takes(self, secrets: int) -> float:
        times: list[float] = []

        def hook(operation: str, moment: Moment) -> None:
            if operation.endswith(".promote"):
                times.append(time.perf_counter())

        with self._world(secrets) as world:
            world.hook = hook
            _rotate(world)
        return times[-1] - times[0]

    def requests(self, vault: SandboxVault) -> int:
        """A whole rotation's, from what is looked at before it opens to the end; those of the consumer left out."""
        with self._world(1) as world:
            before = vault.calls.total()
            _rotate(world)
            return vault.calls.total() - before

    @contextmanager
    def _world(self, secrets: int) -> Iterator[MemoryWorld]:
        drain = Drain(quiet_for=_NOW, lag=_NOW, unproven="accept")
        world = MemoryWorld(
            playbook=quick_playbook(drain=drain, soak=_NOW), secrets=secrets, consumers=(consumer("api", probe=None),)
        )
        made = {ref: VaultSecret(self._place) for ref in world.stores}
        for secret in made.values():
            secret.edit(**{FIELD: world.old.reveal()})
        stores: Mapping[str, VaultSecretStore] = {ref: secret.store for ref, secret in made.items()}
        world.stores = cast(Any, stores)
        reads = [world.old]
        world.fleet = {"api": MemoryConsumer("api", lambda: reads[0], world.ping, world.clock)}
        reads[0] = world.new  # a consumer's own requests are not the rotation's
        self._worlds += 1
        world.journal = cast(Any, SqlJournal(f"sqlite:///{self._folder}/promoting-{self._worlds}.db"))
        yield world


def _rotate(world: MemoryWorld) -> None:
    end = world.start()
    if not isinstance(end, Stop) or end.exit is not Exit.DONE:
        raise RuntimeError(f"the rotation ended otherwise: {end}")
