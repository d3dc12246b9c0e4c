"""A plan as it is journaled. Its steps follow from the rest, so they are not written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rotator.core import plan as plans
from rotator.model.canonical import Json, JsonObject, digest
from rotator.model.config import Drain, Pings, Playbook
from rotator.model.plan import Plan, PlannedConsumer


def to_json(plan: Plan) -> JsonObject:
    """Durations are seconds. `right` is written where there is one: a plan without it has the digest it always had."""
    right: JsonObject = {} if plan.right is None else {"right": plan.right}
    return {
        "credential": plan.credential,
        "playbook": playbook_to_json(plan.playbook),
        "secrets": list(plan.secrets),
        "consumers": [_consumer_to_json(consumer) for consumer in plan.consumers],
        "first": plan.first,
        "managed": plan.managed,
        **right,
    }


def plan_digest(plan: Plan) -> str:
    """What an approval is bound to: 64 hex digits over everything in the plan."""
    return digest(to_json(plan))


def from_json(value: Mapping[str, Any]) -> Plan:
    """The inverse of `to_json`. A row's text is trusted as far as its hash chain: shapes are not checked again."""
    return plans.arrange(
        str(value["credential"]),
        _playbook_from_json(value["playbook"]),
        tuple(value["secrets"]),
        tuple(_consumer_from_json(consumer) for consumer in value["consumers"]),
        first=bool(value["first"]),
        managed=bool(value["managed"]),
        right=value.get("right"),
    )


def _consumer_to_json(consumer: PlannedConsumer) -> JsonObject:
    return {
        "name": consumer.name,
        "wave": consumer.wave,
        "cadence": consumer.cadence.total_seconds(),
        "required": consumer.required,
        "deploys": consumer.deploys,
        "probes": consumer.probes,
        "asks": consumer.asks,
    }


def _consumer_from_json(value: Mapping[str, Any]) -> PlannedConsumer:
    return PlannedConsumer(**{**value, "cadence": timedelta(seconds=value["cadence"])})


def playbook_to_json(playbook: Playbook) -> dict[str, Json]:
    return {
        "name": playbook.name,
        "why": playbook.why,
        "adopt_patience": playbook.adopt_patience.total_seconds(),
        "pings": {
            "count": playbook.pings.count,
            "interval": playbook.pings.interval.total_seconds(),
            "patience": playbook.pings.patience.total_seconds(),
            "inference": playbook.pings.inference,
        },
        "waves": playbook.waves,
        "deploy_timeout": playbook.deploy_timeout.total_seconds(),
        "observe_interval": playbook.observe_interval.total_seconds(),
        "observe_timeout": playbook.observe_timeout.total_seconds(),
        "drain": {
            "quiet_for": playbook.drain.quiet_for.total_seconds(),
            "lag": playbook.drain.lag.total_seconds(),
            "unproven": playbook.drain.unproven,
        },
        "soak": playbook.soak.total_seconds(),
        "approve_disable": playbook.approve_disable,
        "approve_archive": playbook.approve_archive,
        "reenable": playbook.reenable,
        "deadline": playbook.deadline.total_seconds(),
    }


_DURATIONS = ("adopt_patience", "deploy_timeout", "observe_interval", "observe_timeout", "soak", "deadline")


def _playbook_from_json(value: Mapping[str, Any]) -> Playbook:
    pings, drain = value["pings"], value["drain"]
    return Playbook(
        **{
            **value,
            **{name: timedelta(seconds=value[name]) for name in _DURATIONS},
            "pings": Pings(
                count=pings["count"],
                interval=timedelta(seconds=pings["interval"]),
                patience=timedelta(seconds=pings["patience"]),
                inference=pings["inference"],
            ),
            "drain": Drain(
                quiet_for=timedelta(seconds=drain["quiet_for"]),
                lag=timedelta(seconds=drain["lag"]),
                unproven=drain["unproven"],
            ),
        }
    )
