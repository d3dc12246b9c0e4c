"""`rotate check` from the outside: what it says, its exit codes, and that it changes nothing and shows no key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from rotator.sandbox.aws import Fault as AwsFault
from tests.aws_world import FIELD, make_key
from tests.cli.check_words import no_key_in
from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld
from tests.cli.terminal import terminal
from tests.unit.gateway import gateway, without

NAME = "ANTHROPIC_API_KEY"


# --- one key


def test_a_good_key_in_a_variable_is_fine(world: SmallWorld, rotate: Rotate) -> None:
    world.extra[NAME] = world.old.reveal()
    ran = rotate("check", "--env", NAME)
    assert ran.code == 0
    assert "Anthropic accepts the key" in ran.out
    no_key_in(world, ran.all)


def test_a_dead_key_is_explained_by_the_named_credentials_books(world: SmallWorld, rotate: Rotate) -> None:
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    world.extra[NAME] = world.old.reveal()
    ran = rotate("check", "prod-chat", "--env", NAME, "--json")
    assert ran.code == 5
    assert ran.json["causes"][0]["cause"] == "disabled"
    no_key_in(world, ran.all)


def test_the_admin_key_of_the_environment_serves_where_no_credential_is_named(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.set_status(world.old_id, KeyStatus.ARCHIVED)
    world.extra |= {NAME: world.old.reveal(), "ANTHROPIC_ADMIN_KEY": world.admin.reveal()}
    ran = rotate("check", "--env", NAME, "--json")
    assert ran.json["causes"][0]["cause"] == "archived"
    no_key_in(world, ran.all)


def test_a_key_on_stdin_and_in_a_file(world: SmallWorld, rotate: Rotate, tmp_path: Path) -> None:
    assert rotate("check", "--key-file", "-", stdin=world.old.reveal() + "\n").code == 0
    path = tmp_path / "key.env"
    path.write_text(f"{NAME}='{world.old.reveal()}'\n")
    ran = rotate("check", "--key-file", str(path))
    assert ran.code == 0
    assert "docker run --env-file" in ran.out
    no_key_in(world, ran.all)


def test_a_secret_is_checked_by_its_reference(world: SmallWorld, rotate: Rotate) -> None:
    assert rotate("check", "--secret", world.reference()).code == 0
    ran = rotate("check", "--secret", world.reference(field="LOG_LEVEL"), "--json")
    assert (ran.code, ran.json["causes"][0]["cause"]) == (5, "wrong_bytes")
    ran = rotate("check", "--secret", world.reference(field="API_KEY"), "--json")
    assert (ran.code, ran.json["causes"][0]["cause"]) == (5, "not_loaded")
    assert f"#{FIELD}" in ran.json["causes"][0]["fix"]
    ran = rotate("check", "--secret", world.reference().partition("#")[0], "--json")
    assert (ran.code, ran.json["causes"][0]["cause"]) == (5, "wrong_bytes")
    assert f"`{FIELD}`" in ran.out


def test_a_secret_that_is_not_there_holds_no_key(world: SmallWorld, rotate: Rotate) -> None:
    ran = rotate("check", "--secret", world.reference("no/such-secret"), "--json")
    assert (ran.code, ran.json["causes"][0]["cause"]) == (5, "not_loaded")


@pytest.mark.parametrize("fault", [AwsFault(503, "ServiceUnavailable"), AwsFault(400, "AccessDeniedException")])
def test_a_store_that_cannot_be_asked_leaves_the_question_open(
    world: SmallWorld, rotate: Rotate, fault: AwsFault
) -> None:
    world.aws.faults = lambda operation: fault
    assert rotate("check", "--secret", world.reference()).code == 6


def test_a_header_stripping_gateway_is_found_through_the_command(world: SmallWorld, rotate: Rotate) -> None:
    with gateway(world.anthropic.url, alter=without("authorization")) as between:
        world.extra |= {NAME: world.old.reveal(), "ANTHROPIC_BASE_URL": between.url}
        ran = rotate("check", "--env", NAME, "--json")
    assert (ran.code, ran.json["causes"][0]["cause"]) == (5, "gateway")
    no_key_in(world, ran.all)


def test_the_bundle_has_what_support_asks_for_and_nothing_secret(
    world: SmallWorld, rotate: Rotate, tmp_path: Path
) -> None:
    broken = Fault(status=401, type="authentication_error", message=f"invalid {world.old.reveal()}")
    world.anthropic.rules.replace([FaultRule(fault=broken, path="/v1/models")])
    path = tmp_path / "bundle.json"
    ran = rotate("check", "prod-chat", "--secret", world.reference(), "--bundle", str(path), "--json")
    assert (ran.code, ran.json["causes"][0]["cause"]) == (5, "too_new")
    text = path.read_text()
    no_key_in(world, ran.all, text)
    assert path.stat().st_mode & 0o777 == 0o600
    bundle = json.loads(text)
    assert [one["status"] for one in bundle["requests"]] == [401, 401]
    assert all(one["request_id"].startswith("req_") and one["at"] for one in bundle["requests"])
    assert bundle["record"]["id"] == world.old_id
    again = rotate("check", "--secret", world.reference(), "--bundle", str(path))
    assert again.code == 2
    assert path.read_text() == text


def test_where_the_fault_is_on_anthropics_side_it_is_said_and_the_bundle_proves_it(
    world: SmallWorld, rotate: Rotate, tmp_path: Path
) -> None:
    books = world.anthropic.books
    now, books.now = books.now, lambda: now() - timedelta(hours=1)
    key, record = books.issue("an hour old")
    books.now = now
    world.client.put_secret_value(SecretId=world.secret, SecretString=json.dumps({FIELD: key.reveal()}))
    broken = Fault(status=401, type="authentication_error", message="invalid x-api-key")
    world.anthropic.rules.replace([FaultRule(fault=broken, path="/v1/models")])
    path = tmp_path / "bundle.json"
    ran = rotate("check", "prod-chat", "--bundle", str(path), "--json")
    assert (ran.code, ran.json["key"]["causes"][0]["cause"]) == (5, "anthropic_side")
    assert "--bundle" in ran.json["key"]["causes"][0]["fix"]
    bundle = json.loads(path.read_text())
    assert (bundle["record"]["id"], bundle["record"]["status"]) == (record.id, "active")
    assert [one["status"] for one in bundle["requests"]] == [401, 401]
    assert len({one["request_id"] for one in bundle["requests"]}) == 2
    assert key.reveal()[17:104] not in ran.all + path.read_text()


def test_of_a_key_that_works_no_bundle_is_written(world: SmallWorld, rotate: Rotate, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    ran = rotate("check", "--secret", world.reference(), "--bundle", str(path))
    assert (ran.code, path.exists()) == (0, False)
    assert "no bundle was written" in ran.err


def test_a_terminal_is_not_written_over_its_edge(world: SmallWorld) -> None:
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    for words in (["prod-chat"], ["prod-chat", "--secret", world.reference()]):
        with terminal(world, "check", *words) as seen:  # it does not tell its width: 80 columns are usual
            assert seen.end() == 5
        assert max(len(line) for line in seen.shown.splitlines()) <= 80
        assert "The key is disabled (prod)." in " ".join(seen.shown.split())


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--env", "A", "--key-file", "b"],
        ["--all", "prod-chat"],
        ["--offline"],
        ["prod-chat", "--offline"],
        ["--offline", "--secret", "aws-sm://eu-west-1/a"],
        ["--key-file", "-", "--watch"],
        ["prod-chat", "--watch", "--every", "soon"],
        ["no-such-credential"],
        ["--secret", "nonsense"],
        ["--env", NAME, "--offline", "--bundle", "b.json"],
    ],
)
def test_words_that_make_no_sense_are_a_matter_of_usage(world: SmallWorld, rotate: Rotate, words: list[str]) -> None:
    world.extra[NAME] = world.old.reveal()
    ran = rotate("check", *words)
    assert ran.code == 2
    assert "error:" in ran.err


# --- without the network


def light(environ: dict[str, str], *words: str) -> Ran:
    """As a process, through the door that stands before typer; tells what was imported."""
    script = (
        "import sys\nfrom rotator.cli import main\ntry:\n    main()\nfinally:\n"
        "    print([name for name in ('typer', 'pydantic', 'anthropic', 'sqlalchemy', 'httpx2', 'boto3', 'yaml')"
        " if name in sys.modules], file=sys.stderr)"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, "check", *words],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Ran(child.returncode, child.stdout, child.stderr)


def test_a_containers_check_says_nothing_where_all_is_well_and_imports_nothing_heavy() -> None:
    key = make_key().reveal()
    ran = light({NAME: key}, "--env", NAME, "--offline", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "[]\n")


@pytest.mark.parametrize("template", ['"{}"', "{}\n", "", "$KEY", "\u200b{}", "sk-ant-admin01-{}"])
def test_a_containers_check_says_one_line_where_something_is_wrong(template: str) -> None:
    key = make_key().reveal()
    ran = light({NAME: template.format(key)}, "--env", NAME, "--offline", "--quiet")
    assert (ran.code, ran.out) == (5, "")
    assert len(ran.err.splitlines()) == 2  # the line, and the list of imports
    assert ran.err.endswith("[]\n")
    assert key[17:104] not in ran.all


@pytest.mark.parametrize(
    "words", [["--offline"], ["--offline", "--json"], ["--offline", "--quiet"], ["--offline", "-q"]]
)
def test_the_early_door_and_typer_say_the_same(world: SmallWorld, rotate: Rotate, words: list[str]) -> None:
    world.extra[NAME] = f"'{world.old.reveal()}'"
    early = light({NAME: world.extra[NAME]}, "--env", NAME, *words)
    ours = rotate("check", "--env", NAME, *words)
    assert early.code == ours.code == 5
    assert early.err.replace("[]\n", "") == ours.err
    assert [line for line in ours.out.splitlines() if "BASE_URL" not in line][:4] == early.out.splitlines()[:4]


def test_a_key_among_the_words_is_refused_also_here() -> None:
    key = make_key().reveal()
    ran = light({}, "--env", key, "--offline")
    assert ran.code == 2
    assert key[17:104] not in ran.all
