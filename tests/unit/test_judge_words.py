"""What a verdict says: why, what was counted, and whether waiting can mend it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from rotator.core import judge
from rotator.core.parity import Parity
from rotator.model.keys import Fingerprint, KeyStatus
from rotator.model.measure import Cause, Instance, Measurement, Verdict
from rotator.model.plan import StepId
from tests.unit.core_rotations import NEW, NOW, OLD
from tests.unit.test_judge import DEAD, GATE, OK, RECORD, SOAK, THIRD, WEATHER, part

ADOPT, PINGS, TEST = StepId("adopt"), StepId("pings"), StepId("test", "s")


def seen(*said: Fingerprint | None, new: bool = True, leaving: int = 0) -> Measurement:
    instances = [
        Instance(id=f"i{n}", fingerprint=one.digest if one else None, terminating=n < leaving)
        for n, one in enumerate(said)
    ]
    wanted, other = (NEW, OLD) if new else (OLD, NEW)
    return judge.observed(GATE, instances, wanted, [other], wanted_is_new=new)


def test_every_instance_is_counted_once_under_the_key_that_it_holds() -> None:
    found = seen(NEW, NEW, OLD, None, THIRD, leaving=1)
    assert found.facts == {
        "instances": 5,
        "on_new": 2,
        "on_old": 1,
        "unknown": 2,
        "terminating": 1,
        "waiting_for": ["i2", "i3", "i4"],
    }


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (lambda: seen(), "no instance answered: nobody can say which key is held"),
        (lambda: seen(NEW), "its one instance is on the new key"),
        (lambda: seen(NEW, NEW), "all 2 instances are on the new key"),
        (lambda: seen(OLD, OLD, new=False), "all 2 instances are on the old key"),
        (lambda: seen(OLD, NEW, leaving=1), "1 of 2 on the new key; still on the old one: i0 (terminating)"),
        (lambda: seen(OLD, NEW, new=False), "1 of 2 on the old key; still on the new one: i1"),
        (lambda: seen(NEW, None, THIRD), "1 of 3 on the new key; cannot tell for i1, i2"),
        (lambda: seen(*[OLD] * 5), "0 of 5 on the new key; still on the old one: i0, i1, i2, i3, i4"),
        (lambda: seen(*[OLD] * 7), "0 of 7 on the new key; still on the old one: i0, i1, i2, i3, i4 and 2 more"),
    ],
)
def test_who_holds_which_key_is_said_by_name(found: Any, why: str) -> None:
    assert found().why == why


def test_so_many_instances_are_listed_as_are_named() -> None:
    assert seen(*[OLD] * 7).facts["waiting_for"] == ["i0", "i1", "i2", "i3", "i4"]
    assert "waiting_for" not in seen(NEW).facts


def adopted(**changes: Any) -> Measurement:
    seen = {"new": NEW, "old": OLD, "ping": OK, "old_ping": OK, "record": RECORD, "old_record": RECORD, **changes}
    return judge.adopted(ADOPT, **seen)


def test_an_adopted_key_is_journaled_with_its_record_and_where_it_belongs() -> None:
    ping = replace(OK, request_ids=("req_1",), model="haiku")
    found = adopted(ping=ping, old_used={"unit": "requests"})
    assert found.facts == {
        "new": NEW.to_json(),
        "key_id": RECORD.id,
        "organization": "o",
        "workspace": "w",
        "old_key_works": True,
        "warnings": [],
    }
    assert found.proof == {"request_ids": ["req_1"], "model": "haiku", "old_used": {"unit": "requests"}}
    assert found.why == f"Anthropic accepts the new key {NEW}"
    assert adopted(record=None).facts["key_id"] is None
    assert adopted(old=None, old_ping=None, old_record=None).facts["old_key_works"] is None
    assert adopted(old_ping=WEATHER).facts["old_key_works"] is None


@pytest.mark.parametrize(
    ("changes", "why", "final"),
    [
        ({"new": OLD}, "this is the old key again", True),
        ({"leaked_in": "r7"}, "this key leaked .* rotation r7 says so", True),
        ({"record": replace(RECORD, status=KeyStatus.ARCHIVED)}, "the new key apikey_2 is archived", True),
        (
            {"old_record": replace(RECORD, status=KeyStatus.INACTIVE)},
            "record apikey_2 is inactive: it is another",
            False,
        ),
        ({"ping": replace(OK, organization="p")}, "belongs to organisation p, the old one to o", True),
        ({"ping": replace(OK, workspace="x")}, "belongs to workspace x, the old one to w", True),
        ({"old_record": replace(RECORD, workspace=None)}, "belongs to w, the old one to the whole organisation", True),
        ({"record": replace(RECORD, workspace=None)}, "belongs to the whole organisation, the old one to w", True),
        ({"compared": Parity(refusal="it expires soon", warnings=())}, "^it expires soon$", True),
        ({"ping": DEAD}, "^the new key: 401$", False),
        ({"ping": replace(DEAD, cause=Cause.WORKSPACE)}, "^the new key: 401$", True),
    ],
)
def test_why_a_key_is_refused_is_said_and_whether_waiting_mends_it(changes: Any, why: str, final: bool) -> None:
    found = adopted(**changes)
    assert found.verdict is Verdict.FAILED
    assert re.search(why, found.why)
    assert found.final is final


@pytest.mark.parametrize(
    "changes",
    [
        {"old_ping": None},
        {"old_ping": DEAD, "ping": replace(OK, organization="p", workspace="x")},
        {"ping": replace(OK, organization=None, workspace=None)},
        {"old_ping": replace(OK, organization=None, workspace=None)},
        {"record": None},
        {"old_record": None},
        {"old_record": replace(RECORD, status=KeyStatus.INACTIVE), "old_ping": DEAD},
        {"old_record": replace(RECORD, status=KeyStatus.INACTIVE), "old_ping": None},
    ],
)
def test_what_cannot_be_compared_speaks_against_no_key(changes: Any) -> None:
    assert adopted(**changes).verdict is Verdict.PASSED


def test_what_differs_is_a_warning_where_a_person_chose_the_key_and_else_a_refusal() -> None:
    differs = {"ping": replace(OK, workspace="x"), "compared": Parity(refusal="late", warnings=("odd",))}
    chosen = adopted(chosen=True, **differs)
    assert chosen.verdict is Verdict.PASSED
    assert chosen.facts["warnings"] == ["the new key belongs to workspace x, the old one to w", "late", "odd"]
    assert chosen.why.endswith("; WARNING: late; WARNING: odd")
    refused = adopted(**differs)
    assert (refused.why, refused.facts["warnings"]) == ("the new key belongs to workspace x, the old one to w", ["odd"])


def test_an_old_key_that_is_refused_already_is_said_to_be() -> None:
    assert adopted(old_ping=DEAD).why.endswith("; the old key is already refused")
    assert "refused" not in adopted(old_ping=WEATHER).why
    assert "refused" not in adopted().why


def test_weather_is_no_verdict_on_a_new_key() -> None:
    found = adopted(ping=WEATHER)
    assert (found.verdict, found.final, found.why) == (Verdict.INCONCLUSIVE, False, "the new key: 529")


def test_pings_are_said_as_often_as_they_were_made_and_the_first_refusal_decides() -> None:
    asked = [replace(OK, request_ids=(f"req_{n}",)) for n in range(3)]
    found = judge.pinged(PINGS, asked, 3, "the new key")
    assert (found.why, found.facts) == ("the new key was accepted 3 times in a row", {"accepted": 3})
    assert found.proof == {"request_ids": ["req_0", "req_1", "req_2"]}
    assert judge.pinged(PINGS, asked[:1], 1, "it").why == "it was accepted once"
    refused = judge.pinged(PINGS, [OK, replace(DEAD, request_ids=("req_9",))], 3, "it")
    assert (refused.why, refused.facts, refused.final) == ("it: 401", {"cause": Cause.UNAUTHENTICATED.value}, False)
    assert refused.proof == {"request_ids": ["req_9"]}
    assert judge.pinged(PINGS, [replace(DEAD, cause=Cause.FORBIDDEN)], 1, "it").final
    assert judge.pinged(PINGS, [OK], 2, "it").why == "it: 1 of 2 pings were made"
    assert judge.pinged(PINGS, [], 0, "it").verdict is Verdict.INCONCLUSIVE


def test_a_store_holds_the_new_key_or_it_is_said_what_it_holds() -> None:
    assert judge.stored(TEST, "s", NEW, NEW, "pending") is None
    absent = judge.stored(TEST, "s", None, NEW, "pending")
    assert absent is not None
    assert (absent.verdict, absent.final, absent.facts) == (Verdict.INCONCLUSIVE, False, {"found": None})
    other = judge.stored(TEST, "s", THIRD, NEW, "pending")
    assert other is not None
    assert (other.verdict, other.final, other.facts) == (Verdict.FAILED, True, {"found": THIRD.to_json()})


def test_a_soak_names_what_is_missing_and_is_over_at_its_end() -> None:
    well, unknown = part("observe chat", Verdict.PASSED), part("pings", Verdict.ERRORED)
    found = judge.soaked(SOAK, NOW, NOW, [well, unknown], None)
    assert (found.why, found.facts) == ("pings: because", {"unknown": ["pings"], "elapsed": True})
    assert found.proof == {"ends": NOW.isoformat()}
    assert judge.soaked(SOAK, NOW, NOW, [well], None).verdict is Verdict.PASSED


def test_a_secret_that_names_the_old_key_in_the_soak_is_a_need_and_one_that_names_a_third_is_not() -> None:
    def stored(key: Fingerprint) -> Measurement:
        return part("pings", Verdict.FAILED)._replace(facts={"found": key.to_json()})

    assert judge.soaked(SOAK, NOW, NOW, [stored(OLD)], None, OLD).verdict is Verdict.FAILED
    assert judge.soaked(SOAK, NOW, NOW, [stored(THIRD)], None, OLD).verdict is Verdict.INCONCLUSIVE
    assert judge.soaked(SOAK, NOW, NOW, [stored(OLD)], None, None).verdict is Verdict.INCONCLUSIVE


def test_a_record_that_says_dead_of_a_key_that_works_proves_nothing() -> None:
    found = judge.still_accepted(StepId("disable"), KeyStatus.INACTIVE)
    assert (found.verdict, found.facts) == (Verdict.INCONCLUSIVE, {"status": "inactive"})
