"""What a step is given: the rotation as folded, and the ports of its credential."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from rotator.model.canonical import Json
from rotator.model.errors import OutsideError, Refused, UsageError
from rotator.model.keys import Fingerprint, KeyText, Label
from rotator.model.measure import Measurement
from rotator.model.plan import StepId
from rotator.model.rotation import OldKey, Rotation, Standing
from rotator.ports import Clock, Deployer, Issuer, Probe, SecretStore, Watcher

_TOKENS: Final = uuid.UUID("6f1d3a52-5f0c-5d3e-9a41-0d9b8c7a2e11")
"""The name space of every token. Fixed for ever: another one would repeat effects of open rotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world of one credential. Keys of the mappings: secret references, consumers' names."""

    clock: Clock
    issuer: Issuer
    stores: Mapping[str, SecretStore]
    watchers: Mapping[str, Watcher]
    deployers: Mapping[str, Deployer]
    probes: Mapping[str, Probe]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    rotation: Rotation
    ports: Ports
    step: StepId
    by: str
    key: KeyText | None
    """The pasted key, on its way from adopt to stage; None in every later process."""
    closed: frozenset[str]
    """Ids of this credential's ended rotations."""
    leaked: Mapping[str, str] = field(default_factory=dict)
    """By digest, the keys that this log knows to have leaked: the rotation that said so (law 10)."""
    still_ours: Callable[[], None] = lambda: None
    """A last look at the log, and a fresh lease, just before what no other system fences. Raises where others wrote."""

    @property
    def given(self) -> KeyText | None:
        """The new key's text before a store holds it as pending: pasted, or in the place that is right."""
        right = self.rotation.plan.right
        if right is None:
            return self.key
        current = self.ports.stores[right].read(Label.CURRENT)
        return current.key if current is not None else None

    @property
    def store(self) -> SecretStore:
        """The store of the step's own secret."""
        return self.ports.stores[self.step.subject]

    @property
    def old(self) -> OldKey:
        if self.rotation.old is None:
            raise UsageError("this rotation has no old key")
        return self.rotation.old

    @property
    def record_id(self) -> str | None:
        """The old key's record, where it may be read and changed: there is an Admin key, and the plan counts on it. A
        record that was only named, by whom no Admin key could check it, is nobody's to disable."""
        managed = self.rotation.plan.managed and self.ports.issuer.manages
        return self.rotation.old.key_id if managed and self.rotation.old is not None else None

    @property
    def new(self) -> Fingerprint:
        if self.rotation.new is None:
            raise UsageError("no key has been adopted yet", f"rotate start {self.rotation.plan.credential}")
        return self.rotation.new.fingerprint

    def token(self, *parts: str) -> str:
        """The same for every repeat of the same effect of the same rotation (law 4)."""
        return str(uuid.uuid5(_TOKENS, "/".join((self.rotation.id, str(self.step), *parts))))

    def version_id(self, secret: str) -> str:
        """The id of the version that holds the new key in `secret`."""
        return str(uuid.uuid5(_TOKENS, "/".join((self.rotation.id, secret, self.new.digest))))

    def read_key(self, wanted: Fingerprint, *labels: Label) -> KeyText:
        """The key with this fingerprint, read back from the first store that holds it under one of the labels.

        Raises what a store raised where no other holds it, `Refused` where none does.
        """
        failed: OutsideError | None = None
        for store in self.ports.stores.values():
            try:
                found = _held(store, wanted, labels)
            except OutsideError as error:
                failed = error
                continue
            if found is not None:
                return found
        if failed is not None:
            raise failed
        places = " or ".join(label.value for label in labels)
        raise Refused(f"no secret holds the key {wanted} as its {places} version any more")


def _held(store: SecretStore, wanted: Fingerprint, labels: Sequence[Label]) -> KeyText | None:
    versions = (store.read(label) for label in labels)
    keys = (version.key for version in versions if version is not None and version.key is not None)
    return next((key for key in keys if key.fingerprint == wanted), None)


class Effect(Protocol):
    """A step that changes the world. Each verb may be repeated after a crash, and then changes nothing more."""

    def inspect(self, context: Context) -> Standing: ...

    def apply(self, context: Context) -> Mapping[str, Json]:
        """Do it; what is returned is journaled."""
        ...

    def undo(self, context: Context) -> Mapping[str, Json]: ...

    def patience(self, context: Context) -> timedelta:
        """How long one attempt may take: the lease is extended by as much."""
        ...


class Gate(Protocol):
    """A step that changes nothing: it measures, and `core/judge.py` says what that means."""

    def measure(self, context: Context) -> Measurement: ...
