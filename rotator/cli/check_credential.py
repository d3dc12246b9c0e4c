"""A credential's check: gathers who holds what and what a rotation would need, through the ports. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rotator.adapters.surroundings import surroundings
from rotator.cli.check_key import Checked, online
from rotator.cli.check_key import report as key_report
from rotator.cli.check_readiness import readiness
from rotator.core import ageing, holders
from rotator.core.diagnosis import Finding
from rotator.core.fold import fold, rotations
from rotator.core.holders import ConsumerHeld, Holders, SecretHeld
from rotator.core.readiness import Tried
from rotator.core.readiness import remarks as readiness_remarks
from rotator.core.remarks import Remark, Weight, added_up, ranked
from rotator.core.slips import Origin, Reading
from rotator.model.config import Credential, ManualWatch
from rotator.model.errors import OutsideError, RotatorError
from rotator.model.keys import Label, Version
from rotator.model.rotation import Outcome, Rotation

if TYPE_CHECKING:
    from rotator.adapters.issuer.inquiry import Inquiry
    from rotator.model.canonical import JsonObject
    from rotator.model.keys import Fingerprint, KeyRecord
    from rotator.steps import Ports
    from rotator.wiring import Workplace

_WIF = "https://platform.claude.com/docs/en/manage-claude/workload-identity-federation"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialCheck:
    credential: str
    holders: Holders
    key: Checked | None
    trials: tuple[Tried, ...]
    remarks: tuple[Remark, ...]

    @property
    def finding(self) -> Finding:
        return added_up(self.remarks)


def check_credential(
    place: Workplace, credential: Credential, currents: Mapping[str, Fingerprint | None], *, hint: bool = True
) -> CredentialCheck:
    """`currents`: of all credentials. `hint`: name the alternative to a static key, where there is one.

    Raises what the journal raises.
    """
    ports = place.ports(credential)
    events = place.journal.read(credential.name)
    past = rotations(events)
    rotation = fold(events)
    open_now = rotation is not None and rotation.outcome is Outcome.OPEN
    versions, unreadable = _versions(ports)
    others = {name: key for name, key in currents.items() if not _shares_secret(place, credential, name)}
    held = Holders(
        credential=credential.name,
        secrets=tuple(_secrets(ports, versions, unreadable)),
        consumers=tuple(_consumers(ports, credential)),
        elsewhere={name: key for name, key in others.items() if key is not None},
        open=open_now,
    )
    key = _key(place, credential, versions.get((next(iter(ports.stores)), Label.CURRENT)))
    trials = tuple(readiness(place, credential, ports, held, key))
    remarks = [
        *holders.remarks(held),
        *ageing.remarks(_ages(place, credential, held, versions, key, past)),
        *readiness_remarks(trials),
        *_of_the_key(key),
        *_unread(credential, others),
        *(_alternative() if hint else ()),
    ]
    return CredentialCheck(credential=credential.name, holders=held, key=key, trials=trials, remarks=ranked(remarks))


def report(check: CredentialCheck) -> JsonObject:
    return {
        "credential": check.credential,
        "finding": check.finding.value,
        "remarks": [remark.to_json() for remark in check.remarks],
        "holders": list(holders.rows(check.holders)),
        "readiness": [trial.to_json() for trial in check.trials],
        "key": key_report(check.key) if check.key else None,
    }


Versions = dict[tuple[str, Label], Version]


def _versions(ports: Ports) -> tuple[Versions, dict[tuple[str, Label], str]]:
    """Every label of every secret: its version, or why it cannot be read. With key texts: it stays in this module."""
    found: Versions = {}
    unreadable: dict[tuple[str, Label], str] = {}
    for ref, store in ports.stores.items():
        for label in (Label.CURRENT, Label.PENDING, Label.PREVIOUS):
            try:
                version = store.read(label)
            except OutsideError as error:
                unreadable[ref, label] = f"{error.message} {error.hint}".strip()
                if label is Label.CURRENT:
                    break  # the others would say the same
                continue
            if version is not None:
                found[ref, label] = version
    return found, unreadable


def _secrets(ports: Ports, versions: Versions, unreadable: dict[tuple[str, Label], str]) -> Iterator[SecretHeld]:
    for ref in ports.stores:
        for label in (Label.CURRENT, Label.PENDING, Label.PREVIOUS):
            version, why = versions.get((ref, label)), unreadable.get((ref, label), "")
            if version is None and not why and label is not Label.CURRENT:
                continue
            if version is None and not why and (ref, Label.CURRENT) in unreadable:
                continue
            key = version.key.fingerprint if version and version.key else None
            since = version.created_at if version else None
            yield SecretHeld(secret=ref, label=label, key=key, since=since, unreadable=why)


def _consumers(ports: Ports, credential: Credential) -> Iterator[ConsumerHeld]:
    for consumer in credential.consumers:
        held = partial(ConsumerHeld, consumer=consumer.name, required=consumer.required)
        if isinstance(consumer.watch, ManualWatch):
            yield held(instances=None, asks=True)
            continue
        try:
            yield held(instances=tuple(ports.watchers[consumer.name].observe()))
        except OutsideError as error:
            yield held(instances=None, why=f"{error.message}".rstrip(".") + ".")


def _shares_secret(place: Workplace, credential: Credential, name: str) -> bool:
    """Itself, or one that reads the very same secret: that they share a key is no news."""
    return name == credential.name or place.config.credentials[name].secrets[0] in credential.secrets


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


def _unread(credential: Credential, currents: Mapping[str, Fingerprint | None]) -> Iterator[Remark]:
    names = sorted(name for name, key in currents.items() if key is None and name != credential.name)
    if names:
        what = f"Whether this key serves {', '.join(names)} as well is not known: theirs cannot be read from here."
        yield Remark(weight=Weight.NOTE, code="not_compared", what=what)


def _key(place: Workplace, credential: Credential, current: Version | None) -> Checked | None:
    if current is None or current.key is None:
        return None
    reading = Reading(origin=Origin.SECRET, name=str(credential.secrets[0]), text=current.key.reveal())
    return online(reading, place.clock, place.admin_key(credential), credential.issuer.key_id)


def _of_the_key(key: Checked | None) -> Iterator[Remark]:
    if key is None or key.diagnosis.finding is Finding.FINE:
        return
    weight = Weight.WRONG if key.diagnosis.finding is Finding.WRONG else Weight.UNKNOWN
    first = key.diagnosis.first
    yield Remark(weight=weight, code="key", what=key.diagnosis.summary, fix=first.fix if first else "")


def _ages(
    place: Workplace,
    credential: Credential,
    held: Holders,
    versions: Versions,
    key: Checked | None,
    past: Sequence[Rotation],
) -> ageing.Ages:
    books = key.symptoms.books if key else None
    record = books.record if books else None
    current = versions.get((held.secrets[0].secret, Label.CURRENT)) if held.secrets else None
    made_at = record.created_at if record and record.created_at else None
    return ageing.Ages(
        credential=credential.name,
        current=held.current,
        made_at=made_at or (current.created_at if current else None),
        by_the_books=made_at is not None,
        expires_at=record.expires_at if record else None,
        max_age=credential.max_age,
        held=(*(one.key for one in held.secrets if one.key), *held.elsewhere.values()),
        in_use=(
            *(one.key for one in held.secrets if one.key and one.label is not Label.PREVIOUS),
            *held.elsewhere.values(),
        ),
        records=_records(place, credential),
        rotations=past,
        now=place.clock.now(),
    )


def _records(place: Workplace, credential: Credential) -> Sequence[KeyRecord] | None:
    admin_key = place.admin_key(credential)
    if admin_key is None:
        return None
    found, unable = inquiry(place, credential).records()
    return None if unable else found


def inquiry(place: Workplace, credential: Credential) -> Inquiry:
    from rotator.adapters.issuer.inquiry import Inquiry

    base_url = os.environ.get("ANTHROPIC_BASE_URL")
    return Inquiry(place.clock, base_url=base_url, admin_key=place.admin_key(credential))


def _alternative() -> Iterator[Remark]:
    """Said where this runs: a platform whose own identity Anthropic can be told to trust needs no static key."""
    platform = surroundings(os.environ).runs_on
    if platform is not None:
        what = (
            f"{platform} can vouch for a workload itself: Workload Identity Federation needs no static key to rotate."
        )
        yield Remark(weight=Weight.NOTE, code="federation", what=what, fix=_WIF)
