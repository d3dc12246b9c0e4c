"""core/check: whereabouts, ageing, readiness, remarks: what a check of a credential says of what it found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from rotator.core.check import ageing, readiness, whereabouts
from rotator.core.check.ageing import Ages
from rotator.core.check.diagnosis import Finding
from rotator.core.check.readiness import Answer, Need
from rotator.core.check.remarks import Remark, Weight, added_up, ranked
from rotator.core.check.whereabouts import ConsumerHeld, SecretHeld, Whereabouts
from rotator.core.fold import rotations
from rotator.model.keys import KeyRecord, KeyStatus, Label
from rotator.model.measure import Instance
from tests.aws_world import make_key
from tests.fuzz.logs import a_whole_log

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY, OTHER = make_key().fingerprint, make_key().fingerprint
CURRENT = SecretHeld(secret="s1", label=Label.CURRENT, key=KEY)
BASE = Whereabouts(credential="prod", secrets=(CURRENT,), consumers=(), elsewhere={}, open=False)
MINE = KeyRecord(id="apikey_1", name="prod", status=KeyStatus.ACTIVE, hint=KEY.hint, workspace=None)
AGES = Ages(
    credential="prod",
    current=KEY,
    made_at=NOW - timedelta(days=10),
    by_the_books=True,
    record=None,
    max_age=None,
    previous=(),
    in_use=(KEY,),
    records=None,
    rotations=(),
    now=NOW,
)


def said(found: Whereabouts) -> dict[str, Weight]:
    return {remark.code: remark.weight for remark in whereabouts.remarks(found)}


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


def test_a_secret_without_a_key_is_wrong_and_one_that_does_not_answer_leaves_the_question_open() -> None:
    empty = replace(CURRENT, secret="s2", key=None)
    assert said(replace(BASE, secrets=(CURRENT, empty))) == {"no_key": Weight.WRONG}
    silent = replace(empty, unreadable="No.")
    assert said(replace(BASE, secrets=(CURRENT, silent))) == {"unreadable": Weight.UNKNOWN}
    assert said(replace(BASE, secrets=(CURRENT, replace(silent, refused=True)))) == {"unreadable": Weight.WRONG}


def test_the_first_key_of_a_secret_is_written_by_first() -> None:
    empty = replace(CURRENT, key=None)
    [remark] = whereabouts.remarks(replace(BASE, secrets=(empty,)))
    assert remark.fix == "rotate start prod --first"
    [remark] = whereabouts.remarks(replace(BASE, secrets=(CURRENT, replace(empty, secret="s2"))))
    assert remark.fix == "rotate start prod"


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
    rows = list(whereabouts.rows(replace(BASE, consumers=(consumer,))))
    assert [(row["where"], row["instance"], row["role"]) for row in rows] == [
        ("s1", None, "current"),
        ("api", "i1", "current, terminating"),
    ]


def test_a_consumer_that_was_not_observed_has_a_row_that_says_why() -> None:
    for consumer, why in [
        (ConsumerHeld(consumer="api", instances=None, why="It is down."), "It is down."),
        (ConsumerHeld(consumer="api", instances=()), "no instance"),
        (ConsumerHeld(consumer="api", instances=None, asks=True), "a person"),
    ]:
        *_, row = whereabouts.rows(replace(BASE, consumers=(consumer,)))
        assert row["where"] == "api"
        assert why in str(row["note"])


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
    assert aged(replace(AGES, record=replace(MINE, expires_at=NOW + timedelta(days=days)))) == expected


def test_ages_are_told_in_words_that_fit() -> None:
    young = replace(AGES, made_at=NOW - timedelta(seconds=5), max_age=timedelta(seconds=1))
    [remark] = ageing.remarks(young)
    assert remark.what == "The key is less than a day old; max_age is 1s."


def test_a_persons_key_is_warned_about() -> None:
    assert aged(replace(AGES, record=MINE)) == {}
    assert aged(replace(AGES, record=replace(MINE, personal=True))) == {"personal": Weight.WARNING}


def test_active_keys_that_nobody_uses_are_counted_and_named() -> None:
    spare = replace(MINE, id="apikey_2", name="spare", hint=OTHER.hint)
    assert aged(replace(AGES, records=(MINE,))) == {}
    [remark] = ageing.remarks(replace(AGES, records=(MINE, spare)))
    assert (remark.code, remark.weight) == ("unheld_keys", Weight.NOTE)
    assert "1 active key " in remark.what
    assert "apikey_2 (spare)" in remark.what
    assert aged(replace(AGES, records=(MINE, replace(spare, status=KeyStatus.INACTIVE)))) == {}


def test_a_previous_key_that_is_still_active_is_named_unless_a_rotation_is_open_or_it_is_in_use() -> None:
    old = replace(MINE, id="apikey_2", name="old", hint=OTHER.hint)
    ages = replace(AGES, previous=(OTHER,), records=(MINE, old))
    assert aged(ages) == {"old_key_active": Weight.WARNING}
    assert aged(replace(ages, records=(MINE, replace(old, status=KeyStatus.ARCHIVED)))) == {}
    assert aged(replace(ages, in_use=(KEY, OTHER))) == {}
    [is_open] = rotations(a_whole_log()[:5])
    assert aged(replace(ages, rotations=(is_open,))) == {}


def test_only_what_would_fail_is_a_finding() -> None:
    answers = [Need(part="p", what=answer.value, answer=answer) for answer in Answer]
    assert [remark.weight for remark in readiness.remarks(answers)] == [Weight.WRONG]


def test_what_fails_for_one_reason_is_one_remark() -> None:
    failing = [Need(part="p", what=what, answer=Answer.NO, why="Denied.", fix="Allow it.") for what in ("a", "b")]
    [remark] = readiness.remarks(failing)
    assert (remark.what, remark.fix) == ("A rotation would fail: p: a, b: Denied.", "Allow it.")


def test_the_gravest_remark_decides_in_whatever_order() -> None:
    remarks = [Remark(weight=weight, code=weight.value, what="") for weight in Weight]
    for order in permutations(remarks):
        assert added_up(order) is Finding.WRONG
        assert [remark.weight for remark in ranked(order)] == list(Weight)
    assert added_up(remarks[1:]) is Finding.UNKNOWN
    assert added_up(remarks[2:]) is Finding.FINE
    assert added_up([]) is Finding.FINE
