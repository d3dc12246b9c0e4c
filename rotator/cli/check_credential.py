"""A credential's check: who holds what, how old the keys are, would a rotation work. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.adapters.surroundings import surroundings
from rotator.cli import check_whereabouts as gathered
from rotator.cli.check_key import Checked, online
from rotator.cli.check_key import report as key_report
from rotator.cli.check_readiness import readiness
from rotator.core.check import ageing, federation, whereabouts
from rotator.core.check.diagnosis import Finding
from rotator.core.check.readiness import Answer, Need
from rotator.core.check.readiness import remarks as readiness_remarks
from rotator.core.check.remarks import Remark, Weight, added_up, ranked
from rotator.core.check.sample import Origin, Sample
from rotator.core.check.whereabouts import Whereabouts
from rotator.core.fold import fold, rotations
from rotator.model.errors import OutsideError
from rotator.model.keys import Label
from rotator.model.rotation import Outcome, Rotation

if TYPE_CHECKING:
    from rotator.adapters.issuer.inquiry import Inquiry
    from rotator.cli.check_whereabouts import Versions
    from rotator.model.canonical import JsonObject
    from rotator.model.config import Credential
    from rotator.model.event import Event
    from rotator.model.keys import Fingerprint, KeyRecord, Version
    from rotator.wiring import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialCheck:
    credential: str
    whereabouts: Whereabouts
    key: Checked | None
    needs: tuple[Need, ...]
    remarks: tuple[Remark, ...]

    @property
    def finding(self) -> Finding:
        return added_up(self.remarks)


def check_credential(
    place: Workplace, credential: Credential, currents: Mapping[str, Fingerprint | None], *, offer: bool = True
) -> CredentialCheck:
    """`currents`: of all credentials. `offer`: name the alternative to a static key, where there is one."""
    ports = place.ports(credential)
    events, journal = _log(place, credential)
    last = fold(events)
    versions, unreadable = gathered.versions(ports)
    others = {name: key for name, key in currents.items() if not _shares_secret(place, credential, name)}
    held = Whereabouts(
        credential=credential.name,
        secrets=tuple(gathered.secrets(ports, versions, unreadable)),
        consumers=tuple(gathered.consumers(ports, credential)),
        elsewhere={name: key for name, key in others.items() if key is not None},
        open=last is not None and last.outcome is Outcome.OPEN,
    )
    key = _key(place, credential, versions.get((next(iter(ports.stores)), Label.CURRENT)))
    needs = (*journal, *readiness(place, credential, ports, held, key, last if held.open else None))
    remarks = [
        *_of_the_key(key),
        *whereabouts.remarks(held),
        *ageing.remarks(_ages(place, credential, held, versions, key, rotations(events))),
        *readiness_remarks(needs),
        *_unread(others),
        *(_alternative(credential) if offer else ()),
    ]
    return CredentialCheck(credential=credential.name, whereabouts=held, key=key, needs=needs, remarks=ranked(remarks))


def report(check: CredentialCheck) -> JsonObject:
    return {
        "credential": check.credential,
        "finding": check.finding.value,
        "remarks": [remark.to_json() for remark in check.remarks],
        "whereabouts": list(whereabouts.rows(check.whereabouts)),
        "readiness": [need.to_json() for need in check.needs],
        "key": key_report(check.key) if check.key else None,
    }


def _log(place: Workplace, credential: Credential) -> tuple[Sequence[Event], Sequence[Need]]:
    """A journal that cannot be read stops a rotation, and hides nothing of what can be looked at without it."""
    try:
        return place.journal.read(credential.name), (Need(part="plan", what="journal", answer=Answer.YES),)
    except OutsideError as error:
        need = Need(part="plan", what="journal", answer=Answer.NO, why=error.message, fix=error.hint)
        return (), (need,)


def _shares_secret(place: Workplace, credential: Credential, name: str) -> bool:
    """Itself, or one that reads the very same secret: that they share a key is no news."""
    return name == credential.name or place.config.credentials[name].secrets[0] in credential.secrets


def _unread(others: Mapping[str, Fingerprint | None]) -> Iterator[Remark]:
    names = sorted(name for name, key in others.items() if key is None)
    if names:
        what = f"Whether this key serves {', '.join(names)} as well is not known: theirs cannot be read from here."
        yield Remark(weight=Weight.NOTE, code="not_compared", what=what)


def _key(place: Workplace, credential: Credential, current: Version | None) -> Checked | None:
    if current is None or current.key is None:
        return None
    sample = Sample(origin=Origin.SECRET, name=str(credential.secrets[0]), text=current.key.reveal())
    return online(sample, place.clock, place.admin_key(credential), credential.issuer.key_id)


def _of_the_key(key: Checked | None) -> Iterator[Remark]:
    if key is None or key.diagnosis.finding is Finding.FINE:
        return
    weight = Weight.WRONG if key.diagnosis.finding is Finding.WRONG else Weight.UNKNOWN
    first = key.diagnosis.first
    yield Remark(weight=weight, code="key", what=key.diagnosis.summary, fix=first.fix if first else "")


def _ages(
    place: Workplace,
    credential: Credential,
    held: Whereabouts,
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
        record=record,
        max_age=credential.max_age,
        previous=tuple(one.key for one in held.secrets if one.key and one.label is Label.PREVIOUS),
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


def _alternative(credential: Credential) -> Iterator[Remark]:
    """Said where a consumer, or this very process, runs on a platform that Anthropic can be told to trust."""
    found = dict(federation.platforms(credential.consumers))
    here = surroundings(os.environ).runs_on
    if here is not None:
        found.setdefault(here, ["this process"])
    for platform, who in found.items():
        what = federation.offer(platform, who)
        yield Remark(weight=Weight.NOTE, code="federation", what=what, fix=federation.LINK)
        return  # once: the others' offer is the same
