"""One rotation through the commands: what each says, what it prints as JSON, and what it refuses in which phase."""

from __future__ import annotations

import json
import threading

from rotator.model.keys import KeyStatus
from tests.aws_world import make_key
from tests.cli.beginnings import BOTH, SAID, start, to_the_question
from tests.cli.conftest import Rotate
from tests.cli.small_world import PATIENCE, SmallWorld, digest_of


def test_a_rotation_goes_from_start_to_archive_with_one_json_document_a_command(
    world: SmallWorld, rotate: Rotate
) -> None:
    started = start(rotate, world)
    assert (started.code, started.json["next"]) == (0, "rotate verify prod-chat")
    verified = rotate("verify", "prod-chat", "--json")
    assert (verified.code, verified.json["next"]) == (0, "rotate finish prod-chat")
    asked = rotate("finish", "prod-chat", "--json")
    assert asked.code == 4
    assert "disable the old key" in asked.json["waiting"]["why"]
    finished = rotate("finish", "prod-chat", "--approve", "disable,archive", *SAID, "--json")
    assert finished.code == 0, finished.all
    assert finished.json["rotation"]["outcome"] == "completed"
    assert (finished.json["old"]["status"], finished.json["next"]) == ("archived", "")
    assert world.status(world.old_id) is KeyStatus.ARCHIVED
    assert world.current() == world.new
    events = rotate("history", "prod-chat", "--json").json
    assert [event["kind"] for event in events][-1] == "completed"
    assert rotate("history", "prod-chat").out.endswith("events; the chain is whole.\n")


def test_status_has_exactly_the_shape_of_the_contract(world: SmallWorld, rotate: Rotate) -> None:
    before = rotate("status", "prod-chat", "--json").json
    to_the_question(rotate, world)
    ran = rotate("status", "prod-chat", "--json")
    assert ran.code == 0
    now = ran.json
    keys = ["credential", "rotation", "waiting", "next", "old", "new", "consumers", "gates", "owed"]
    assert (
        list(now) == list(before) == [*keys, "drain", "warnings", "drift"]
    )  # the last were added to the contract since
    assert (before["rotation"], before["waiting"], before["new"]) == (None, None, None)
    assert list(now["rotation"]) == ["id", "playbook", "phase", "outcome"]
    assert list(now["waiting"]) == ["until", "why"]
    assert list(now["old"]) == list(now["new"]) == ["fingerprint", "status"]
    counted = {"name": "api", "instances": 1, "on_new": 1, "on_old": 0, "unknown": 0, "terminating": 0}
    assert now["consumers"] == [counted]
    assert all(list(gate) == ["name", "verdict", "why"] for gate in now["gates"])
    assert now["owed"] == []
    everything = rotate("status", "--json").json
    assert [one["credential"] for one in everything] == ["prod-chat"]


def test_each_command_out_of_its_turn_says_which_one_it_is_the_turn_of(world: SmallWorld, rotate: Rotate) -> None:
    for command in ("verify", "finish", "rollback", "resume", "abandon"):
        ran = rotate(command, "prod-chat", "--json")
        assert ran.code == 2
        assert ran.error["code"] == "usage"
        assert "no rotation of prod-chat is open" in ran.error["message"]
        assert ran.error["keys"] == "No key was touched."
        assert ran.error["next"] == "rotate start prod-chat"
    start(rotate, world)
    early = rotate("finish", "prod-chat", "--json")
    assert early.code == 5
    assert early.error["code"] == "gate"
    assert "not proven yet that the old key can go" in early.error["message"]
    assert early.error["keys"] == BOTH
    assert early.error["next"] == "rotate verify prod-chat"
    approval = rotate("approve", "prod-chat", "disable", *SAID, "--json")
    assert approval.code == 2
    assert "cannot be approved yet" in approval.error["message"]


def test_start_twice_goes_on_with_the_same_rotation_and_repeats_nothing(world: SmallWorld, rotate: Rotate) -> None:
    first = start(rotate, world)
    writes = world.aws.calls["PutSecretValue"]
    again = rotate("start", "prod-chat", "--json")
    assert again.code == 0
    assert again.json["rotation"]["id"] == first.json["rotation"]["id"]
    assert "going on with it" in again.err
    assert again.json["next"] == "rotate verify prod-chat"
    assert world.aws.calls["PutSecretValue"] == writes
    assert world.asked.count("deploy api") == 1


def test_a_second_key_given_to_an_open_rotation_is_not_taken_and_that_is_said(
    world: SmallWorld, rotate: Rotate
) -> None:
    start(rotate, world)
    ran = rotate("start", "prod-chat", "--key-file", "-", stdin=make_key().reveal())
    assert ran.code == 0
    assert "it has its new key already" in ran.err
    assert world.current() == world.new


def test_verify_in_the_middle_of_start_sends_back_to_start(world: SmallWorld, rotate: Rotate) -> None:
    world.on["deploy api"] = lambda: "3\nno quota"
    ran = rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal())
    assert ran.code in (5, 10)
    assert "no quota" in ran.all
    assert f"keys: {BOTH}" in ran.out
    verify = rotate("verify", "prod-chat", "--json")
    assert verify.code == 2
    assert verify.error["next"] == "rotate start prod-chat"
    del world.on["deploy api"]
    assert rotate("start", "prod-chat").code == 0


def test_a_consumer_that_never_picks_up_is_named_with_its_instance_and_the_way_back(
    world: SmallWorld, rotate: Rotate
) -> None:
    start(rotate, world)
    world.holds["api"] = digest_of(world.old)
    ran = rotate("verify", "prod-chat")
    assert ran.code == 5
    assert "still on the old one: api-1" in ran.out
    assert f"keys: {BOTH}" in ran.out
    assert "next: rotate verify prod-chat" in ran.out
    assert world.status(world.old_id) is KeyStatus.ACTIVE
    world.reload("api")
    assert rotate("verify", "prod-chat").code == 0


def test_an_instance_that_cannot_say_never_passes(world: SmallWorld, rotate: Rotate) -> None:
    start(rotate, world)
    world.holds["api"] = None
    ran = rotate("verify", "prod-chat")
    assert ran.code == 6
    assert "cannot tell for api-1" in ran.out


def test_a_deploy_command_that_hangs_is_stopped_in_time_and_named(world: SmallWorld, rotate: Rotate) -> None:
    never = threading.Event()
    world.write(deploy="500ms")
    world.on["deploy api"] = lambda: str(never.wait(PATIENCE))
    ran = rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal())
    never.set()
    assert ran.code == 10
    assert "did not end within 0.5 seconds and was stopped" in ran.out
    assert f"keys: {BOTH}" in ran.out
    assert "hint: Find out why it hangs" in ran.out
    assert "next: rotate resume prod-chat" in ran.out


def test_a_deploy_command_that_is_missing_is_named_and_tried_again_after_the_repair(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.write(consumers=world.consumer("api", deploy="{command: [./no-such-deploy.sh, api]}"))
    missing = rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal())
    assert missing.code == 10
    assert "there is no program ./no-such-deploy.sh" in missing.out
    assert f"keys: {BOTH}" in missing.out
    assert "hint: Correct the command, or install the program." in missing.out
    assert "next: rotate resume prod-chat" in missing.out
    script = world.directory / "no-such-deploy.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    assert rotate("resume", "prod-chat").code in (4, 5)
    assert world.current() == world.new


def test_history_holds_no_key_and_parses(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    ran = rotate("history", "prod-chat", "--json")
    assert json.loads(ran.out)[0]["kind"] == "opened"
    assert world.new.reveal() not in ran.all
