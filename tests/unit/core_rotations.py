"""Rotations as the journal would give them, made by hand for the tests of the pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rotator.core import chain, plan, record
from rotator.core.approval import evidence_digest
from rotator.core.fold import fold
from rotator.model.canonical import JsonObject
from rotator.model.event import Event, Kind
from rotator.model.keys import Fingerprint
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import Plan, PlannedConsumer, StepId
from rotator.model.rotation import Approval, Evidence, Mark, NewKey, Rotation, StepState
from rotator.sandbox.memory_world import quick_playbook

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRETS = ("aws-sm://eu-west-1/a", "aws-sm://eu-west-1/b")
OLD = Fingerprint.of("the old one " + "o" * 92 + "OLDT")
NEW = Fingerprint.of("the new one " + "n" * 92 + "NEWT")


def a_consumer(name: str, **changes: Any) -> PlannedConsumer:
    fields: dict[str, Any] = {
        "wave": 1,
        "cadence": timedelta(minutes=1),
        "required": True,
        "deploys": True,
        "probes": True,
        "asks": None,
    }
    return PlannedConsumer(name=name, **{**fields, **changes})


CONSUMERS = (
    a_consumer("chat"),
    a_consumer("batch", wave=2),
    a_consumer("shadow", required=False, deploys=False),
    a_consumer("laptops", deploys=False, probes=False, asks="Reloaded?"),
)


def a_plan(
    playbook: dict[str, Any] | None = None,
    consumers: tuple[PlannedConsumer, ...] = CONSUMERS,
    *,
    first: bool = False,
    managed: bool = True,
) -> Plan:
    return plan.arrange(
        "prod-chat", quick_playbook(**(playbook or {})), SECRETS, consumers, first=first, managed=managed
    )


def opened(the_plan: Plan) -> JsonObject:
    old: JsonObject = {"fingerprint": OLD.to_json(), "key_id": "apikey_1", "versions": dict.fromkeys(SECRETS, "v1")}
    return {
        "rotation": "r1",
        "by": "tester",
        "plan": record.to_json(the_plan),
        "plan_digest": record.plan_digest(the_plan),
        "old": None if the_plan.first else old,
    }


Entry = tuple[Kind, str | None, JsonObject]


def log(entries: Sequence[Entry], the_plan: Plan | None = None, holder: str = "p1") -> list[Event]:
    """A chained log: opened, then these, a second apart; attempt 1."""
    events: list[Event] = []
    for number, (kind, step, data) in enumerate([(Kind.OPENED, None, opened(the_plan or a_plan())), *entries]):
        last = events[-1] if events else None
        at = NOW + timedelta(seconds=number)
        events.append(
            chain.next_event(last, rotation="r1", at=at, kind=kind, step=step, attempt=1, data=data, holder=holder)
        )
    return events


def rows(events: Sequence[Event]) -> list[Sequence[object]]:
    """As a backend keeps them."""
    return [tuple(chain.to_row(event).values()) for event in events]


def a_rotation(the_plan: Plan | None = None, *entries: Entry) -> Rotation:
    rotation = fold(log(entries, the_plan))
    assert rotation is not None
    return rotation


def evidence(gate: StepId, verdict: Verdict = Verdict.PASSED, at: datetime = NOW, **changes: Any) -> Evidence:
    measurement = Measurement(gate=str(gate), verdict=verdict, why="because", **changes)
    return Evidence(measurement=measurement, at=at, began=at, seq=2)


def state(mark: Mark, at: datetime = NOW, **changes: Any) -> StepState:
    return StepState(**{"mark": mark, "attempts": 1, "since": at, "intended_at": at, "seq": 2, **changes})


def all_passed(the_plan: Plan | None = None, upto: StepId | None = None, at: datetime = NOW) -> Rotation:
    """Every step before `upto` applied, every gate passed at `at`, and every person's answer given."""
    rotation = a_rotation(the_plan)
    steps, gates = {}, {}
    for step in rotation.plan.steps:
        if step.id == upto:
            break
        if step.effect:
            steps[step.id] = state(Mark.APPLIED)
        else:
            gates[step.id] = evidence(step.id, at=at)
    said = tuple(
        yes(rotation, f"consumer:{one.name}", at=at) for one in rotation.plan.consumers if one.asks is not None
    )
    return replace(rotation, steps=steps, gates=gates, approvals=said, new=NewKey(fingerprint=NEW, key_id=None))


def yes(rotation: Rotation, what: str, at: datetime = NOW) -> Approval:
    step = next((step.id for step in rotation.plan.steps if str(step.id) == what), None)
    return Approval(
        what=what,
        by="tester",
        reason="test",
        at=at,
        plan_digest=rotation.plan_digest,
        evidence_digest=evidence_digest(rotation, step) if step else "",
        seq=3,
    )


def approved_for(rotation: Rotation, what: str) -> Rotation:
    return replace(rotation, approvals=(*rotation.approvals, yes(rotation, what)))
