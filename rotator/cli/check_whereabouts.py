"""Gathers who holds what, through the ports: every label of every secret, every instance of every consumer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from rotator.core.check.whereabouts import ConsumerHeld, SecretHeld
from rotator.model.config import Credential, ManualWatch
from rotator.model.errors import OutsideError, RotatorError
from rotator.model.keys import Label, Version

if TYPE_CHECKING:
    from rotator.model.keys import Fingerprint
    from rotator.steps import Ports
    from rotator.wiring import Workplace

Versions = Mapping[tuple[str, Label], Version]
Unreadable = Mapping[tuple[str, Label], OutsideError]


def versions(ports: Ports) -> tuple[Versions, Unreadable]:
    """Every label of every secret: its version, or why it cannot be read. With key texts, that nobody may keep."""
    found: dict[tuple[str, Label], Version] = {}
    unreadable: dict[tuple[str, Label], OutsideError] = {}
    for ref, store in ports.stores.items():
        for label in (Label.CURRENT, Label.PENDING, Label.PREVIOUS):
            try:
                version = store.read(label)
            except OutsideError as error:
                unreadable[ref, label] = error
                if label is Label.CURRENT:
                    break  # the others would say the same
                continue
            if version is not None:
                found[ref, label] = version
    return found, unreadable


def secrets(ports: Ports, found: Versions, unreadable: Unreadable) -> Iterator[SecretHeld]:
    for ref in ports.stores:
        for label in (Label.CURRENT, Label.PENDING, Label.PREVIOUS):
            held = partial(SecretHeld, secret=ref, label=label)
            version, error = found.get((ref, label)), unreadable.get((ref, label))
            if error is not None:
                yield held(unreadable=f"{error.message} {error.hint}".strip(), refused=not error.transient)
            elif version is not None:
                yield held(key=version.key.fingerprint if version.key else None, since=version.created_at)
            elif label is Label.CURRENT:
                yield held()


def consumers(ports: Ports, credential: Credential) -> Iterator[ConsumerHeld]:
    for consumer in credential.consumers:
        held = partial(ConsumerHeld, consumer=consumer.name, required=consumer.required)
        if isinstance(consumer.watch, ManualWatch):
            yield held(instances=None, asks=True)
            continue
        try:
            yield held(instances=tuple(ports.watchers[consumer.name].observe()))
        except OutsideError as error:
            yield held(instances=None, why=f"{error.message}".rstrip(".") + ".")


def current_keys(place: Workplace) -> dict[str, Fingerprint | None]:
    """Every credential's current key, to find one that serves two; None: it cannot be read, as its own check says."""
    found: dict[str, Fingerprint | None] = {}
    for name, credential in place.config.credentials.items():
        try:
            version = place.store(credential.secrets[0]).read(Label.CURRENT)
        except RotatorError:
            version = None
        found[name] = version.key.fingerprint if version is not None and version.key is not None else None
    return found
