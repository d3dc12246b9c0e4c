"""core/holders, ageing, readiness, remarks: what a check of a credential says of what it found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from rotator.core import ageing, holders, readiness
from rotator.core.ageing import Ages
from rotator.core.diagnosis import Finding
from rotator.core.holders import ConsumerHeld, Holders, SecretHeld
from rotator.core.readiness import Answer, Tried
from rotator.core.remarks import Remark, Weight, added_up, ranked
from rotator.model.keys import KeyRecord, KeyStatus, Label
from rotator.model.measure import Instance
from tests.aws_world import make_key

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY, OTHER = make_key().fingerprint, make_key().fingerprint
CURRENT = SecretHeld(secret="s1", label=Label.CURRENT, key=KEY)
BASE = Holders(credential="prod", secrets=(CURRENT,), consumers=(), elsewhere={}, open=False)
AGES = Ages(
    credential="prod",
    current=KEY,
    made_at=NOW - timedelta(days=10),
    by_the_books=True,
    expires_at=None,
    max_age=None,
    held=(KEY,),
    in_use=(KEY,),
    records=None,
    rotations=(),
    now=NOW,
)


def said(found: Holders) -> dict[str, Weight]:
    return {remark.code: remark.weight for remark in holders.remarks(found)}


def aged(ages: Ages) -> dict[str, Weight]:
    return {remark.code: remark.weight for remark in ageing.remarks(ages)}


def instance(fingerprint: str | None, id: str = "i1") -> Instance:
    return Instance(id=id, fingerprint=fingerprint)


def test_where_all_hold_the_current_key_there_is_nothing_to_say() -> None:
    for reported in (KEY.digest, KEY.hint):
        consumer = ConsumerHeld(consumer="api", instances=(instance(reported),))
        assert said(replace(BASE, consumers=(consumer,))) == {}


@pytest.mark.parametrize(("open", "weight"), [(False, Weight.WRONG), (True, Weight.NOTE)])
def test_two_secrets_that_differ_are_drift_unless_a_rotation_is_open(open: bool, weight: Weight) -> None:
    second = SecretHeld(secret="s2", label=Label.CURRENT, key=OTHER)
    assert said(replace(BASE, secrets=(CURRENT, second), open=open)) == {"drift": weight}


def test_a_secret_without_a_key_is_wrong_and_an_unreadable_one_is_open() -> None:
    empty = replace(CURRENT, secret="s2", key=None)
    assert said(replace(BASE, secrets=(CURRENT, empty))) == {"no_key": Weight.WRONG}
    assert said(replace(BASE, secrets=(CURRENT, replace(empty, unreadable="No.")))) == {"unreadable": Weight.UNKNOWN}


def test_a_pending_key_without_a_rotation_is_a_remnant() -> None:
    pending = SecretHeld(secret="s1", label=Label.PENDING, key=OTHER)
    assert said(replace(BASE, secrets=(CURRENT, pending))) == {"pending": Weight.WARNING}
    assert said(replace(BASE, secrets=(CURRENT, pending), open=True)) == {}


@pytest.mark.parametrize(("required", "weight"), [(True, Weight.UNKNOWN), (False, Weight.WARNING)])
def test_silence_is_not_success(required: bool, weight: Weight) -> None:
    for instances, code in [((), "unobserved"), (None, "unobserved"), ((instance(None),), "silent")]:
        consumer = ConsumerHeld(consumer="api", instances=instances, required=required)
        assert said(replace(BASE, consumers=(consumer,))) == {code: weight}


def test_a_person_who_observes_is_no_finding() -> None:
    consumer = ConsumerHeld(consumer="laptops", instances=None, asks=True)
    assert said(replace(BASE, consumers=(consumer,))) == {"manual": Weight.NOTE}


def test_the_key_of_another_credential_is_called_by_its_name() -> None:
    found = replace(BASE, elsewhere={"staging": OTHER})
    assert found.which(OTHER.digest) == "current of staging"
    assert found.which("0" * 12) == "another key"
    assert found.which(None) == "cannot say"
    assert said(replace(BASE, elsewhere={"staging": KEY})) == {"shared": Weight.WARNING}


def test_rows_stand_side_by_side() -> None:
    consumer = ConsumerHeld(consumer="api", instances=(replace(instance(KEY.digest), terminating=True),))
    rows = list(holders.rows(replace(BASE, consumers=(consumer,))))
    assert [(row["where"], row["role"]) for row in rows] == [("s1", "current"), ("api: i1", "current, terminating")]


@pytest.mark.parametrize(
    ("age", "expected"),
    [(10, {}), (80, {"near_max_age": Weight.WARNING}), (91, {"over_age": Weight.WRONG})],
)
def test_age_counts_against_max_age(age: int, expected: dict[str, Weight]) -> None:
    ages = replace(AGES, made_at=NOW - timedelta(days=age), max_age=timedelta(days=90))
    assert aged(ages) == expected
    assert aged(replace(ages, max_age=None)) == {}


@pytest.mark.parametrize(
    ("days", "expected"), [(20, {}), (3, {"expiry": Weight.WRONG}), (-1, {"expiry": Weight.WRONG})]
)
def test_a_key_near_its_end_is_due(days: int, expected: dict[str, Weight]) -> None:
    assert aged(replace(AGES, expires_at=NOW + timedelta(days=days))) == expected


def test_active_keys_that_no_secret_holds_are_named() -> None:
    mine = KeyRecord(id="apikey_1", name="prod", status=KeyStatus.ACTIVE, hint=KEY.hint, workspace=None)
    spare = replace(mine, id="apikey_2", name="spare", hint=OTHER.hint)
    assert aged(replace(AGES, records=(mine,))) == {}
    assert aged(replace(AGES, records=(mine, spare))) == {"unheld_keys": Weight.NOTE}
    assert aged(replace(AGES, records=(mine, replace(spare, status=KeyStatus.INACTIVE)))) == {}


def test_only_what_would_fail_is_a_finding() -> None:
    answers = [Tried(part="p", what=answer.value, answer=answer) for answer in Answer]
    assert [remark.weight for remark in readiness.remarks(answers)] == [Weight.WRONG]


def test_the_gravest_remark_decides_in_whatever_order() -> None:
    remarks = [Remark(weight=weight, code=weight.value, what="") for weight in Weight]
    for order in permutations(remarks):
        assert added_up(order) is Finding.WRONG
        assert [remark.weight for remark in ranked(order)] == list(Weight)
    assert added_up(remarks[1:]) is Finding.UNKNOWN
    assert added_up(remarks[2:]) is Finding.FINE
    assert added_up([]) is Finding.FINE
