"""Floor 4: what a person orders. Each order is one event in the log; the engine carries it out."""

from __future__ import annotations

from typing import Final

from rotator.core import entry, record
from rotator.core.approval import CONSUMER, UNPROVEN, may_take_on
from rotator.core.fold import ROLLBACK
from rotator.core.owed import SETTLED, owed
from rotator.core.plan import DRAIN
from rotator.core.way_back import no_way_back
from rotator.engine import Yes
from rotator.model.canonical import Json
from rotator.model.errors import AmbiguousKey, UsageError
from rotator.model.event import Kind
from rotator.model.keys import Fingerprint
from rotator.model.measure import Verdict
from rotator.model.plan import Plan, StepId
from rotator.model.rotation import Mark, Outcome, Rotation
from rotator.opening import old_record
from rotator.session import Session
from rotator.steps import Ports

_RETIRING: Final = ("disable", "archive")


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
    name = rotation.plan.credential
    planned = next((candidate for candidate in rotation.plan.steps if candidate.id == step), None)
    if planned is None:
        raise UsageError(f"this rotation has no step `{step}`: it retires no key", f"rotate status {name}")
    for need in planned.needs:
        evidence = rotation.gates.get(need)
        passed = evidence is not None and evidence.measurement.verdict is Verdict.PASSED
        if evidence is None or not (passed or rotation.plan.optional(need)):
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
        raise UsageError(
            f"no person is asked about a consumer `{consumer}` (asked: {names})",
            f"rotate status {rotation.plan.credential}",
        )


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
        command = "start" if rotation.plan.right else "verify" if rotation.plan.first else "finish"
        forward = " Go forward: mend what is broken, or finish, and start once more with another new key"
        leaked = rotation.plan.playbook.leaked
        raise UsageError(why + (f".{forward}" if leaked else ""), f"rotate {command} {name}")


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
        data["old_key_id"] = old_record(ports, before.old.fingerprint, key_id or before.old.key_id)
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
    if set(before.places) != set(plan.places):
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
