"""Floor 4: how a rotation begins, after what can be known beforehand has been looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from rotator.core import record
from rotator.core.past import closed_ids, leaked
from rotator.model.canonical import Json, digest
from rotator.model.errors import AmbiguousKey, Refused, StoreConflict, Unreachable, UsageError
from rotator.model.keys import Fingerprint, Holding, Label, Version
from rotator.model.plan import Plan, StepId
from rotator.model.rotation import Mark, Rotation, StepState
from rotator.ports import SecretStore
from rotator.session import Session
from rotator.steps import Ports

_SETTLES: Final = timedelta(minutes=2)
"""After so long, what a store shows is not behind any more: somebody made it so."""


def open_rotation(session: Session, ports: Ports, plan: Plan, by: str, key_id: str | None = None) -> Sequence[str]:
    """Begin, inside `with session`, after what can be known beforehand has been looked at. Changes nothing but the log.

    Returns what a person should know, in sentences: what the stores warn of.

    Raises `Unreachable` where a store still reads as before what the last rotation did a moment ago;
    `StoreConflict` where the secrets do not hold one and the same key, or hold somebody's pending version;
    `Refused` where there is no key and this is not the first one, or the reverse; `AmbiguousKey` where the old key's
    record cannot be told; `UsageError` where places that drifted were to get a key that leaked (law 10).
    """
    session.refuse_open()
    if plan.right is not None and plan.playbook.leaked:
        raise UsageError(
            f"the playbook {plan.playbook.name} is for a key that leaked: none is written into further places first",
            "name with --right a place whose key did not leak, and another --playbook; then disable the leaked one",
        )
    current = {secret: ports.stores[secret].read(Label.CURRENT) for secret in plan.secrets}
    _refuse_stale(session, current)
    _refuse_foreign(session, ports.stores)
    old = None if plan.first else _old(session, ports, plan, current, key_id)
    if plan.first:
        _refuse_present(session.credential, current)
    warnings = [warning for store in ports.stores.values() for warning in store.warnings()]
    opened_at = session.clock.now()
    seed = digest([session.credential, opened_at.isoformat(), session.me, len(session.events)])
    data: dict[str, Json] = {
        "rotation": f"{opened_at:%Y%m%d-%H%M%S}-{seed[:6]}",
        "by": by,
        "plan": record.to_json(plan),
        "plan_digest": record.plan_digest(plan),
        "old": old,
        "versions": {secret: version.id for secret, version in current.items() if version is not None},
    }
    session.begin(data)
    return warnings


def drifted(credential: str, ports: Ports, right: str) -> tuple[str, ...]:
    """The places that do not hold the key that `right` does.

    Raises `UsageError` where `right` is none of the places, `Refused` where one of them has no key.
    """
    if right not in ports.stores:
        raise UsageError(f"{right} is no secret of {credential}", f"its secrets are: {', '.join(ports.stores)}")
    held = _held(credential, {secret: store.read(Label.CURRENT) for secret, store in ports.stores.items()})
    return tuple(secret for secret, key in held.items() if key != held[right])


def _held(credential: str, current: Mapping[str, Version | None]) -> dict[str, Fingerprint]:
    found: dict[str, Fingerprint] = {}
    for secret, version in current.items():
        if version is None or version.key is None:
            raise Refused(
                f"{secret} has no current key: there is nothing to rotate",
                f"if this secret shall get its first key: rotate start {credential} --first",
            )
        found[secret] = version.key.fingerprint
    return found


def _old(
    session: Session, ports: Ports, plan: Plan, current: Mapping[str, Version | None], key_id: str | None
) -> Mapping[str, Json]:
    """The key that all these secrets hold now, and its record; where they drifted, the key of each: none is retired."""
    credential = session.credential
    found = _held(credential, current)
    versions: dict[str, Json] = {secret: version.id for secret, version in current.items() if version is not None}
    fingerprint = next(iter(found.values()))
    if plan.right is not None:
        each: dict[str, Json] = {secret: key.to_json() for secret, key in found.items()}
        spilt = leaked(session.events)
        drift: dict[str, Json] = {"drifted": each, "leaked": any(key.digest in spilt for key in found.values())}
        return {"fingerprint": fingerprint.to_json(), "key_id": None, "versions": versions, **drift}
    if len(set(found.values())) > 1:
        places = "; ".join(f"{secret} holds {fingerprint}" for secret, fingerprint in found.items())
        raise StoreConflict(
            f"the secrets of {credential} do not hold the same key: {places}",
            "find out which place is right, and name it; the others are given its key first: "
            f"rotate start {credential} --right REF",
        )
    _refuse_to_spare(session, fingerprint, plan)
    return {
        "fingerprint": fingerprint.to_json(),
        "key_id": old_record(ports, fingerprint, key_id) if ports.issuer.manages else key_id,
        "versions": versions,
    }


def old_record(ports: Ports, old: Fingerprint, key_id: str | None) -> str:
    """The id of the old key's record, which is surely its own: with it the tool disables and archives."""
    known = ports.issuer.find(old, key_id)
    if known is None:
        raise AmbiguousKey(
            f"none of Anthropic's key records fits the old key {old}",
            "name its record: `key_id: apikey_…` under `issuer.anthropic` in rotate.yaml",
        )
    return known.id


def _refuse_to_spare(session: Session, old: Fingerprint, plan: Plan) -> None:
    """Law 10: by nobody's flag, so by no other playbook either."""
    since = leaked(session.events).get(old.digest)
    if since is not None and not plan.playbook.leaked:
        raise UsageError(
            f"the key {old} leaked (rotation {since} says so), and the playbook {plan.playbook.name} could enable it "
            "again",
            f"rotate start {session.credential} --playbook leak",
        )


def _refuse_present(credential: str, current: Mapping[str, Version | None]) -> None:
    for secret, version in current.items():
        if version is not None and version.key is not None:
            raise Refused(
                f"{secret} holds a key already ({version.key.fingerprint}): this would not be its first one",
                f"rotate start {credential}",
            )


def _refuse_stale(session: Session, current: Mapping[str, Version | None]) -> None:
    """A read that is behind what the last rotation did to a secret would make a wrong key the old one."""
    last = session.rotation
    if last is None:
        return
    for secret, version in current.items():
        state = last.steps.get(StepId("promote", secret))
        if state is None or version is None or version.key is None:
            continue
        replaced, ago = _replaced(last, secret, state), session.clock.now() - state.since
        if replaced == version.key.fingerprint and timedelta() <= ago < _SETTLES:  # a clock that was set back: no age
            raise Unreachable(
                f"{secret} still reads as before rotation {last.id} changed it at {state.since:%H:%M:%S} UTC: it shows "
                f"the key {replaced}",
                f"wait until {state.since + _SETTLES:%H:%M:%S} UTC, then: rotate start {session.credential}",
            )


def _replaced(last: Rotation, secret: str, promoted: StepState) -> Fingerprint | None:
    """The key that the last rotation took out of `secret`; None where that is not known."""
    if promoted.mark is Mark.APPLIED:
        return last.old.held(secret) if last.old is not None else None
    return last.new.fingerprint if promoted.mark is Mark.UNDONE and last.new is not None else None


def _refuse_foreign(session: Session, stores: Mapping[str, SecretStore]) -> None:
    """Law 5: a pending version that is not ours is refused, naming whose it is and since when."""
    closed = closed_ids(session.events)
    for secret, store in stores.items():
        holding = store.holder()
        if holding is None or (holding.claim is not None and holding.claim.rotation in closed):
            continue
        raise StoreConflict(
            f"{secret} holds a pending version that is not ours: {_whose(holding)}",
            "let its owner finish or remove it, then start again; nothing was changed",
        )


def _whose(holding: Holding) -> str:
    since = f" since {holding.since:%Y-%m-%d %H:%M} UTC" if holding.since else ""
    if holding.claim is None:
        return f"made by another tool{since}{f' ({holding.detail})' if holding.detail else ''}"
    return f"rotation {holding.claim.rotation} of {holding.claim.by}{since}"
