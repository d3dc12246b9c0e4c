"""Where a credential stands, as data: what `rotate status --json` prints, and what every other view is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from rotator.core.approval import UNPROVEN
from rotator.core.decide import decide, given_up, retiring
from rotator.core.owed import owed
from rotator.core.plan import ADOPT, ARCHIVE, DISABLE, DRAIN, SOAK
from rotator.core.windows import expected
from rotator.model.canonical import Json, JsonObject
from rotator.model.decision import Ask, Decision, Do, Stop, Wait
from rotator.model.measure import Verdict
from rotator.model.plan import Phase, PlannedConsumer, StepId
from rotator.model.rotation import Mark, Outcome, Rotation, Standing

_COUNTS: Final = ("instances", "on_new", "on_old", "unknown", "terminating")


def status(credential: str, rotation: Rotation | None, now: datetime, earlier: Sequence[Rotation] = ()) -> JsonObject:
    """One credential's status. A count or verdict is null where nothing was measured yet: silence is not success.

    `earlier`: the log's other rotations, oldest first; what they left undone is owed as well.
    """
    if rotation is None:
        return {
            "credential": credential,
            "rotation": None,
            "waiting": None,
            "next": f"rotate start {credential}",
            "old": None,
            "new": None,
            "consumers": [],
            "gates": [],
            "owed": [],
            "drain": None,
            "warnings": [],
            "drift": None,
        }
    decision = _asked(rotation, now) or _to_tell(rotation, decide(rotation, now))
    return {
        "credential": credential,
        "rotation": {
            "id": rotation.id,
            "playbook": rotation.plan.playbook.name,
            "phase": phase(rotation),
            "outcome": rotation.outcome.value,
        },
        "waiting": waiting(rotation, decision),
        "next": next_command(rotation, decision),
        "old": _old(rotation),
        "new": {"fingerprint": str(rotation.new.fingerprint), "status": "active"} if rotation.new else None,
        "consumers": [_consumer(rotation, consumer) for consumer in rotation.plan.consumers],
        "gates": [_gate(rotation, step.id) for step in rotation.plan.steps if not step.effect],
        "owed": [str(debt) for debt in owed([*earlier, rotation], now)],
        "drain": _drain(rotation),
        "warnings": _warnings(rotation),
        "drift": _drift(rotation),
    }


def _asked(rotation: Rotation, now: datetime) -> Ask | None:
    """The question that the drain gate stopped at. It stays one, although the next command looks at the gate first."""
    if decide(rotation, now) != Do(DRAIN) or DRAIN not in rotation.gates:
        return None
    decision = decide(rotation, rotation.gates[DRAIN].at)
    return decision if isinstance(decision, Ask) else None


def _to_tell(rotation: Rotation, decision: Decision) -> Decision:
    """What is only looked at once more hides nothing that stands still until somebody does something."""
    routine = isinstance(decision, Do) and waiting(rotation, decision) is None
    stopped = (given_up(step, state) for step, state in rotation.steps.items()) if routine else ()
    return next((stop for stop in stopped if stop is not None), decision)


def phase(rotation: Rotation) -> str:
    """`expand`, `overlap` or `contract`: where the first step that is not done belongs; `rollback` on the way back."""
    if rotation.rolling_back is not None:
        return "rollback"
    return _phase(rotation).name.lower()


def _phase(rotation: Rotation) -> Phase:
    if retiring(rotation) is not None:
        return Phase.CONTRACT
    for step in rotation.plan.steps:
        state, evidence = rotation.steps.get(step.id), rotation.gates.get(step.id)
        done = state is not None and state.mark is Mark.APPLIED
        passed = evidence is not None and (
            evidence.measurement.verdict is Verdict.PASSED or rotation.plan.optional(step.id)
        )
        if not (done if step.effect else passed):
            return step.phase
    return Phase.CONTRACT


def waiting(rotation: Rotation, decision: Decision) -> JsonObject | None:
    """What it waits for: a time, a person, or a gate that was measured and does not hold yet; None: for nothing."""
    match decision:
        case Wait(_, until, why):
            return {"until": until.isoformat() if until else None, "why": why}
        case Ask(_, why, _):
            return {"until": None, "why": why}
        case Do(step) if step in rotation.gates:
            evidence = rotation.gates[step]
            if evidence.measurement.verdict is Verdict.PASSED:
                return None
            until = _expected(rotation, step)
            return {"until": until.isoformat() if until else None, "why": f"{step}: {evidence.measurement.why}"}
        case Stop(exit_code, why) if exit_code and rotation.outcome is Outcome.OPEN:
            return {"until": None, "why": why}
        case _:
            return None


def _expected(rotation: Rotation, gate: StepId) -> datetime | None:
    if gate == DRAIN or (gate == SOAK and DISABLE in rotation.steps):
        return expected(rotation, gate)
    return None


def next_command(rotation: Rotation, decision: Decision) -> str:
    """The command to type next; empty where there is nothing to do."""
    name = rotation.plan.credential
    if rotation.outcome is not Outcome.OPEN:
        over = rotation.outcome is Outcome.COMPLETED and rotation.plan.right is None
        return "" if over else f"rotate start {name}"
    match decision:
        case Ask(what, _, _) if what == UNPROVEN:
            return f"rotate finish {name} --accept-unproven --by WHO --reason WHY"
        case Ask(what, _, _) if ":" in what:
            return f"rotate approve {name} '{what}' --by WHO --reason WHY"
        case Stop(next=words) if words.startswith("rotate "):
            return words
        case Stop(next=words) if words and " " not in words:
            return f"rotate {words} {name}"
    if rotation.rolling_back is not None:
        return f"rotate rollback {name}"
    return f"rotate {_COMMANDS[_phase(rotation)]} {name}"


_COMMANDS: Final[Mapping[Phase, str]] = {Phase.EXPAND: "start", Phase.OVERLAP: "verify", Phase.CONTRACT: "finish"}


def _old(rotation: Rotation) -> JsonObject | None:
    if rotation.old is None:
        return None
    return {"fingerprint": str(rotation.old.fingerprint), "status": old_status(rotation)}


def old_status(rotation: Rotation) -> str:
    """`active`, `inactive` or `archived` by what the journal knows; `refused`: dead without our doing."""
    if _is(rotation, ARCHIVE, Mark.APPLIED):
        return "archived"
    if _is(rotation, DISABLE, Mark.APPLIED) or _is(rotation, DISABLE, Mark.UNDOING):
        return "inactive"
    adopted = rotation.gates.get(ADOPT)
    if adopted is not None and adopted.measurement.facts.get("old_key_works") is False:
        return "refused"
    return "active"


def _is(rotation: Rotation, step: StepId, mark: Mark) -> bool:
    state = rotation.steps.get(step)
    return state is not None and state.mark is mark


def _consumer(rotation: Rotation, consumer: PlannedConsumer) -> JsonObject:
    evidence = rotation.gates.get(StepId("observe", consumer.name))
    facts = evidence.measurement.facts if evidence else {}
    counts: dict[str, Json] = {count: facts.get(count) for count in _COUNTS}
    return {"name": consumer.name, **counts}


def _gate(rotation: Rotation, gate: StepId) -> JsonObject:
    evidence = rotation.gates.get(gate)
    return {
        "name": str(gate),
        "verdict": evidence.measurement.verdict.value if evidence else None,
        "why": evidence.measurement.why if evidence else "not measured yet",
    }


def _drain(rotation: Rotation) -> JsonObject | None:
    """Law 7's conditions as last measured, what each key was used for in the window, and when the gate can pass."""
    evidence = rotation.gates.get(DRAIN)
    if evidence is None:
        return None
    facts, proof = evidence.measurement.facts, evidence.measurement.proof
    names = ("source", "unit", "read_at", "complete_until", "silent_since", "expected", "old", "new", "unread")
    shown: dict[str, Json] = {name: proof.get(name) for name in names}
    return {
        "passed": evidence.measurement.verdict is Verdict.PASSED,
        "unproven": facts.get("unproven"),
        "accepted_by": facts.get("accepted_by"),
        "conditions": proof.get("conditions", []),
        **shown,
    }


def _drift(rotation: Rotation) -> JsonObject | None:
    """Which place is right, and what each of those held that are given its key; None in an ordinary rotation."""
    if rotation.plan.right is None or rotation.old is None:
        return None
    held: dict[str, Json] = {secret: str(key) for secret, key in rotation.old.drifted.items()}
    return {"right": rotation.plan.right, "held": held}


def _warnings(rotation: Rotation) -> Json:
    """What adopting the new key found worth a warning."""
    evidence = rotation.gates.get(ADOPT)
    return evidence.measurement.facts.get("warnings", []) if evidence else []


def keys_stand(rotation: Rotation | None) -> str:
    """One sentence for every error: where do the keys stand? What the journal cannot know is not claimed."""
    if rotation is None:
        return "No key was touched."
    disable = rotation.steps.get(DISABLE)
    if _is(rotation, ARCHIVE, Mark.APPLIED):
        return "The new key is current; the old key is archived."
    if _is(rotation, ARCHIVE, Mark.OPEN):
        return f"The new key is current, the old key disabled; whether it is archived already {_LOOKED_AT}."
    if disable is not None and disable.mark is Mark.APPLIED:
        leaked = rotation.plan.playbook.leaked
        further = "it leaked, and is never enabled again" if leaked else "and can be enabled again"
        return f"The new key is current; the old key is disabled, {further}."
    if disable is not None and disable.mark is Mark.UNDOING:
        return f"The new key is current; whether the old key, which was disabled, works again {_LOOKED_AT}."
    if disable is not None and disable.mark is Mark.OPEN:
        return f"The new key is current; whether the old key is disabled already {_LOOKED_AT}."
    return _secrets_stand(rotation)


_LOOKED_AT: Final = "is looked at first by the next command"


def _secrets_stand(rotation: Rotation) -> str:
    """While nothing of ours keeps the old key from working."""
    promotions = [step.id for step in rotation.plan.steps if step.id.verb == "promote"]
    moved, total = sum(_is(rotation, step, Mark.APPLIED) for step in promotions), len(promotions)
    if rotation.plan.first:
        return "The secret has its first key." if moved == total else "The secret has no key yet; none was touched."
    old = "refused by Anthropic, not by our doing" if old_status(rotation) == "refused" else "active"
    unsure = sum(_unsure(rotation, step) for step in promotions)
    if unsure:
        which = "Which key the secret names" if total == 1 else f"Which key {unsure} of {total} secrets name"
        return f"{which} {_LOOKED_AT}; this rotation has taken neither key away. Nothing was lost."
    if rotation.plan.right is not None:
        done = f"{moved} of {total} places that drifted name the key of {rotation.plan.right}"
        before = f"the keys that they held before are {old}" if old == "active" else f"a key that they held is {old}"
        return f"{done}; {before}. Nothing was lost."
    if moved == total:
        return f"The new key is current; the old key is {old} as well. Nothing was lost."
    if moved:
        return f"{moved} of {total} secrets name the new key, the others the old one, which is {old}."
    staged = [state.mark for step, state in rotation.steps.items() if step.verb == "stage"]
    new = "the new key is stored nowhere yet"
    if staged:
        out = all(mark is Mark.UNDONE for mark in staged)
        new = "the new key is out of the store again" if out else "the new key is only pending"
    return f"The old key is current and {old}; {new}. Nothing was lost."


def _unsure(rotation: Rotation, step: StepId) -> bool:
    """Whether it may have happened, or a part of it, as far as the journal knows."""
    state = rotation.steps.get(step)
    if state is None or state.mark in (Mark.APPLIED, Mark.UNDONE):
        return False
    return state.mark is not Mark.READY or state.data.get("standing") != Standing.ABSENT.value
