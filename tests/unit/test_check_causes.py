"""Every cause of a refused key, reproduced against a sandbox Anthropic, and ranked first for its own case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from rotator.adapters.issuer.inquiry import TRIES, Inquiry
from rotator.core.check.diagnosis import Finding
from rotator.core.check.suspects import NOT_THE_KEY, Culprit
from rotator.model.errors import Refused
from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.aws_world import make_key
from tests.unit.check_world import Checks, check_world, first
from tests.unit.gateway import gateway, usage

NAME = "ANTHROPIC_API_KEY"


@pytest.fixture
def checks() -> Iterator[Checks]:
    with check_world() as made:
        yield made


def test_a_healthy_key_takes_one_request_and_one_more_for_its_record(checks: Checks) -> None:
    assert checks.check().finding is Finding.FINE
    counted = checks.server.books.traffic()
    assert sum(one["accepted"] + one["refused"] for one in counted.values()) == 2


def test_a_healthy_key_takes_one_request_without_an_admin_key(checks: Checks) -> None:
    diagnosis = checks.check(admin=False)
    assert (diagnosis.finding, diagnosis.suspects) == (Finding.FINE, ())
    assert list(checks.server.books.traffic()) == [checks.record.id]


@pytest.mark.parametrize("value", ["", "  \n", "${API_KEY}", "$(API_KEY)", "op://vault/key", "your-api-key-here"])
def test_a_key_that_was_not_loaded(checks: Checks, value: str) -> None:
    first(checks.check(value), Culprit.NOT_LOADED)


@pytest.mark.parametrize("template", ['"{}"', "'{}'", "{}\n", " {}", "\u200b{}", "\ufeff{}", "Bearer {}", "“{}”"])
def test_a_key_with_more_around_it_is_named_though_the_key_inside_is_fine(checks: Checks, template: str) -> None:
    first(checks.check(template.format(checks.key.reveal())), Culprit.WRONG_BYTES)


def test_a_key_in_two_lines_or_doubled_is_wrong_bytes(checks: Checks) -> None:
    text = checks.key.reveal()
    first(checks.check(text[:50] + "\n" + text[50:]), Culprit.WRONG_BYTES)
    first(checks.check(text * 2), Culprit.WRONG_BYTES)


@pytest.mark.parametrize("admin", [True, False])
def test_a_truncated_key_is_known_by_its_form(checks: Checks, admin: bool) -> None:
    diagnosis = checks.check(checks.key.reveal()[:-9], admin=admin)
    first(diagnosis, Culprit.UNUSUAL)
    assert diagnosis.first is not None
    assert any("99 characters" in said for said in diagnosis.first.speaks_for)


def test_a_key_of_another_form_that_anthropic_accepts_is_nothing_to_talk_about(checks: Checks) -> None:
    key, _ = checks.server.books.issue("new form", text="sk-ant-api2-" + make_key().reveal()[20:80])
    diagnosis = checks.check(key.reveal())
    assert (diagnosis.finding, diagnosis.suspects) == (Finding.FINE, ())


@pytest.mark.parametrize("prefix", ["sk-ant-admin01-", "sk-ant-oat01-", "sk-proj-", "sk-or-v1-", "ABSK", "ya29."])
def test_a_key_of_another_kind(checks: Checks, prefix: str) -> None:
    first(checks.check(prefix + make_key().reveal()[13:]), Culprit.WRONG_KIND)


@pytest.mark.parametrize(
    ("status", "culprit"), [(KeyStatus.INACTIVE, Culprit.DISABLED), (KeyStatus.ARCHIVED, Culprit.ARCHIVED)]
)
def test_a_key_that_somebody_retired_is_named_with_its_record(
    checks: Checks, status: KeyStatus, culprit: Culprit
) -> None:
    checks.server.books.change(checks.record.id, status=status)
    diagnosis = checks.check()
    first(diagnosis, culprit)
    assert diagnosis.first is not None
    assert any(checks.record.id in said and "user_1" in said for said in diagnosis.first.speaks_for)


def test_a_key_that_has_expired(checks: Checks) -> None:
    key, _ = checks.server.books.issue("short", expires_at=checks.clock.now() + timedelta(minutes=1))
    checks.clock.at += timedelta(hours=1)
    first(checks.check(key.reveal()), Culprit.EXPIRED)


def test_a_named_record_is_believed_where_hints_are_ambiguous(checks: Checks) -> None:
    text = checks.key.reveal()
    checks.server.books.issue("twin", text=text[:20] + make_key().reveal()[20:104] + text[-4:])
    checks.server.books.change(checks.record.id, status=KeyStatus.INACTIVE)
    first(checks.check(), Culprit.RETIRED)
    first(checks.check(key_id=checks.record.id), Culprit.DISABLED)


def test_without_an_admin_key_a_dead_key_is_likely_retired(checks: Checks) -> None:
    checks.server.books.change(checks.record.id, status=KeyStatus.INACTIVE)
    first(checks.check(admin=False), Culprit.RETIRED)


def test_a_key_that_no_record_fits(checks: Checks) -> None:
    first(checks.check(make_key().reveal()), Culprit.UNKNOWN_KEY)


def test_a_named_record_of_another_key_is_not_held_against_this_one(checks: Checks) -> None:
    _, archived = checks.server.books.issue("the key before")
    checks.server.books.change(archived.id, status=KeyStatus.ARCHIVED)
    diagnosis = checks.check(key_id=archived.id)
    assert diagnosis.finding is Finding.FINE
    assert any("another key's" in note for note in diagnosis.notes)
    checks.server.books.change(checks.record.id, status=KeyStatus.INACTIVE)
    first(checks.check(key_id=archived.id), Culprit.RETIRED)


def test_a_key_of_a_person_and_one_that_ends_soon_are_noted_while_they_work(checks: Checks) -> None:
    key, _ = checks.server.books.issue("mine", personal=True, expires_at=checks.clock.now() + timedelta(days=3))
    notes = " ".join(checks.check(key.reveal()).notes)
    assert "dies when that user leaves" in notes
    assert "expires on" in notes


def test_of_a_secret_that_is_none_of_anthropics_only_the_digest_is_shown(checks: Checks) -> None:
    other = "pw-" + make_key().reveal()[20:80]
    diagnosis = checks.check(other)
    assert diagnosis.fingerprint is not None
    assert diagnosis.shown == f"[{diagnosis.fingerprint.digest}]"
    assert other[:16] not in json.dumps(diagnosis.to_json())


def test_a_brand_new_key_is_given_time(checks: Checks) -> None:
    checks.server.books.slow_new = timedelta(minutes=10)
    key, _ = checks.server.books.issue("fresh")
    first(checks.check(key.reveal()), Culprit.TOO_NEW)


def test_an_active_key_that_is_refused_points_to_anthropic(checks: Checks) -> None:
    checks.fault(status=401, type="authentication_error", message="invalid x-api-key")
    with gateway(checks.server.url, own=usage(12)) as between:
        diagnosis = checks.check(url=between.url, direct=between.url)
    first(diagnosis, Culprit.ANTHROPIC)
    assert diagnosis.first is not None
    assert any("12 requests" in said for said in diagnosis.first.speaks_for)


@pytest.mark.parametrize(
    ("fault", "culprit", "finding"),
    [
        ({"status": 403, "type": "permission_error"}, Culprit.FORBIDDEN, Finding.WRONG),
        ({"status": 403, "error_code": "sandbox_egress_restricted"}, Culprit.EGRESS, Finding.WRONG),
        ({"status": 402, "type": "billing_error"}, Culprit.BLOCKED, Finding.WRONG),
        ({"status": 429, "error_code": "enforced_spend_limit_reached"}, Culprit.BLOCKED, Finding.WRONG),
        ({"status": 400, "message": "Your credit balance is too low"}, Culprit.BLOCKED, Finding.WRONG),
        ({"status": 429, "type": "rate_limit_error"}, Culprit.RATE_LIMITED, Finding.UNKNOWN),
        ({"status": 529, "type": "overloaded_error"}, Culprit.OVERLOADED, Finding.UNKNOWN),
        ({"status": 500}, Culprit.OVERLOADED, Finding.UNKNOWN),
        ({"drop": True}, Culprit.UNREACHABLE, Finding.UNKNOWN),
    ],
)
def test_what_is_not_the_key_is_said_not_to_be(
    checks: Checks, fault: dict[str, object], culprit: Culprit, finding: Finding
) -> None:
    checks.fault(**fault)
    diagnosis = checks.check(admin=False)
    first(diagnosis, culprit, finding)
    assert culprit in NOT_THE_KEY
    assert "not the key's fault" in diagnosis.summary


def test_weather_is_waited_out(checks: Checks) -> None:
    storm = FaultRule(fault=Fault(status=529, type="overloaded_error"), path="/v1/models", times=TRIES - 1)
    checks.server.rules.replace([storm])
    assert checks.check(admin=False).finding is Finding.FINE
    assert len(checks.clock.slept) == TRIES - 1


def test_a_refused_admin_key_is_said_and_blames_nothing(checks: Checks) -> None:
    checks.admin = make_key()
    diagnosis = checks.check()
    assert diagnosis.finding is Finding.FINE
    assert any("Admin key" in note for note in diagnosis.notes)


def test_an_admin_key_that_cannot_be_read_is_said(checks: Checks) -> None:
    def missing() -> KeyText:
        raise Refused("the file is gone")

    trials, books = Inquiry(checks.clock, base_url=checks.server.url, admin_key=missing, direct_url=None).ask(
        checks.key
    )
    assert trials[0].accepted
    assert books is not None
    assert "the file is gone" in books.unable


def test_an_error_that_quotes_the_key_is_not_passed_on(checks: Checks) -> None:
    checks.fault(status=401, type="authentication_error", message=f"bad key {checks.key.reveal()}")
    checks.check()  # the fixture's check looks for the key in everything that comes out
    assert checks.symptoms is not None
    assert "(the key)" in checks.symptoms.trials[0].words
