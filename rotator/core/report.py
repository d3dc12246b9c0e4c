"""One rotation's report: who did what and when, on what evidence, what was skipped. Events in, JSON out; pure.

Everything but `written_at`, `journal` and the way a debt was closed follows from the rotation's own events, which the
report carries; `verify` derives it all anew. Schema: docs/reference/report.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NoReturn

from rotator.core import chain, record, report_parts
from rotator.core.exposure import exposes_key
from rotator.core.fold import fold, rotations
from rotator.core.owed import closing, incurred
from rotator.model.canonical import Json, JsonObject, canonical, digest
from rotator.model.errors import JournalError
from rotator.model.event import GENESIS, Event
from rotator.model.rotation import Rotation

FORMAT: Final = "rotator-report"
VERSION: Final = 1

MAX_BYTES: Final = 64 << 20
"""Longest report that is read back. A rotation of 200 events takes some 300 kB."""

_HINT: Final = "Trust none of it. Write it again, from the journal itself: rotate report CREDENTIAL --rotation ID"


def build(events: Sequence[Event], rotation_id: str, now: datetime) -> JsonObject:
    """The report of this rotation; `events`: the credential's whole log. Raises `JournalError` where it is not in it,
    or where an event holds what looks like a key (law 6): then the journal itself is a leak.
    """
    own = [event for event in events if event.rotation == rotation_id]
    rotation = fold(own)
    if rotation is None:
        raise JournalError(f"the journal holds no rotation {rotation_id}")
    for event in own:
        if exposes_key(canonical(chain.to_row(event))):
            raise JournalError(
                f"event {event.seq} of the journal holds what looks like a key: no report is written of it",
                "Treat that key as exposed: rotate it, and restrict who can read the journal.",
            )
    every = rotations(events)
    body: dict[str, Json] = {
        **_derived(own, rotation),
        "written_at": now.isoformat(),
        "journal": {"events": len(events), "head": events[-1].hash},
        "debts": [{**debt.to_json(), "closed": closing(debt, every)} for debt in incurred(rotation, now)],
    }
    return {**body, "digest": digest(body)}


def text(report: Json) -> str:
    """The one way to write a report down; it ends in a newline. ASCII, so that no terminal or mail changes a byte."""
    return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def verify(data: bytes) -> Mapping[str, Any]:
    """The report that these bytes hold, where not one of them was changed since it was written.

    Raises `JournalError`, saying what does not fit. What this cannot find is a report that was made up as a whole:
    compare `log.head` with the journal's own (`rotate history CREDENTIAL --json`).
    """
    report = _read(data)
    body = {key: value for key, value in report.items() if key != "digest"}
    try:
        if report.get("digest") != digest(body):
            _damaged("its digest is not that of its contents")
        own = [chain.from_row({**row, "data": canonical(row["data"])}) for row in report["events"]]
        seq, prev = own[0].seq - 1, own[0].prev
        for event in own:
            chain.check_next(event, seq, prev)
            seq, prev = event.seq, event.hash
        rotation = fold(own)
        if rotation is None:
            _damaged("its first event opens no rotation")
        derived = _derived(own, rotation)
        wrong = [part for part, value in derived.items() if canonical(report[part]) != canonical(value)]
        written_at = datetime.fromisoformat(report["written_at"])
        debts = [debt.to_json() for debt in incurred(rotation, written_at)]
        listed = [{key: value for key, value in debt.items() if key != "closed"} for debt in report["debts"]]
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        _damaged(f"it cannot be understood ({type(error).__name__})")
    if wrong or canonical(debts) != canonical(listed):
        _damaged(f"`{(wrong or ['debts'])[0]}` does not follow from its events")
    return report


def _read(data: bytes) -> Mapping[str, Any]:
    if len(data) > MAX_BYTES:
        _damaged(f"it is longer than {MAX_BYTES} bytes")
    try:
        said = data.decode("ascii")
        report = json.loads(said)
        again = text(report)
    except (ValueError, RecursionError):
        _damaged("it is no JSON as `rotate report` writes it")
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        _damaged("it is no report of rotate's")
    if report.get("version") != VERSION:
        _damaged(f"it is of version {str(report.get('version'))[:9]}, and this rotate knows {VERSION}")
    if again != said:
        _damaged("it is not byte for byte what `rotate report` writes: something was inserted, removed or rewritten")
    return report


def _damaged(what: str) -> NoReturn:
    raise JournalError(f"this report does not verify: {what}", _HINT)


def _derived(own: Sequence[Event], rotation: Rotation) -> dict[str, Json]:
    """What follows from the rotation's events alone."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "credential": rotation.plan.credential,
        "rotation": {
            "id": rotation.id,
            "outcome": rotation.outcome.value,
            "trigger": report_parts.trigger(rotation),
            "opened_at": rotation.opened_at.isoformat(),
            "opened_by": rotation.opened_by,
            "ended_at": rotation.ended_at.isoformat() if rotation.ended_at else None,
            "processes": sorted({event.holder for event in own}),
        },
        "plan": {"digest": rotation.plan_digest, **record.to_json(rotation.plan)},
        "keys": report_parts.keys(rotation),
        "gates": report_parts.gates(own, rotation),
        "effects": report_parts.effects(own, rotation),
        "approvals": report_parts.approvals(own),
        "overrides": report_parts.overrides(own),
        "requests": report_parts.requests(own),
        "log": {
            "first": own[0].seq,
            "last": own[-1].seq,
            "prev": own[0].prev,
            "head": own[-1].hash,
            "begins_the_log": own[0].prev == GENESIS,
        },
        "events": [{**chain.to_row(event), "data": event.data} for event in own],
    }
