"""Debts (law 11): what was skipped or left undone stays visible until it is paid, or a person says that it is.

A function of the whole log, so that the next rotation hides nothing of an earlier one. A debt ends in one of three
ways: its cause goes away while its rotation is open; a later rotation takes charge of the very key, or sees the very
consumer on a newer one; or a named person settles it: `rotate approve CREDENTIAL settled:ID --by WHO --reason WHY`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from rotator.core.plan import ADOPT, ARCHIVE, DISABLE, DRAIN, SOAK, overlap_gates
from rotator.model.canonical import JsonObject, digest
from rotator.model.decision import Exit
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Approval, Mark, Outcome, Rotation, StepState

SETTLED: Final = "settled:"
"""Prefix of the word by which a person closes a debt: `settled:ID`."""

OLD_KEY, NEW_KEY, REVOCATION, REENABLED = "old_key", "new_key", "revocation", "reenabled"
GATE, UNPROVEN, DEADLINE = "gate", "unproven", "deadline"
_URGENCY: Final = (OLD_KEY, REVOCATION, REENABLED, GATE, UNPROVEN, DEADLINE, NEW_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """`id` stays the same for as long as the debt does: 8 hex digits over rotation, kind and subject."""

    kind: str
    subject: str
    """The digest of the key, or the step or gate, that it is about."""
    rotation: str
    what: str
    since: datetime
    close: str
    """What closes it: a command to type, after what is to be done first."""
    by_word: bool
    """Whether a person's word closes it; else it closes by itself, with the command."""

    @property
    def id(self) -> str:
        return digest([self.rotation, self.kind, self.subject])[:8]

    def __str__(self) -> str:
        return f"{self.what} [{self.id}, since {self.since:%Y-%m-%d %H:%M} UTC]. To close it: {self.close}"

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "kind": self.kind,
            "rotation": self.rotation,
            "what": self.what,
            "since": self.since.isoformat(),
            "close": self.close,
        }


def owed(rotations: Sequence[Rotation], now: datetime) -> list[Debt]:
    """Every debt that is open now, of all rotations of one credential's log (oldest first), most urgent first."""
    found = [debt for one in rotations for debt in incurred(one, now) if closing(debt, rotations) is None]
    return sorted(found, key=lambda debt: (_URGENCY.index(debt.kind), debt.since))


def closing(debt: Debt, rotations: Sequence[Rotation]) -> str | None:
    """How the debt was closed, as a sentence; None where it is open. `rotations`: the whole log's, oldest first."""
    word = settlement(debt, rotations)
    if word is not None:
        return f"settled by {word.by}: {word.reason}"
    place = next((number for number, one in enumerate(rotations) if one.id == debt.rotation), len(rotations))
    old = rotations[place].old if place < len(rotations) else None
    key = old.fingerprint.digest if debt.kind == UNPROVEN and old is not None else debt.subject
    for later in rotations[place + 1 :]:
        if key in _in_charge(later):
            return f"rotation {later.id} took charge of that key"
        if debt.kind == GATE and _passed(later, StepId.parse(debt.subject)):
            return f"`{debt.subject}` passed in rotation {later.id}, on a newer key"
    return None


def _in_charge(rotation: Rotation) -> set[str]:
    """The digests of the keys that it replaces, and of the one that it brings."""
    new = (rotation.new.fingerprint,) if rotation.new else ()
    return {key.digest for key in (*(rotation.old.keys if rotation.old else ()), *new)}


def settlement(debt: Debt, rotations: Sequence[Rotation]) -> Approval | None:
    """The person's word that closed it. One that was given before the debt arose closes nothing."""
    said = (word for one in rotations for word in one.approvals if word.what == SETTLED + debt.id)
    return next((word for word in said if debt.by_word and word.at >= debt.since), None)


def incurred(rotation: Rotation, now: datetime) -> Iterator[Debt]:
    """The debts of this rotation, as it stands, whatever was said or done about them since in other rotations."""
    if rotation.plan.right is not None:
        yield from _drifted_key_left(rotation)
    elif rotation.outcome in (Outcome.ABANDONED, Outcome.ROLLED_BACK):
        yield from _old_key_left(rotation)
        yield from _new_key_left(rotation)
    if rotation.outcome is Outcome.OPEN:
        yield from _open(rotation, now)
    if rotation.outcome is not Outcome.ROLLED_BACK and _applied(rotation, DISABLE):
        yield from _unproven(rotation)


def _old_key_left(rotation: Rotation) -> Iterator[Debt]:
    if rotation.old is None or _applied(rotation, ARCHIVE):
        return
    total = len(rotation.plan.secrets)
    moved = [state.mark for step, state in rotation.steps.items() if step.verb == "promote"]
    left = [mark for mark in moved if mark is not Mark.UNDONE]
    key, state = rotation.old.fingerprint, _old_state(rotation)
    name, how = rotation.plan.credential, rotation.outcome.value.replace("_", " ")
    if left and left.count(Mark.APPLIED) < total:
        what = (
            f"the rotation was {how} half-way: the new key is current in {left.count(Mark.APPLIED)} of {total} secrets "
            f"for certain; the old key {key} is {state}; put one key into all of them, then retire it by hand"
        )
    elif left:
        what = f"the rotation was {how}: the old key {key} is {state}; retire it by hand"
    elif rotation.plan.playbook.leaked:
        what = f"the old key {key} leaked, and is {state}: the rotation was {how} before the secrets named another"
        yield _by_word(rotation, OLD_KEY, key.digest, what, None, f"rotate start {name} --playbook leak")
        return
    else:
        return
    yield _by_word(rotation, OLD_KEY, key.digest, what, None, "disable or delete it in Anthropic's Console")


def _drifted_key_left(rotation: Rotation) -> Iterator[Debt]:
    """Making places equal retires nothing: what they held before goes on working, for nobody's use."""
    if rotation.old is None or rotation.outcome is Outcome.OPEN:
        return
    marks = {step.subject: state.mark for step, state in rotation.steps.items() if step.verb == "promote"}
    given = [secret for secret, mark in marks.items() if mark is not Mark.UNDONE]
    for key in rotation.old.keys:
        places = ", ".join(secret for secret in given if rotation.old.held(secret) == key)
        if places:
            what = f"{places}: drifted, and was given the key of {rotation.plan.right}; its own, {key}, was not retired"
            close = "see that nothing uses it, then disable or delete it in Anthropic's Console"
            yield _by_word(rotation, OLD_KEY, key.digest, what, None, close)


def _old_state(rotation: Rotation) -> str:
    disable, adopted = rotation.steps.get(DISABLE), rotation.gates.get(ADOPT)
    if disable is not None and disable.mark is Mark.APPLIED:
        return "disabled, but never archived"
    if disable is not None and disable.mark in (Mark.OPEN, Mark.UNDOING):
        return "disabled or still active, which nobody has looked at since"
    if adopted is not None and adopted.measurement.facts.get("old_key_works") is False:
        return "refused by Anthropic, but not archived by us"
    return "still active"


def _new_key_left(rotation: Rotation) -> Iterator[Debt]:
    """A key that was made for the rotation and is now used by nobody: it works, and nobody would miss it if it leaked.

    A debt and not a note, because it is an active key without a use. The next rotation may use it.
    """
    if rotation.new is None or any(
        step.verb == "promote" and state.mark is not Mark.UNDONE for step, state in rotation.steps.items()
    ):
        return
    pending = any(step.verb == "stage" and state.mark is not Mark.UNDONE for step, state in rotation.steps.items())
    left = "left pending and active" if pending else "left active, and used by nobody"
    how = rotation.outcome.value.replace("_", " ")
    what = f"the rotation was {how}: the new key {rotation.new.fingerprint} is {left}"
    first = f"use it in the next `rotate start {rotation.plan.credential}`, or disable it in Anthropic's Console"
    yield _by_word(rotation, NEW_KEY, rotation.new.fingerprint.digest, what, None, first)


def _open(rotation: Rotation, now: datetime) -> Iterator[Debt]:
    name = rotation.plan.credential
    for step in (ARCHIVE, DISABLE):
        state = rotation.steps.get(step)
        if state is not None and _given_up(state):
            done = "enabling the old key again" if state.mark is Mark.UNDOING else f"`{step}`"
            what = f"{done} failed and is not done: {state.error}"
            yield _by_itself(rotation, REVOCATION, str(step), what, state.since, f"rotate resume {name}")
    if rotation.reenabled is not None:
        what = f"the old key was enabled again and is not retired: {rotation.reenabled}"
        disable = rotation.steps.get(DISABLE)
        since = disable.since if disable is not None else rotation.opened_at
        yield _by_itself(rotation, REENABLED, str(DISABLE), what, since, f"rotate verify {name}")
    overdue = rotation.opened_at + rotation.plan.playbook.deadline
    if now >= overdue:
        what = f"the rotation should have been complete by {overdue:%Y-%m-%d %H:%M} UTC"
        command = f"rotate {'rollback' if rotation.rolling_back else 'resume'} {name}"
        yield _by_itself(rotation, DEADLINE, "", what, overdue, command)


def _given_up(state: StepState) -> bool:
    """It will not be tried again by itself. What a person was only asked to do is no failure."""
    return state.error is not None and state.stop is not None and state.stop is not Exit.APPROVAL


def _unproven(rotation: Rotation) -> Iterator[Debt]:
    """The old key was disabled without proof. A soak that nothing failed is proof, for whatever it watched; and what
    was archived has soaked (law 3), whatever another plan that was accepted since knows of it."""
    since, soaked = rotation.steps[DISABLE].since, _passed(rotation, SOAK) or _applied(rotation, ARCHIVE)
    for gate, what in without_proof(rotation):
        if soaked and _required(rotation, gate):
            continue
        holds = _passed(rotation, gate)
        first = f"see that {gate.subject or 'everything'} has the new key"
        if holds:
            first = "let the soak pass; or look yourself that nothing uses the old key"
        yield _by_word(rotation, UNPROVEN if holds else GATE, str(gate), what, since, first)


def without_proof(rotation: Rotation) -> Iterator[tuple[StepId, str]]:
    """The gates that proved nothing although the old key was disabled, each with a sentence."""
    dropped = [StepId("observe", name) for name in rotation.dropped]
    for gate in (*overlap_gates(rotation.plan.consumers), DRAIN, *dropped):
        evidence = rotation.gates.get(gate)
        if not _passed(rotation, gate):
            why = evidence.measurement.why if evidence else "not measured"
            yield gate, f"the old key was disabled while {_who(rotation, gate)} was: {why}"
        elif gate == DRAIN and evidence is not None and evidence.measurement.facts.get("unproven"):
            yield (
                gate,
                f"the old key was disabled although nothing proves that it was silent: {evidence.measurement.why}",
            )


def _who(rotation: Rotation, gate: StepId) -> str:
    if gate.subject in rotation.dropped:
        return f"{gate.subject} (taken off the list half-way)"
    return f"{gate.subject or gate}{'' if _required(rotation, gate) else ' (not required)'}"


def _required(rotation: Rotation, gate: StepId) -> bool:
    if gate.subject in rotation.dropped:
        return False
    return not rotation.plan.optional(gate)


def _by_itself(rotation: Rotation, kind: str, subject: str, what: str, since: datetime, command: str) -> Debt:
    """Closed by its cause's end alone: a word would only hide it."""
    return Debt(kind=kind, subject=subject, rotation=rotation.id, what=what, since=since, close=command, by_word=False)


def _by_word(rotation: Rotation, kind: str, subject: str, what: str, since: datetime | None, first: str) -> Debt:
    """Closed by a person, after what `first` says. `since` None: since the rotation's end."""
    since = since or rotation.ended_at or rotation.opened_at
    debt = Debt(kind=kind, subject=subject, rotation=rotation.id, what=what, since=since, close="", by_word=True)
    word = f"rotate approve {rotation.plan.credential} {SETTLED}{debt.id} --by WHO --reason WHY"
    return replace(debt, close=f"{first}, then {word}")


def _applied(rotation: Rotation, step: StepId) -> bool:
    state = rotation.steps.get(step)
    return state is not None and state.mark is Mark.APPLIED


def _passed(rotation: Rotation, gate: StepId) -> bool:
    evidence = rotation.gates.get(gate)
    return evidence is not None and evidence.measurement.verdict is Verdict.PASSED
