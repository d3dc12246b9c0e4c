from __future__ import annotations

import json
from datetime import timedelta

import pytest

from rotator.core import record
from rotator.model.canonical import canonical
from rotator.model.plan import Plan
from tests.unit.core_rotations import a_consumer, a_plan

PLANS = [a_plan(), a_plan({"reenable": "never", "soak": timedelta(seconds=1.5)}, first=True), a_plan(managed=False)]


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_comes_back_from_the_journal_as_it_was(plan: Plan) -> None:
    written = json.loads(canonical(record.to_json(plan)))
    assert record.from_json(written) == plan
    assert record.plan_digest(record.from_json(written)) == record.plan_digest(plan)


def test_whatever_differs_in_a_plan_changes_its_digest() -> None:
    plans = [
        *PLANS,
        a_plan({"soak": timedelta(minutes=4)}),
        a_plan({"approve_disable": "scheduled"}),
        a_plan(consumers=(a_consumer("chat"),)),
        a_plan(consumers=(a_consumer("chat", required=False),)),
        a_plan(consumers=(a_consumer("chat", cadence=timedelta(minutes=2)),)),
    ]
    assert len({record.plan_digest(plan) for plan in plans}) == len(plans)
