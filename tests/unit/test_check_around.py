"""What surrounds a key: gateways, headers, workspaces, other credentials. Each cause comes first in its own case."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rotator.core.check.diagnosis import Finding
from rotator.core.check.sample import Origin
from rotator.core.check.suspects import Certainty, Culprit
from rotator.core.check.trials import Address
from rotator.model.keys import KeyStatus
from tests.aws_world import make_key
from tests.unit.check_world import Checks, check_world, first
from tests.unit.gateway import gateway, without

NAME = "ANTHROPIC_API_KEY"


@pytest.fixture
def checks() -> Iterator[Checks]:
    with check_world() as made:
        yield made


def test_a_key_of_a_gateways_own_is_not_condemned(checks: Checks) -> None:
    with gateway(checks.server.url) as between:
        diagnosis = checks.check("sk-" + make_key().reveal()[20:70], url=between.url)
    first(diagnosis, Culprit.WRONG_KIND, Finding.UNKNOWN)


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


def test_a_redirect_is_not_followed_with_the_key(checks: Checks) -> None:
    away = (302, b"", {"location": "http://127.0.0.1:9/"})
    with gateway(checks.server.url, own=lambda path: away) as between:
        first(checks.check(url=between.url, direct=between.url, admin=False), Culprit.GATEWAY, Finding.UNKNOWN)


def test_without_an_own_address_beside_the_configured_one_only_that_is_asked(checks: Checks) -> None:
    checks.server.books.change(checks.record.id, status=KeyStatus.INACTIVE)
    checks.check(admin=False)
    assert checks.symptoms is not None
    assert {trial.address for trial in checks.symptoms.trials} == {Address.CONFIGURED}
    assert len(checks.symptoms.trials) == 2
    assert replace(checks.symptoms.trials[0], header=checks.symptoms.trials[1].header).refused
