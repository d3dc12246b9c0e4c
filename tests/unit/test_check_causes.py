"""Every cause of a refused key, reproduced against a sandbox Anthropic, and ranked first for its own case."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.adapters.issuer.inquiry import TRIES, Inquiry
from rotator.core.diagnosis import Finding
from rotator.core.sample import Origin
from rotator.core.suspects import NOT_THE_KEY, Certainty, Culprit
from rotator.core.trials import Address
from rotator.model.errors import Refused
from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.aws_world import make_key
from tests.unit.check_world import Checks, check_world, first
from tests.unit.gateway import gateway, usage, without

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


def test_a_key_of_a_gateways_own_is_not_condemned(checks: Checks) -> None:
    with gateway(checks.server.url) as between:
        diagnosis = checks.check("sk-" + make_key().reveal()[20:70], url=between.url)
    first(diagnosis, Culprit.WRONG_KIND, Finding.UNKNOWN)


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


def test_a_key_used_in_another_workspace(checks: Checks) -> None:
    other = checks.server.books.add_workspace()
    for named in (other, "wrkspc_none"):
        diagnosis = checks.check(environ={"ANTHROPIC_CUSTOM_HEADERS": f"anthropic-workspace-id: {named}"})
        first(diagnosis, Culprit.WORKSPACE)
        assert diagnosis.first is not None
        assert named in diagnosis.first.what


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_a_gateway_that_strips_a_header_is_told_from_a_dead_key(checks: Checks, header: str) -> None:
    with gateway(checks.server.url, alter=without(header)) as between:
        diagnosis = checks.check(url=between.url, direct=between.url)
        if header == "x-api-key":  # what a present-day SDK sends comes through
            assert diagnosis.finding is Finding.FINE
        else:
            first(diagnosis, Culprit.GATEWAY)
            assert diagnosis.first is not None
            assert "Authorization" in diagnosis.first.what


def test_a_gateway_that_puts_a_dead_key_in_place_of_ours(checks: Checks) -> None:
    other = make_key().reveal()
    rewrite = {"authorization": f"Bearer {other}"}
    with gateway(checks.server.url, alter=lambda headers: without("x-api-key")(headers) | rewrite) as between:
        diagnosis = checks.check(url=between.url)
    first(diagnosis, Culprit.GATEWAY)
    assert checks.symptoms is not None
    assert checks.symptoms.trials[-1].address is Address.DIRECT
    assert checks.symptoms.trials[-1].accepted


def test_a_gateway_with_an_answer_of_its_own(checks: Checks) -> None:
    page = (401, b"<html>sign in</html>", {"content-type": "text/html"})
    with gateway(checks.server.url, own=lambda path: page) as between:
        first(checks.check(url=between.url, direct=between.url, admin=False), Culprit.GATEWAY)


def test_a_gateway_is_cleared_where_anthropic_itself_says_the_same(checks: Checks) -> None:
    checks.server.books.change(checks.record.id, status=KeyStatus.INACTIVE)
    with gateway(checks.server.url) as between:
        diagnosis = checks.check(url=between.url)
    first(diagnosis, Culprit.DISABLED)
    [cleared] = [suspect for suspect in diagnosis.suspects if suspect.culprit is Culprit.GATEWAY]
    assert cleared.certainty is Certainty.UNLIKELY
    assert cleared.against


@pytest.mark.parametrize("header", ["Authorization: Bearer other", "X-Api-Key: other"])
def test_custom_headers_that_replace_the_key_are_named_though_the_key_is_fine(checks: Checks, header: str) -> None:
    diagnosis = checks.check(environ={"ANTHROPIC_CUSTOM_HEADERS": f"x-team: a\n{header}"})
    first(diagnosis, Culprit.SHADOWED)
    assert "other" not in json.dumps(diagnosis.to_json()).replace("another", "")


@pytest.mark.parametrize(
    "instead",
    [
        {"ANTHROPIC_AUTH_TOKEN": "some-token"},
        {"ANTHROPIC_PROFILE": "dev"},
        {
            "ANTHROPIC_FEDERATION_RULE_ID": "rule",
            "ANTHROPIC_ORGANIZATION_ID": "org",
            "ANTHROPIC_IDENTITY_TOKEN_FILE": "/nowhere",
        },
    ],
)
def test_an_empty_key_lets_another_credential_in(checks: Checks, instead: Mapping[str, str]) -> None:
    first(checks.check("", environ=instead), Culprit.SHADOWED)


def test_a_leftover_key_that_outranks_federation_is_named_before_its_own_death(checks: Checks) -> None:
    checks.server.books.change(checks.record.id, status=KeyStatus.INACTIVE)
    diagnosis = checks.check(environ={"ANTHROPIC_PROFILE": "dev"})
    first(diagnosis, Culprit.OUTRANKS)
    assert diagnosis.suspects[1].culprit is Culprit.DISABLED


def test_another_key_in_the_environment_than_in_the_secret_is_only_possible(checks: Checks) -> None:
    diagnosis = checks.check(origin=Origin.SECRET, environ={NAME: make_key().reveal()})
    assert diagnosis.finding is Finding.FINE
    assert diagnosis.first is not None
    assert (diagnosis.first.culprit, diagnosis.first.certainty) == (Culprit.SHADOWED, Certainty.POSSIBLE)


def test_a_header_set_here_proves_nothing_for_who_reads_a_secret_elsewhere(checks: Checks) -> None:
    diagnosis = checks.check(origin=Origin.SECRET, environ={"ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer other"})
    assert diagnosis.finding is Finding.FINE
    assert diagnosis.first is not None
    assert (diagnosis.first.culprit, diagnosis.first.certainty) == (Culprit.SHADOWED, Certainty.POSSIBLE)


@pytest.mark.parametrize("pointer", [None, "work"])
def test_a_profile_on_disk_is_next_where_there_is_no_key(checks: Checks, tmp_path: Path, pointer: str | None) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / f"{pointer or 'default'}.json").write_text("{}")
    environ = {"ANTHROPIC_CONFIG_DIR": str(tmp_path)}
    if pointer is not None:
        (tmp_path / "active_config").write_text("elsewhere")
        first(checks.check("", environ=environ), Culprit.NOT_LOADED)  # the SDK takes what the pointer names, or nothing
        (tmp_path / "active_config").write_text(pointer)
    first(checks.check("", environ=environ), Culprit.SHADOWED)


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


def test_through_a_gateway_it_is_said_which_header_was_tried(checks: Checks) -> None:
    with gateway(checks.server.url) as between:
        diagnosis = checks.check(url=between.url)
    assert any("x-api-key, of older ones, was not tried" in note for note in diagnosis.notes)


def test_where_federation_would_serve_it_is_said_once_with_the_link(checks: Checks) -> None:
    notes = " ".join(checks.check(environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).notes)
    assert notes.count("Workload Identity Federation") == 1
    assert "Kubernetes" in notes
    assert "https://" in notes
    around = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "ANTHROPIC_PROFILE": "dev"}
    assert "Workload" not in " ".join(checks.check(environ=around).notes)  # it is set up already


def test_an_address_that_is_none_is_called_so(checks: Checks) -> None:
    diagnosis = checks.check(url="api.anthropic.com", direct="api.anthropic.com")
    first(diagnosis, Culprit.UNREACHABLE, Finding.UNKNOWN)
    assert any("an address that is none" in note for note in diagnosis.notes)


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


def test_a_redirect_is_not_followed_with_the_key(checks: Checks) -> None:
    away = (302, b"", {"location": "http://127.0.0.1:9/"})
    with gateway(checks.server.url, own=lambda path: away) as between:
        first(checks.check(url=between.url, direct=between.url, admin=False), Culprit.GATEWAY, Finding.UNKNOWN)


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


def test_without_an_own_address_beside_the_configured_one_only_that_is_asked(checks: Checks) -> None:
    checks.server.books.change(checks.record.id, status=KeyStatus.INACTIVE)
    checks.check(admin=False)
    assert checks.symptoms is not None
    assert {trial.address for trial in checks.symptoms.trials} == {Address.CONFIGURED}
    assert len(checks.symptoms.trials) == 2
    assert replace(checks.symptoms.trials[0], header=checks.symptoms.trials[1].header).refused
