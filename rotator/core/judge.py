"""What was seen → a verdict. Silence is not success (law 7): no measurement, no pass; an empty list never passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from rotator.core.parity import Parity
from rotator.model.canonical import Json, JsonObject
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus
from rotator.model.measure import Cause, Instance, Measurement, Ping, Verdict
from rotator.model.plan import StepId

_ALIKE: Final = Parity(refusal=None, warnings=())


def observed(
    gate: StepId,
    instances: Sequence[Instance],
    wanted: Fingerprint,
    other: Sequence[Fingerprint],
    *,
    wanted_is_new: bool,
) -> Measurement:
    """Every instance that is not gone, terminating ones included, must report the wanted key.

    `other`: the key that is replaced, or those. One that reports neither counts as unknown: a third key is somebody's
    surprise, not a pass.
    """
    holds: list[Instance] = []
    others: list[Instance] = []
    unknowns: list[Instance] = []
    for instance in instances:
        one, two = _says(instance, wanted), any(_says(instance, key) for key in other)
        (unknowns if one is two else holds if one else others).append(instance)  # head and tail may fit both
    on_new, on_old = (len(holds), len(others)) if wanted_is_new else (len(others), len(holds))
    facts: dict[str, Json] = {
        "instances": len(instances),
        "on_new": on_new,
        "on_old": on_old,
        "unknown": len(unknowns),
        "terminating": sum(instance.terminating for instance in instances),
    }
    total, right = len(instances), "new" if wanted_is_new else "old"
    if not instances:
        return _measurement(gate, Verdict.INCONCLUSIVE, "no instance answered: nobody can say which key is held", facts)
    if len(holds) == total:
        return _measurement(gate, Verdict.PASSED, f"{_all(total)} on the {right} key", facts)
    facts["waiting_for"] = sorted(instance.id for instance in (*others, *unknowns))[:_NAMED]
    if others:
        wrong = "old" if wanted_is_new else "new"
        why = f"{len(holds)} of {total} on the {right} key; still on the {wrong} one: {_named(others)}"
        return _measurement(gate, Verdict.FAILED, why, facts)
    why = f"{len(holds)} of {total} on the {right} key; cannot tell for {_named(unknowns)}"
    return _measurement(gate, Verdict.INCONCLUSIVE, why, facts)


def answered(gate: StepId, question: str, by: str | None) -> Measurement:
    """A consumer that only a person can observe: their word, under their name."""
    if by is None:
        return _measurement(gate, Verdict.INCONCLUSIVE, f"nobody has answered yet: {question}", {"by": None})
    return _measurement(gate, Verdict.PASSED, f"{by} says so: {question}", {"by": by})


def adopted(
    gate: StepId,
    new: Fingerprint,
    old: Fingerprint | None,
    ping: Ping,
    old_ping: Ping | None,
    record: KeyRecord | None,
    old_record: KeyRecord | None,
    compared: Parity = _ALIKE,
    old_used: JsonObject | None = None,
    *,
    leaked_in: str | None = None,
    chosen: bool = False,
) -> Measurement:
    """Is the pasted key one that may replace the old one? Its organisation and workspace must be the old key's.

    `old_used`: what the old key was used for lately, to be kept; None: that cannot be read. `leaked_in`: the rotation
    by which the pasted key was known to have leaked. `chosen`: it is in use already, and a person said that it is the
    right one; how it differs is a warning.
    """
    differs = [why for why in (_elsewhere(ping, old_ping, record, old_record), compared.refusal) if why]
    warnings = [*(differs if chosen else []), *compared.warnings]
    facts: dict[str, Json] = {
        "new": new.to_json(),
        "key_id": record.id if record else None,
        "organization": ping.organization,
        "workspace": ping.workspace,
        "old_key_works": _known_to_work(old_ping),
        "warnings": list(warnings),
    }
    proof: dict[str, Json] = {"request_ids": list(ping.request_ids), "model": ping.model, "old_used": old_used}
    if old is not None and new.digest == old.digest:
        why = f"this is the old key again ({new}): paste the one that was made to replace it"
        return _measurement(gate, Verdict.FAILED, why, facts, final=True)
    if leaked_in is not None:  # law 10
        why = f"this key leaked ({new}; rotation {leaked_in} says so), and is never used again: make another one"
        return _measurement(gate, Verdict.FAILED, why, facts, final=True)
    if record is not None and record.status is not KeyStatus.ACTIVE:
        why = f"the new key {record.id} is {record.status.value}: make it active, or make another one"
        return _measurement(gate, Verdict.FAILED, why, facts, proof, final=True)
    mistaken = _anothers(old_ping, old_record)
    if mistaken is not None:
        return _measurement(gate, Verdict.FAILED, mistaken, facts, proof)
    if ping.verdict is Verdict.PASSED and differs and not chosen:
        return _measurement(gate, Verdict.FAILED, differs[0], facts, proof, final=True)
    if ping.verdict is Verdict.PASSED:
        note = "; the old key is already refused" if old_ping and old_ping.cause is Cause.UNAUTHENTICATED else ""
        note += "".join(f"; WARNING: {warning}" for warning in warnings)
        return _measurement(gate, Verdict.PASSED, f"Anthropic accepts the new key {new}{note}", facts, proof)
    return _measurement(gate, ping.verdict, f"the new key: {ping.why}", facts, proof, final=ping.cause in _CERTAIN)


def pinged(gate: StepId, pings: Sequence[Ping], wanted: int, subject: str) -> Measurement:
    """`wanted` pings in a row, every one accepted. The first that is not decides."""
    for ping in pings:
        if ping.verdict is not Verdict.PASSED:
            facts: Mapping[str, Json] = {"cause": ping.cause.value}
            proof: Mapping[str, Json] = {"request_ids": list(ping.request_ids)}
            return _measurement(
                gate, ping.verdict, f"{subject}: {ping.why}", facts, proof, final=ping.cause in _CERTAIN
            )
    if not pings or len(pings) < wanted:
        return _measurement(gate, Verdict.INCONCLUSIVE, f"{subject}: {len(pings)} of {wanted} pings were made", {})
    ids: Mapping[str, Json] = {"request_ids": [id for ping in pings for id in ping.request_ids]}
    times = "once" if len(pings) == 1 else f"{len(pings)} times in a row"
    return _measurement(gate, Verdict.PASSED, f"{subject} was accepted {times}", {"accepted": len(pings)}, ids)


def stored(gate: StepId, secret: str, found: Fingerprint | None, wanted: Fingerprint, label: str) -> Measurement | None:
    """None where the store gives back the wanted key; else why it does not."""
    if found is None:
        why = f"{secret} shows no {label} version yet"
        return _measurement(gate, Verdict.INCONCLUSIVE, why, {"found": None})
    if found.digest != wanted.digest:
        why = f"the {label} version of {secret} holds {found}, not the new key {wanted}: somebody else wrote it"
        return _measurement(gate, Verdict.FAILED, why, {"found": found.to_json()}, final=True)
    return None


def soaked(
    gate: StepId,
    now: datetime,
    ends: datetime,
    parts: Sequence[Measurement],
    old_status: KeyStatus | None,
    old: Fingerprint | None = None,
) -> Measurement:
    """The old key is disabled, and the world is watched: any consumer that misses it fails the soak at once."""
    if old_status is KeyStatus.ACTIVE:
        why = "somebody enabled the old key again while it soaked"
        return _measurement(gate, Verdict.FAILED, why, {"old": "active"})
    for part in parts:
        if _misses_the_old_key(part, old):
            return _measurement(gate, Verdict.FAILED, f"{part.gate}: {part.why}", {"part": part.gate, **part.facts})
    missing = [part for part in parts if part.verdict is not Verdict.PASSED]
    facts: dict[str, Json] = {"unknown": [part.gate for part in missing], "elapsed": now >= ends}
    proof: dict[str, Json] = {"ends": ends.isoformat()}
    if missing:
        why = f"{missing[0].gate}: {missing[0].why}"
        return _measurement(gate, Verdict.INCONCLUSIVE, why, facts, proof)
    if not parts:
        return _measurement(gate, Verdict.INCONCLUSIVE, "nothing was measured", facts, proof)
    if now < ends:
        why = f"soaking until {ends:%Y-%m-%d %H:%M:%S} UTC; all is well"
        return _measurement(gate, Verdict.INCONCLUSIVE, why, facts, proof)
    return _measurement(gate, Verdict.PASSED, "the old key was disabled and nothing missed it", facts, proof)


def _misses_the_old_key(part: Measurement, old: Fingerprint | None) -> bool:
    """A consumer holds the old key, or a secret names it; a consumer's own calls are refused, or the new key is; or the
    old key was used."""
    if part.verdict is not Verdict.FAILED:
        return False
    named = old is not None and part.facts.get("found") == old.to_json()
    refused = part.facts.get("cause") == Cause.UNAUTHENTICATED.value
    return named or refused or StepId.parse(part.gate).verb in ("observe", "drain")


def still_accepted(gate: StepId, status: KeyStatus) -> Measurement:
    """Anthropic accepts the old key although its record says otherwise: nothing is proven by that record."""
    why = (
        f"its record says that the old key is {status.value}, and Anthropic still accepts it: not everywhere yet, or "
        "the record is another key's"
    )
    return _measurement(gate, Verdict.INCONCLUSIVE, why, {"status": status.value})


def _elsewhere(ping: Ping, old_ping: Ping | None, record: KeyRecord | None, old_record: KeyRecord | None) -> str | None:
    if old_ping is not None and _works(old_ping):
        if ping.organization and old_ping.organization and ping.organization != old_ping.organization:
            return f"the new key belongs to organisation {ping.organization}, the old one to {old_ping.organization}"
        if ping.workspace and old_ping.workspace and ping.workspace != old_ping.workspace:
            return f"the new key belongs to workspace {ping.workspace}, the old one to {old_ping.workspace}"
    if record is not None and old_record is not None and record.workspace != old_record.workspace:
        return (
            f"the new key belongs to {record.workspace or 'the whole organisation'}, "
            f"the old one to {old_record.workspace or 'the whole organisation'}"
        )
    return None


def _anothers(old_ping: Ping | None, old_record: KeyRecord | None) -> str | None:
    """Why the record that was named as the old key's cannot be: it is dead, and the old key works."""
    if old_record is None or old_record.status is KeyStatus.ACTIVE or old_ping is None or not _works(old_ping):
        return None
    return (
        f"Anthropic accepts the old key, and the record {old_record.id} is {old_record.status.value}: it is another "
        "key's record. Name the right one (`key_id:` in rotate.yaml), roll back, and start again"
    )


_CERTAIN: Final = frozenset({Cause.FORBIDDEN, Cause.WORKSPACE, Cause.MALFORMED})
"""What waiting does not mend. UNAUTHENTICATED is not among them: a brand-new key may be refused for a while."""

_NAMED: Final = 5
"""How many instances a message names."""


def _measurement(
    gate: StepId,
    verdict: Verdict,
    why: str,
    facts: Mapping[str, Json],
    proof: Mapping[str, Json] | None = None,
    *,
    final: bool = False,
) -> Measurement:
    return Measurement(gate=str(gate), verdict=verdict, why=why, facts=facts, proof=proof or {}, final=final)


def _says(instance: Instance, key: Fingerprint) -> bool:
    return instance.fingerprint is not None and key.matches(instance.fingerprint)


def _known_to_work(ping: Ping | None) -> bool | None:
    """False only where Anthropic refused the key: an outage says nothing of it."""
    if ping is None or ping.verdict is Verdict.PASSED:
        return None if ping is None else True
    return False if ping.cause is Cause.UNAUTHENTICATED else None


def _works(ping: Ping) -> bool:
    return ping.verdict is Verdict.PASSED


def _all(total: int) -> str:
    return "its one instance is" if total == 1 else f"all {total} instances are"


def _named(instances: Sequence[Instance]) -> str:
    names = [instance.id + (" (terminating)" if instance.terminating else "") for instance in instances]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more
