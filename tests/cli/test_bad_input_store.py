"""The secret store and Anthropic, when they say no or nothing: told before or while a rotation is opened."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_faults import Fault as AnthropicFault
from rotator.sandbox.aws import Fault
from tests.aws_world import FIELD, failing, make_key
from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld

NOTHING = "No key was touched."


def start(rotate: Rotate, world: SmallWorld, *more: str) -> Ran:
    return rotate("start", "prod-chat", "--key-file", "-", "--json", *more, stdin=world.new.reveal() + "\n")


def missing(world: SmallWorld) -> None:
    world.write(secrets=[world.reference("prod/anthropic-nowhere")])


def wrong_region(world: SmallWorld) -> None:
    world.write(secrets=[world.reference().replace("eu-west-1", "us-east-1")])


def deleted(world: SmallWorld) -> None:
    world.client.delete_secret(SecretId=world.secret, RecoveryWindowInDays=7)


def without_the_field(world: SmallWorld) -> None:
    world.write(secrets=[world.reference(field="ANTHROPIC_KEY")])


def not_json(world: SmallWorld) -> None:
    world.client.put_secret_value(SecretId=world.secret, SecretString=world.old.reveal(), VersionStages=["AWSCURRENT"])


def no_current(world: SmallWorld) -> None:
    world.secret += "-empty"
    world.client.create_secret(Name=world.secret)
    world.write()


def no_permission(world: SmallWorld) -> None:
    who = "User: arn:aws:iam::1:user/bob is not authorized to perform: secretsmanager:GetSecretValue on resource: x"
    failing(world.aws, "GetSecretValue", Fault(400, "AccessDeniedException", who))


def no_kms(world: SmallWorld) -> None:
    failing(world.aws, "GetSecretValue", Fault(400, "AccessDeniedException", "Access to KMS is not allowed"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (missing, "There is no secret prod/anthropic-nowhere in region eu-west-1"),
        (wrong_region, "in region us-east-1"),
        (deleted, "is scheduled for deletion"),
        (without_the_field, "ANTHROPIC_KEY"),
        (not_json, "is not a JSON object, so it has no field"),
        (no_current, "has no current key"),
        (no_permission, "secretsmanager:GetSecretValue is not allowed for arn:aws:iam::1:user/bob"),
        (no_kms, "kms:Decrypt"),
    ],
)
def test_a_secret_that_cannot_be_read_stops_the_start_before_anything_is_written(
    world: SmallWorld, rotate: Rotate, spoil: Callable[[SmallWorld], None], said: str
) -> None:
    spoil(world)
    writes = world.aws.calls["PutSecretValue"]
    ran = start(rotate, world)
    assert ran.code == 10
    assert ran.error["code"] == "refused"
    assert said in ran.error["message"]
    assert ran.error["keys"] == NOTHING
    assert ran.error["next"]
    status = rotate("status", "prod-chat", "--json")
    assert status.json["rotation"] is None
    assert world.aws.calls["PutSecretValue"] == writes


def test_a_store_that_is_not_reachable_is_named_with_its_address(world: SmallWorld, rotate: Rotate) -> None:
    world.extra["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    ran = start(rotate, world)
    assert ran.code == 10
    assert ran.error["code"] == "unreachable"
    assert "http://127.0.0.1:9" in ran.error["message"]
    assert ran.error["keys"] == NOTHING
    assert "AWS_ENDPOINT_URL" in ran.error["next"]


def test_an_anthropic_that_is_not_reachable_leaves_the_old_key_current_and_the_start_repeatable(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.write(admin=None)
    world.extra["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"
    ran = rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal())
    assert ran.code == 6
    assert "could not be asked" in ran.out
    assert "keys: The old key is current and active; the new key is stored nowhere yet. Nothing was lost." in ran.out
    assert "next: rotate start prod-chat" in ran.out
    del world.extra["ANTHROPIC_BASE_URL"]
    assert start(rotate, world).code == 0
    assert world.current() == world.new


def test_an_admin_api_that_refuses_stops_the_start_with_what_to_look_at(world: SmallWorld, rotate: Rotate) -> None:
    world.anthropic.faults = lambda method, path, key: (
        AnthropicFault(status=403, type="permission_error") if "api_keys" in path else None
    )
    ran = start(rotate, world)
    assert ran.code == 10
    assert ran.error["keys"] == NOTHING
    assert ran.error["next"]


def test_the_old_key_again_is_refused_and_the_right_key_is_taken_afterwards(world: SmallWorld, rotate: Rotate) -> None:
    ran = rotate("start", "prod-chat", "--key-file", "-", stdin=world.old.reveal())
    assert ran.code == 5
    assert "this is the old key again" in ran.out
    assert "keys: The old key is current and active" in ran.out
    assert "next: rotate start prod-chat" in ran.out
    assert world.current() == world.old
    again = start(rotate, world)
    assert again.code == 0
    assert again.json["next"] == "rotate verify prod-chat"


def test_a_dead_new_key_is_refused_after_patience_and_another_is_taken(world: SmallWorld, rotate: Rotate) -> None:
    ran = rotate("start", "prod-chat", "--key-file", "-", stdin=make_key().reveal())
    assert ran.code == 5
    assert "Anthropic does not accept the key" in ran.out
    assert "next: rotate start prod-chat" in ran.out
    assert start(rotate, world).code == 0


def test_an_old_key_that_is_dead_already_is_replaced_all_the_same_and_said(world: SmallWorld, rotate: Rotate) -> None:
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    ran = start(rotate, world)
    assert ran.code == 0
    assert ran.json["old"]["status"] == "refused"
    assert "the old key is already refused" in json.dumps(ran.json)
    assert world.current() == world.new


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("sk-ant-admin01-" + "x" * 95, "Admin key"),
        ("sk-ant-oat01-" + "x" * 80, "OAuth access token"),
        ("sk-proj-" + "x" * 60, "OpenAI"),
        ("AKIA" + "A" * 16, "AWS access key id"),
        ("", "Nothing was pasted"),
        ("x" * 70_000, "no key"),
        ("\udcff\udcfe" * 60, "not ASCII"),
    ],
)
def test_what_is_surely_no_key_is_refused_before_anything_is_asked(
    world: SmallWorld, rotate: Rotate, pasted: str, said: str
) -> None:
    path = world.directory / "pasted"
    path.write_bytes(pasted.encode("utf-8", "surrogateescape"))
    before = world.aws.calls.copy()
    ran = rotate("start", "prod-chat", "--key-file", str(path), "--json")
    assert ran.code == 2
    assert ran.error["code"] == "key_refused"
    assert said in ran.error["message"]
    assert ran.error["next"] == "rotate start prod-chat"
    assert len(pasted) <= 20 or pasted[20:60] not in ran.all
    assert world.aws.calls == before


def test_a_key_that_was_pasted_with_its_surroundings_is_repaired_and_said_on_stderr(
    world: SmallWorld, rotate: Rotate
) -> None:
    pasted = f'  export ANTHROPIC_API_KEY="{world.new.reveal()}" \r\n'
    ran = rotate("start", "prod-chat", "--key-file", "-", "--json", stdin=pasted)
    assert ran.code == 0
    assert ran.json["new"]["fingerprint"] == str(world.new.fingerprint)
    assert "note: Removed quotes around the key." in ran.err
    assert world.current() == world.new


def test_a_key_file_that_is_not_there_is_named(rotate: Rotate, world: SmallWorld) -> None:
    for path in ("nowhere.key", str(world.directory)):
        ran = rotate("start", "prod-chat", "--key-file", path, "--json")
        assert ran.code == 2
        assert path in ran.error["message"]
        assert ran.error["next"].startswith("rotate start prod-chat --key-file")


def test_without_a_terminal_nothing_is_asked(rotate: Rotate) -> None:
    ran = rotate("start", "prod-chat", "--json")
    assert ran.code == 2
    assert "no terminal" in ran.error["message"]
    assert ran.error["next"] == "rotate start prod-chat --key-file FILE (or -)"


def test_a_pending_version_of_another_tool_is_refused_by_name(world: SmallWorld, rotate: Rotate) -> None:
    other = json.dumps({FIELD: make_key().reveal()})
    world.client.put_secret_value(SecretId=world.secret, SecretString=other, VersionStages=["AWSPENDING"])
    ran = start(rotate, world)
    assert ran.code == 10
    assert ran.error["code"] == "store_conflict"
    assert "made by another tool" in ran.error["message"]
    assert world.reference() in ran.error["message"]
    assert ran.error["keys"] == NOTHING
    assert "let its owner finish" in ran.error["next"]


def test_another_operators_rotation_from_another_journal_is_refused_with_their_name(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.on["deploy api"] = lambda: "1\nno"
    stopped = start(rotate, world)
    assert stopped.code in (5, 10)
    world.extra["ROTATOR_JOURNAL"] = f"sqlite:///{world.directory}/mine.db"
    other = world.anthropic.books.issue("another")[0]
    ran = rotate("start", "prod-chat", "--key-file", "-", "--json", stdin=other.reveal())
    assert ran.code == 10
    assert f"rotation {stopped.json['rotation']['id']} of " in ran.error["message"]
    assert ran.error["keys"] == NOTHING


def test_a_first_key_is_written_where_there_was_none(world: SmallWorld, rotate: Rotate) -> None:
    no_current(world)
    ran = start(rotate, world, "--first")
    assert ran.code == 0, ran.all
    assert world.current() == world.new
    assert ran.json["old"] is None
