"""Floor 4: what a person orders. Each order is one event in the log; the engine carries it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rotator.core import entry, record
from rotator.core.approval import CONSUMER, UNPROVEN, may_take_on
from rotator.core.fold import ROLLBACK, no_way_back
from rotator.core.owed import SETTLED, owed
from rotator.core.past import closed_ids, leaked
from rotator.core.plan import DRAIN
from rotator.engine import Yes
from rotator.model.canonical import Json, digest
from rotator.model.errors import AmbiguousKey, Refused, StoreConflict, UsageError
from rotator.model.event import Kind
from rotator.model.keys import Fingerprint, Holding, Label, Version
from rotator.model.measure import Verdict
from rotator.model.plan import Plan, StepId
from rotator.model.rotation import Mark, Outcome, Rotation
from rotator.ports import SecretStore
from rotator.session import Session
from rotator.steps import Ports

_RETIRING: Final = ("disable", "archive")


def open_rotation(session: Session, ports: Ports, plan: Plan, by: str, key_id: str | None = None) -> Sequence[str]:
    """Begin, inside `with session`, after what can be known beforehand has been looked at. Changes nothing but the log.

    Returns what a person should know, in sentences: what the stores warn of.

    Raises `StoreConflict` where the secrets do not hold one and the same key, or hold somebody's pending version;
    `Refused` where there is no key and this is not the first one, or the reverse; `AmbiguousKey` where the old key's
    record cannot be told.
    """
    session.refuse_open()
    current = {secret: store.read(Label.CURRENT) for secret, store in ports.stores.items()}
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


def _old(
    session: Session, ports: Ports, plan: Plan, current: Mapping[str, Version | None], key_id: str | None
) -> Mapping[str, Json]:
    """The key that all secrets hold now, and its record."""
    credential = session.credential
    found: dict[str, Fingerprint] = {}
    for secret, version in current.items():
        if version is None or version.key is None:
            raise Refused(
                f"{secret} has no current key: there is nothing to rotate",
                f"if this secret shall get its first key: rotate start {credential} --first",
            )
        found[secret] = version.key.fingerprint
    if len(set(found.values())) > 1:
        places = "; ".join(f"{secret} holds {fingerprint}" for secret, fingerprint in found.items())
        raise StoreConflict(
            f"the secrets of {credential} do not hold the same key: {places}",
            "the tool does not guess which one is right: write that key into the other places, deploy who reads them, "
            "then start again",
        )
    fingerprint = next(iter(found.values()))
    _refuse_to_spare(session, fingerprint, plan)
    return {
        "fingerprint": fingerprint.to_json(),
        "key_id": _record(ports, fingerprint, key_id) if ports.issuer.manages else key_id,
        "versions": {secret: version.id for secret, version in current.items() if version is not None},
    }


def _record(ports: Ports, old: Fingerprint, key_id: str | None) -> str:
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


def approve(session: Session, what: str, yes: Yes) -> None:
    """A person's yes to disabling or archiving, or their answer: for a consumer, for an effect in doubt, for a debt.

    A debt is settled whether a rotation is open or not.
    """
    if what.startswith(SETTLED):
        return _settle(session, what, yes)
    rotation = session.open
    if what in _RETIRING:
        _refuse_early(rotation, StepId(what))
    elif what == UNPROVEN:
        _refuse_settled(rotation)
    elif what.startswith(CONSUMER):
        _refuse_unasked(rotation, what.removeprefix(CONSUMER))
    else:
        _refuse_clear(rotation, what)
    session.post(Kind.APPROVED, entry.approval(session.open, what, yes.by, yes.reason))
    return None


def _settle(session: Session, what: str, yes: Yes) -> None:
    """Law 11: a debt ends by a named person's word, and only one that is there and that a word can end."""
    name, rotation = session.credential, session.rotation
    debts = owed([*session.earlier, rotation], session.clock.now()) if rotation is not None else []
    debt = next((debt for debt in debts if SETTLED + debt.id == what), None)
    if rotation is None or debt is None:
        known = ", ".join(f"{SETTLED}{debt.id}" for debt in debts if debt.by_word) or "none that a word could settle"
        raise UsageError(f"{name} owes no {what.removeprefix(SETTLED)} (it owes: {known})", f"rotate status {name}")
    if not debt.by_word:
        raise UsageError(f"a word does not settle this, only its end does: {debt.what}", debt.close)
    session.note(Kind.APPROVED, entry.approval(rotation, what, yes.by, yes.reason))


def _refuse_early(rotation: Rotation, step: StepId) -> None:
    planned = next((candidate for candidate in rotation.plan.steps if candidate.id == step), None)
    if planned is None:
        what = f"this rotation has no step `{step}`: it gives the secret its first key"
        raise UsageError(what, f"rotate status {rotation.plan.credential}")
    name = rotation.plan.credential
    for need in planned.needs:
        evidence = rotation.gates.get(need)
        optional = need.verb in ("observe", "probe") and not rotation.plan.consumer(need.subject).required
        if evidence is None or (evidence.measurement.verdict is not Verdict.PASSED and not optional):
            why = evidence.measurement.why if evidence else "it has not been measured yet"
            raise UsageError(
                f"`{step}` cannot be approved yet: the gate `{need}` does not hold: {why}", f"rotate finish {name}"
            )
    state = rotation.steps.get(step)
    if state is not None and state.mark is Mark.APPLIED:
        raise UsageError(f"`{step}` is done already", f"rotate status {name}")


def _refuse_settled(rotation: Rotation) -> None:
    """Only what was measured, and is neither proven nor shown to be wrong, may be taken on."""
    if may_take_on(rotation):
        return
    name, evidence = rotation.plan.credential, rotation.gates.get(DRAIN)
    if rotation.plan.playbook.drain.unproven == "refuse":
        raise UsageError("the playbook refuses to go on without proof", f"rotate status {name}")
    if evidence is None:
        raise UsageError("the drain gate is not measured yet: there is nothing to take on", f"rotate finish {name}")
    if evidence.measurement.verdict is Verdict.PASSED:
        raise UsageError("the drain gate holds already: there is nothing to take on", f"rotate finish {name}")
    raise UsageError(f"this cannot be taken on: {evidence.measurement.why}", f"rotate status {name}")


def _refuse_unasked(rotation: Rotation, consumer: str) -> None:
    asked = [planned.name for planned in rotation.plan.consumers if planned.asks is not None]
    if consumer not in asked:
        names = ", ".join(asked) or "none"
        what = f"no person is asked about a consumer `{consumer}` (asked: {names})"
        raise UsageError(what, f"rotate status {rotation.plan.credential}")


def _refuse_clear(rotation: Rotation, what: str) -> None:
    verb, _, subject = what.partition(":")
    state = rotation.steps.get(StepId.parse(subject))
    if verb not in ("applied", "absent") or state is None or not state.unclear:
        raise UsageError(
            f"nobody asked for an approval of `{what}`",
            f"rotate status {rotation.plan.credential}",
        )


def roll_back(session: Session, yes: Yes) -> None:
    """Turn the rotation round. Whatever process works on it takes notice before its next effect."""
    rotation = session.open
    _refuse_no_way_back(rotation)
    if rotation.rolling_back is None:
        session.post(Kind.APPROVED, entry.approval(rotation, ROLLBACK, yes.by, yes.reason))
        _refuse_no_way_back(session.open)  # a busy process may have gone past the last way back meanwhile


def _refuse_no_way_back(rotation: Rotation) -> None:
    why, name = no_way_back(rotation), rotation.plan.credential
    if why is not None:
        forward = " Go forward: mend what is broken, or finish, and start once more with another new key"
        leaked = rotation.plan.playbook.leaked
        raise UsageError(
            why + (f".{forward}" if leaked else ""), f"rotate {'verify' if rotation.plan.first else 'finish'} {name}"
        )


def resume(session: Session, yes: Yes) -> None:
    """Go on after a stop: time-outs and attempts count anew."""
    session.order(Kind.RESUMED, {"entered": True, "by": yes.by, "reason": yes.reason})


def accept_plan(session: Session, ports: Ports, yes: Yes, plan: Plan, key_id: str | None = None) -> None:
    """Go on by another plan. `key_id`: the old key's record, as rotate.yaml names it now.

    Raises `UsageError` for other secrets, `AmbiguousKey` where there is an Admin key now and the old key's record
    cannot be told.
    """
    before = session.open
    _refuse_other_secrets(before.plan, plan)
    data: dict[str, Json] = {"entered": True, "by": yes.by, "reason": yes.reason, "plan": record.to_json(plan)}
    if plan.managed and not before.plan.managed and before.old is not None:
        data["old_key_id"] = _record(ports, before.old.fingerprint, key_id or before.old.key_id)
        data["new_key_id"] = _found(ports, before.new.fingerprint) if before.new is not None else None
    session.order(Kind.RESUMED, data)


def _found(ports: Ports, new: Fingerprint) -> str | None:
    """Its record is looked at, and never changed: none will do."""
    try:
        known = ports.issuer.find(new)
    except AmbiguousKey:
        return None
    return known.id if known is not None else None


def _refuse_other_secrets(before: Plan, plan: Plan) -> None:
    """Which version of each secret to guard, and to go back to, was noted when the rotation was opened."""
    if set(before.secrets) != set(plan.secrets):
        raise UsageError(
            "an open rotation cannot go on with other secrets than those that it was opened with",
            f"rotate rollback {before.credential}",
        )


def abandon(session: Session, yes: Yes) -> None:
    """Walk away, inside `with session`: nothing is changed anywhere; what is left undone stays visible as owed."""
    session.order(Kind.ABANDONED, {"by": yes.by, "reason": yes.reason})


def unlock(session: Session, yes: Yes) -> str | None:
    """Take the rotation from a holder that is surely dead. Returns whose it was; None where nobody held it."""
    other = session.held_by()
    if other is None:
        return None
    rotation = session.rotation
    if rotation is not None and rotation.outcome is Outcome.OPEN:
        session.post(Kind.TAKEN_OVER, {"from": other, "by": yes.by, "reason": yes.reason})
    session.evict(other)
    return other
