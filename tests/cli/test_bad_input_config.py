"""What is wrong before anything is touched: rotate.yaml, names, the words of the command. In one shape."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld

UNTOUCHED = "No key was touched by this command."


def test_without_a_rotate_yaml_it_says_where_it_looked_and_to_begin_with_init(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.config.unlink()
    world.extra["ROTATOR_CONFIG"] = ""
    ran = rotate("status", "--json")
    assert ran.code == 2
    assert ran.error["code"] == "config"
    assert str(world.config) in ran.error["message"]
    assert ran.error["keys"] == UNTOUCHED
    assert ran.error["next"] == "rotate init"
    assert not ran.err


def test_a_config_that_is_named_but_missing_is_an_error_and_nothing_else_is_tried(rotate: Rotate) -> None:
    ran = rotate("status", "--config", "other.yaml", "--json")
    assert ran.code == 2
    assert "--config names" in ran.error["message"]
    assert ran.error["next"] == "rotate init"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("credentials:", "credential:", "did you mean `credentials`"),
        ("cadence:", "cadense:", "did you mean `cadence`"),
        ("aws-sm://eu-west-1/", "aws-sm:/eu-west-1/", "not a secret reference"),
        ("aws-sm://", "awssm://", "neither `aws-sm://` nor `vault://`"),
        ("playbook: ./quick.yaml", "playbook: standart", "did you mean `standard`"),
    ],
)
def test_a_slip_in_rotate_yaml_is_named_with_what_was_probably_meant(
    world: SmallWorld, rotate: Rotate, old: str, new: str, said: str
) -> None:
    world.config.write_text(world.config.read_text().replace(old, new, 1))
    ran = rotate("config", "check", "--json")
    assert ran.code == 2
    assert ran.error["code"] == "config"
    assert said in ran.error["message"]
    assert ran.error["keys"] == UNTOUCHED
    assert ran.error["next"]


def test_a_bad_url_in_rotate_yaml_is_named(world: SmallWorld, rotate: Rotate) -> None:
    world.write(
        consumers="      - name: edge\n        http: {urls: ['htp://127.0.0.1/h'], fingerprint: key.fingerprint}\n"
    )
    ran = rotate("config", "check", "--json")
    assert ran.code == 2
    assert "htp" in ran.error["message"] or "URL" in ran.error["message"]


def test_a_key_in_rotate_yaml_is_refused_without_being_shown(world: SmallWorld, rotate: Rotate) -> None:
    world.config.write_text(world.config.read_text() + f"# {world.new.reveal()}\n")
    ran = rotate("status", "--json")
    assert ran.code == 2
    assert world.new.reveal()[20:] not in ran.all
    assert "exposed" in ran.error["next"]


def test_an_unknown_credential_suggests_the_nearest(rotate: Rotate) -> None:
    ran = rotate("status", "prod-chta", "--json")
    assert ran.code == 2
    assert "did you mean `prod-chat`?" in ran.error["message"]
    assert ran.error["keys"] == UNTOUCHED
    assert ran.error["next"]


@pytest.mark.parametrize(
    ("words", "following"),
    [(["sttus"], "rotate --help"), (["start"], "rotate start --help"), (["status", "--jsn"], "rotate status --help")],
)
def test_a_command_that_cannot_be_read_has_the_shape_of_every_error(
    rotate: Rotate, words: list[str], following: str
) -> None:
    ran = rotate(*words, "--json")
    assert ran.code == 2
    assert (ran.error["code"], ran.error["keys"], ran.error["next"]) == ("usage", UNTOUCHED, following)
    plain = rotate(*words)
    assert plain.code == 2
    assert plain.out == ""
    assert plain.err.splitlines()[0].startswith("error: ")
    assert plain.err.splitlines()[1:] == [f"  keys: {UNTOUCHED}", f"  next: {following}"]


@pytest.mark.parametrize("form", ["--key={}", "--key-file={}", "{}"])
def test_a_key_typed_as_a_word_is_refused_without_echo(world: SmallWorld, rotate: Rotate, form: str) -> None:
    ran = rotate("start", "prod-chat", form.format(world.new.reveal()))
    assert ran.code == 2
    assert world.new.reveal()[20:] not in ran.all
    assert "treat it as exposed" in ran.err
    assert "next: rotate start CREDENTIAL" in ran.err
    as_json = rotate("start", "prod-chat", form.format(world.new.reveal()), "--json")
    assert as_json.error["code"] == "key_typed"
    assert world.new.reveal()[20:] not in as_json.all


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_is_no_bug_and_json_is_json_there_too(world: SmallWorld, encoding: str) -> None:
    world.extra["PYTHONIOENCODING"] = f"{encoding}:strict"
    assert "apikey_" in world.run("start", "--help").out
    ran = world.run("status", "prød-chat…", "--json")
    assert ran.code == 2
    assert "no credential `prød-chat…`" in ran.error["message"]
    plain = world.run("check", "--offline", "--secret", "aws-sm://x/ø…")
    assert plain.code != 1, plain.all


def test_a_word_that_is_no_text_is_refused_before_it_reaches_the_journal(rotate: Rotate) -> None:
    ran = rotate("rollback", "prod-chat", "--by", "\udcff", "--json")
    assert ran.code == 2
    assert "no UTF-8 text" in ran.error["message"]


def test_the_option_key_does_not_exist(rotate: Rotate) -> None:
    ran = rotate("start", "prod-chat", "--key", "whatever")
    assert ran.code == 2
    assert "whatever" not in ran.all
    assert "never given on the command line" in ran.err


def test_init_writes_a_file_that_config_check_accepts_and_never_overwrites_one(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.config.unlink()
    made = rotate("init", "--json")
    assert (made.code, made.json["next"]) == (0, "rotate config check")
    checked = rotate("config", "check", "--json")
    assert (checked.code, checked.json["credentials"]) == (0, ["prod-chat"])
    before = world.config.read_text()
    again = rotate("init", "--json")
    assert again.code == 2
    assert "exists already" in again.error["message"]
    assert world.config.read_text() == before


def test_a_playbook_that_does_not_exist_is_an_error_of_plan_and_start_alike(world: SmallWorld, rotate: Rotate) -> None:
    for words in (["plan", "prod-chat"], ["start", "prod-chat", "--key-file", "-"]):
        ran = rotate(*words, "--playbook", "leek", "--json", stdin=world.new.reveal())
        assert ran.code == 2
        assert "did you mean `leak`?" in ran.error["message"]
    assert not world.journal.exists()


def test_plan_and_schema_and_config_check_print_one_json_document_and_touch_nothing(
    world: SmallWorld, rotate: Rotate
) -> None:
    before = world.aws.calls.copy()
    plan = rotate("plan", "prod-chat", "--json")
    assert plan.code == 0
    assert [step["step"] for step in plan.json["steps"]][:2] == ["adopt", f"stage {world.reference()}"]
    assert rotate("config", "schema").json == rotate("config", "schema", "--json").json
    assert rotate("config", "policy", "aws", "--json").json["Statement"]
    assert rotate("config", "policy", "vault", "--json").error["next"] == "rotate config policy aws"
    assert rotate("config", "check", "--json").json["credentials"] == ["prod-chat"]
    assert world.aws.calls == before
    assert not world.journal.exists()
