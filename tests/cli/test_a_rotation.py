"""One rotation through the commands: what each says, what it prints as JSON, and what it refuses in which phase."""

from __future__ import annotations

import json
import time

from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.aws_world import make_key, stages_of
from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld, digest_of

SAID = ["--by", "ann", "--reason", "planned"]
BOTH = "The new key is current; the old key is active as well. Nothing was lost."


def start(rotate: Rotate, world: SmallWorld) -> Ran:
    return rotate("start", "prod-chat", "--key-file", "-", "--json", stdin=world.new.reveal() + "\n")


def to_the_question(rotate: Rotate, world: SmallWorld) -> Ran:
    assert start(rotate, world).code == 0
    assert rotate("verify", "prod-chat").code == 0
    return rotate("finish", "prod-chat", "--json")


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
    assert list(now) == list(before) == keys
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


def test_a_deploy_command_that_is_missing_or_hangs_is_named_and_tried_again_after_the_repair(
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


def test_a_new_key_that_dies_half_way_is_noticed_and_rollback_goes_back_to_the_old_one(
    world: SmallWorld, rotate: Rotate
) -> None:
    start(rotate, world)
    world.set_status(world.new_id, KeyStatus.INACTIVE)
    ran = rotate("verify", "prod-chat")
    assert ran.code == 5
    assert "Anthropic does not accept the key" in ran.out
    assert "next: rotate rollback prod-chat" in ran.out
    back = rotate("rollback", "prod-chat", "--json", *SAID)
    assert back.code == 8
    assert back.json["rotation"]["outcome"] == "rolled_back"
    assert world.current() == world.old


def test_rollback_works_from_every_phase_before_archive(world: SmallWorld, rotate: Rotate) -> None:
    world.on["deploy api"] = lambda: "1\nno"
    assert start(rotate, world).code != 0
    del world.on["deploy api"]
    assert rotate("rollback", "prod-chat").code == 8
    assert world.current() == world.old
    to_the_question(rotate, world)
    assert rotate("rollback", "prod-chat").code == 8
    world.write(soak="1h")
    to_the_question(rotate, world)
    soaking = rotate("finish", "prod-chat", "--approve", "disable", *SAID)
    assert soaking.code == 3
    assert "old key is disabled" in soaking.out
    assert "rotate tick" in soaking.out
    assert world.status(world.old_id) is KeyStatus.INACTIVE
    back = rotate("rollback", "prod-chat")
    assert back.code == 8
    assert "keys: The old key is current" in back.out
    assert "next: rotate start prod-chat" in back.out
    assert world.status(world.old_id) is KeyStatus.ACTIVE
    assert world.current() == world.old
    assert world.holds["api"] == digest_of(world.old)
    assert all("AWSPENDING" not in labels for labels in stages_of(world.client, world.secret).values())


def test_after_archive_rollback_is_refused(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    assert rotate("finish", "prod-chat", "--approve", "disable,archive", *SAID).code == 0
    ran = rotate("rollback", "prod-chat", "--json")
    assert ran.code == 2
    assert ran.error["next"] == "rotate start prod-chat"
    assert "archived" in ran.error["keys"]


def test_an_approval_needs_a_name_a_reason_and_a_known_step(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    for words in (["finish", "prod-chat", "--approve", "disable"], ["approve", "prod-chat", "disable"]):
        ran = rotate(*words, "--json")
        assert ran.code == 2
        assert ran.error["next"] == "add --by WHO --reason WHY"
    wrong = rotate("finish", "prod-chat", "--approve", "destroy", *SAID, "--json")
    assert wrong.code == 2
    assert "`destroy` cannot be approved here" in wrong.error["message"]
    unasked = rotate("approve", "prod-chat", "consumer:api", *SAID, "--json")
    assert unasked.code == 2
    assert world.status(world.old_id) is KeyStatus.ACTIVE


def test_an_approval_from_another_terminal_lets_finish_go_on(world: SmallWorld, rotate: Rotate) -> None:
    asked = to_the_question(rotate, world)
    assert asked.code == 4
    assert rotate("approve", "prod-chat", "disable", *SAID, "--json").code == 0
    after = rotate("finish", "prod-chat", "--json")
    assert after.code == 4
    assert "archive the old key" in after.json["waiting"]["why"]
    assert world.status(world.old_id) is KeyStatus.INACTIVE


def test_without_a_terminal_the_question_names_the_flags_that_answer_it(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    ran = rotate("finish", "prod-chat")
    assert ran.code == 4
    assert "rotate finish prod-chat --approve disable --by WHO --reason WHY" in ran.out


def test_a_consumer_that_a_person_observes_is_asked_about_and_the_printed_command_answers_it(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.write(consumers=world.consumer("api") + "      - name: laptops\n        manual: {ask: 'Reloaded?'}\n")
    start(rotate, world)
    asked = rotate("verify", "prod-chat", "--json")
    assert asked.code == 4
    assert asked.json["next"] == "rotate approve prod-chat 'consumer:laptops' --by WHO --reason WHY"
    assert rotate("approve", "prod-chat", "consumer:laptops", *SAID).code == 0
    assert rotate("verify", "prod-chat").code == 0


def test_abandon_leaves_a_debt_in_sight_and_the_next_start_is_free(world: SmallWorld, rotate: Rotate) -> None:
    start(rotate, world)
    refused = rotate("abandon", "prod-chat", "--json")
    assert refused.code == 2
    assert refused.error["next"] == "add --by WHO --reason WHY"
    ran = rotate("abandon", "prod-chat", *SAID, "--json")
    assert ran.code == 9
    assert "retire it by hand" in ran.json["owed"][0]
    status = rotate("status", "prod-chat")
    assert status.code == 9
    assert "OWED" in status.out
    world.new = world.anthropic.books.issue("next")[0]
    again = start(rotate, world)
    assert again.code == 0
    assert world.current() == world.new


def test_a_changed_rotate_yaml_stops_the_rotation_until_it_is_accepted(world: SmallWorld, rotate: Rotate) -> None:
    start(rotate, world)
    world.write(consumers=world.consumer("api") + world.consumer("edge"))
    world.holds["edge"] = digest_of(world.old)
    ran = rotate("verify", "prod-chat", "--json")
    assert ran.code == 2
    assert ran.error["code"] == "plan_changed"
    assert "consumer edge was added" in ran.error["message"]
    assert ran.error["keys"] == BOTH
    assert "rotate resume prod-chat --accept-plan" in ran.error["next"]
    assert rotate("resume", "prod-chat", "--accept-plan", "--json").code == 2
    accepted = rotate("resume", "prod-chat", "--accept-plan", *SAID, "--json")
    assert accepted.code == 4, accepted.all
    assert [one["name"] for one in accepted.json["consumers"]] == ["api", "edge"]
    assert world.holds["edge"] == digest_of(world.new)


def test_unlock_says_who_held_it_or_that_nobody_does(world: SmallWorld, rotate: Rotate) -> None:
    start(rotate, world)
    assert rotate("unlock", "prod-chat", "--json").code == 2
    ran = rotate("unlock", "prod-chat", *SAID, "--json")
    assert (ran.code, ran.json) == (0, {"credential": "prod-chat", "was_held_by": None})


def test_tick_takes_scheduled_rotations_of_two_credentials_to_their_end_unattended(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.write(approval="scheduled", unproven="accept", names=["prod-chat"])
    assert start(rotate, world).code == 0
    world.write(approval="scheduled", unproven="accept", names=["prod-chat", "quiet"])
    outcomes = []
    for _ in range(20):
        ran = rotate("tick", "--json")
        assert [one["credential"] for one in ran.json] == ["prod-chat", "quiet"]
        assert ran.code in (0, 3)
        outcomes.append(ran.json[0]["rotation"]["outcome"])
        if outcomes[-1] == "completed":
            break
        time.sleep(0.1)
    assert outcomes[-1] == "completed"
    assert len(outcomes) > 1  # a tick never waits
    assert world.status(world.old_id) is KeyStatus.ARCHIVED
    assert rotate("tick").code == 0


def test_tick_never_asks_and_says_who_is_waited_for(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    ran = rotate("tick")
    assert ran.code == 4
    assert "waiting for a person" in ran.out
    assert world.status(world.old_id) is KeyStatus.ACTIVE


def test_a_need_that_shows_in_the_soak_enables_the_old_key_again_and_shouts(world: SmallWorld, rotate: Rotate) -> None:
    world.write(soak="1h")
    to_the_question(rotate, world)
    assert rotate("finish", "prod-chat", "--approve", "disable", *SAID).code == 3
    world.holds["api"] = digest_of(world.old)
    ran = rotate("tick")
    assert ran.code in (5, 9), ran.all
    assert world.status(world.old_id) is KeyStatus.ACTIVE
    status = rotate("status", "prod-chat")
    assert status.code == 9
    assert "enabled again" in status.out


def test_without_an_admin_key_finish_names_the_consoles_steps_and_goes_on_when_it_is_done(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.write(admin=None, soak="100ms")
    to_the_question(rotate, world)
    ran = rotate("finish", "prod-chat", "--approve", "disable", *SAID)
    assert ran.code == 4, ran.all
    assert "open Anthropic's Console, Settings, API keys" in ran.out
    assert world.old.fingerprint.head in ran.out
    assert "choose Disable" in ran.out
    assert "next: rotate finish prod-chat" in ran.out
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    asked = rotate("finish", "prod-chat", "--approve", "disable", *SAID, "--json")
    assert asked.code == 4, asked.all
    assert "archive the old key" in asked.json["waiting"]["why"]
    done = rotate("finish", "prod-chat", "--approve", "archive", *SAID, "--json")
    assert done.code == 0, done.all
    attested = [e["data"] for e in rotate("history", "prod-chat", "--json").json if e["step"] == "archive"]
    assert {"attested_by": "ann"} in attested


def test_a_store_that_fails_at_promotion_is_journaled_and_the_same_command_goes_on(
    world: SmallWorld, rotate: Rotate
) -> None:
    from rotator.sandbox.aws import Fault as AwsFault
    from tests.aws_world import failing

    failing(world.aws, "UpdateSecretVersionStage", AwsFault(400, "AccessDeniedException", "no"))
    ran = rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal())
    assert ran.code == 10
    assert "secretsmanager:UpdateSecretVersionStage is not allowed" in ran.out
    assert "keys: The old key is current and active; the new key is only pending. Nothing was lost." in ran.out
    assert "hint: Allow secretsmanager:UpdateSecretVersionStage" in ran.out
    assert "next: rotate resume prod-chat" in ran.out
    world.aws.faults = lambda operation: None
    assert rotate("start", "prod-chat").code == 0


def test_a_revocation_that_anthropic_refuses_is_told_and_nothing_is_archived(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    fault = Fault(status=403, type="permission_error", message="no")
    world.anthropic.rules.replace([FaultRule(fault=fault, method="POST", path="/v1/organizations/api_keys")])
    ran = rotate("finish", "prod-chat", "--approve", "disable,archive", *SAID)
    assert ran.code in (9, 10)
    assert "next: rotate " in ran.out
    assert world.status(world.old_id) is KeyStatus.ACTIVE
    world.anthropic.rules.replace([])
    assert rotate("finish", "prod-chat", "--approve", "disable,archive", *SAID).code == 0


def test_history_holds_no_key_and_parses(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    ran = rotate("history", "prod-chat", "--json")
    assert json.loads(ran.out)[0]["kind"] == "opened"
    assert world.new.reveal() not in ran.all
