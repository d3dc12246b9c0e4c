"""When something goes wrong half-way, or waits for a person: rollback, approve, abandon, resume, unlock, tick."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from rotator.sandbox.aws import Fault as AwsFault
from tests.aws_world import FIELD, failing, stages_of
from tests.cli.beginnings import BOTH, SAID, start, to_the_question
from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld, await_that, digest_of


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
    world.write(soak="30m")
    to_the_question(rotate, world)
    soaking = rotate("finish", "prod-chat", "--approve", "disable", *SAID)
    assert soaking.code == 3
    assert "old key is disabled" in soaking.out
    assert "rotate tick" in soaking.out
    assert world.status(world.old_id) is KeyStatus.INACTIVE
    back = rotate("rollback", "prod-chat")
    assert back.code == 8
    assert (
        "keys: The old key is current and active; the new key is out of the store again. Nothing was lost." in back.out
    )
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


def two_rotations(world: SmallWorld, rotate: Rotate) -> KeyText:
    """Of `prod-chat` and of `second`, begun, and approved by a schedule. Returns the new key of `second`."""
    world.write(approval="scheduled", unproven="accept", second=True)
    other_old, other_new = world.anthropic.books.issue("o")[0], world.anthropic.books.issue("n")[0]
    world.reads["api2"] = f"{world.secret}-2"
    world.client.create_secret(Name=world.reads["api2"], SecretString=json.dumps({FIELD: other_old.reveal()}))
    assert start(rotate, world).code == 0
    assert rotate("start", "second", "--key-file", "-", stdin=other_new.reveal()).code == 0
    return other_new


def test_tick_takes_scheduled_rotations_of_two_credentials_to_their_end_unattended(
    world: SmallWorld, rotate: Rotate
) -> None:
    other_new = two_rotations(world, rotate)
    outcomes: list[set[str]] = []
    while not outcomes or outcomes[-1] != {"completed"}:
        ran = rotate("tick", "--json")
        assert [one["credential"] for one in ran.json] == ["prod-chat", "second"]
        assert ran.code in (0, 3), ran.all
        outcomes.append({one["rotation"]["outcome"] for one in ran.json})
        assert len(outcomes) < 20
        time.sleep(0.1)
    assert world.status(world.old_id) is KeyStatus.ARCHIVED
    assert world.current(world.reads["api2"]) == other_new
    assert rotate("tick").code == 0


def test_tick_never_asks_and_says_who_is_waited_for(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    ran = rotate("tick")
    assert ran.code == 4
    assert "waiting for a person" in ran.out
    assert world.status(world.old_id) is KeyStatus.ACTIVE


def test_a_tick_tells_the_error_of_one_credential_in_its_one_document(world: SmallWorld, rotate: Rotate) -> None:
    to_the_question(rotate, world)
    world.write(consumers=world.consumer("api") + world.consumer("more"))
    ran = rotate("tick", "--json")
    assert ran.code == 2
    [one] = ran.json
    assert one["credential"] == "prod-chat"
    assert list(one["error"]) == ["code", "message", "keys", "next"]
    assert "is no longer what rotation" in one["error"]["message"]


_A_BUG = """
from rotator.cli import main
from rotator.wiring import Workplace

def broken(place, name):
    if name == "prod-chat":
        raise ZeroDivisionError("planted")
    return really(place, name)

really, Workplace.credential = Workplace.credential, broken
main()
"""


def test_a_bug_met_with_one_credential_does_not_end_the_watch_over_the_others(
    world: SmallWorld, rotate: Rotate
) -> None:
    """The bug is planted in the child."""
    two_rotations(world, rotate)
    before = len(rotate("history", "second", "--json").json)
    child = subprocess.run(
        [sys.executable, "-c", _A_BUG, "tick"],
        capture_output=True, text=True, check=False, env=world.environment, cwd=world.directory,
    )  # fmt: skip
    assert child.returncode == 1
    assert "error: this is a bug in rotate (ZeroDivisionError)" in child.stderr
    assert len(rotate("history", "second", "--json").json) > before


def test_a_need_that_shows_in_the_soak_enables_the_old_key_again_and_shouts(world: SmallWorld, rotate: Rotate) -> None:
    world.write(soak="30m")
    to_the_question(rotate, world)
    assert rotate("finish", "prod-chat", "--approve", "disable", *SAID).code == 3
    world.holds["api"] = digest_of(world.old)
    # A tick that comes sooner than the interval after the last look does not look again.
    await_that(lambda: rotate("tick").code in (5, 9), "the soak fails")
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
    assert "in Anthropic's Console? It has soaked" in asked.json["waiting"]["why"]
    done = rotate("finish", "prod-chat", "--approve", "archive", *SAID, "--json")
    assert done.code == 0, done.all
    attested = [e["data"] for e in rotate("history", "prod-chat", "--json").json if e["step"] == "archive"]
    assert {"attested_by": "ann"} in attested


def test_a_store_that_fails_at_promotion_is_journaled_and_the_same_command_goes_on(
    world: SmallWorld, rotate: Rotate
) -> None:
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
