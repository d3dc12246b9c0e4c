"""`rotate check CREDENTIAL` from the outside: who holds what, would a rotation work, and nothing changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from rotator.sandbox.aws import Fault as AwsFault
from tests.aws_world import FIELD, make_key
from tests.cli.check_words import no_key_in
from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld, await_that
from tests.unit.gateway import gateway


def codes(ran: Ran) -> dict[str, str]:
    """Remark codes with their weights."""
    return {remark["code"]: remark["weight"] for remark in ran.json["remarks"]}


def instances(ran: Ran, consumer: str = "api") -> list[str]:
    """The roles of the keys that its instances hold."""
    return [row["role"] for row in ran.json["whereabouts"] if row["where"] == consumer and row["instance"]]


def test_a_sound_credential_is_fine(world: SmallWorld, rotate: Rotate) -> None:
    ran = rotate("check", "prod-chat")
    assert ran.code == 0
    assert world.old.fingerprint.digest in ran.out
    assert f"    api\n      current  {world.old.fingerprint.digest}  api-1\n" in ran.out
    assert "Anthropic accepts the key." in ran.out
    no_key_in(world, ran.all)


def test_an_instance_on_another_key_is_drift(world: SmallWorld, rotate: Rotate) -> None:
    world.holds["api"] = world.new.fingerprint.digest
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["drift"]) == (5, "wrong")
    assert instances(ran) == ["another key"]


def test_an_instance_that_cannot_say_leaves_the_question_open(world: SmallWorld, rotate: Rotate) -> None:
    world.holds["api"] = None
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["silent"]) == (6, "unknown")
    assert {"observed (0 of 1)": "not tried"}.items() <= {
        one["what"]: one["answer"] for one in ran.json["readiness"]
    }.items()


def test_a_consumer_that_does_not_answer_leaves_the_question_open(world: SmallWorld, rotate: Rotate) -> None:
    world.on["observe api"] = lambda: "1\nno"
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["unobserved"]) == (6, "unknown")


def test_a_dead_current_key_is_found(world: SmallWorld, rotate: Rotate) -> None:
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    ran = rotate("check", "prod-chat", "--json")
    assert ran.code == 5
    assert codes(ran)["key"] == "wrong"
    assert ran.json["key"]["causes"][0]["cause"] == "disabled"
    no_key_in(world, ran.all)


def test_one_key_in_two_credentials_is_warned_about(world: SmallWorld, rotate: Rotate) -> None:
    world.write(second=True)
    text = json.dumps({FIELD: world.old.reveal()})
    world.client.create_secret(Name=f"{world.secret}-2", SecretString=text)
    world.holds["api2"] = world.old.fingerprint.digest
    ran = rotate("check", "--all", "--json")
    assert ran.code == 0
    for report in ran.json:
        assert {remark["code"] for remark in report["remarks"]} >= {"shared"}
    no_key_in(world, ran.all)


def test_a_key_over_its_age_and_near_its_end_is_due(world: SmallWorld, rotate: Rotate) -> None:
    key, record = world.anthropic.books.issue("short", expires_at=datetime.now(UTC) + timedelta(days=3))
    world.client.put_secret_value(SecretId=world.secret, SecretString=json.dumps({FIELD: key.reveal()}))
    world.reload("api")
    text = world.config.read_text()
    world.config.write_text(text.replace("    playbook: ./quick.yaml", "    max_age: 1s\n    playbook: ./quick.yaml"))
    made = record.created_at
    await_that(lambda: made is not None and datetime.now(UTC) - made > timedelta(seconds=1), "an age of a second")
    ran = rotate("check", "prod-chat", "--json")
    assert ran.code == 5
    assert codes(ran)["expiry"] == "wrong"
    assert codes(ran)["over_age"] == "wrong"


def test_what_could_not_be_tried_is_said(world: SmallWorld, rotate: Rotate) -> None:
    ran = rotate("check", "prod-chat", "--json")
    answers = {(one["what"], one["answer"]) for one in ran.json["readiness"]}
    assert ("secretsmanager:PutSecretValue", "not tried") in answers
    assert ("secretsmanager:GetSecretValue", "yes") in answers
    assert ("disable, archive", "not tried") in answers


def test_a_missing_deploy_command_would_stop_a_rotation(world: SmallWorld, rotate: Rotate) -> None:
    world.write(consumers=world.consumer("api", deploy='{command: ["./no-such-program"]}'))
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["not_ready"]) == (5, "wrong")


def test_an_admin_key_that_is_refused_would_stop_a_rotation(world: SmallWorld, rotate: Rotate) -> None:
    (world.directory / "admin.key").write_text(make_key().reveal())
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["not_ready"]) == (5, "wrong")
    assert any("admin_key" in one["fix"] for one in ran.json["readiness"])


def test_a_key_that_an_ended_rotation_left_active_is_found(world: SmallWorld, rotate: Rotate) -> None:
    assert rotate(*world.start_key_file()).code == 0
    assert "old_key_active" not in codes(rotate("check", "prod-chat", "--json"))
    rotate("abandon", "prod-chat", "--by", "me", "--reason", "test")
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["old_key_active"]) == (5, "wrong")
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    assert "old_key_active" not in codes(rotate("check", "prod-chat", "--json"))


def test_during_a_rotation_two_keys_are_no_drift(world: SmallWorld, rotate: Rotate) -> None:
    assert rotate(*world.start_key_file()).code == 0
    world.holds["api"] = world.old.fingerprint.digest
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["drift"]) == (0, "note")
    assert instances(ran) == ["previous"]


def test_federation_is_pointed_out_once(world: SmallWorld, rotate: Rotate) -> None:
    world.write(second=True)
    world.extra["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
    ran = rotate("check", "--all")
    assert ran.out.count("Workload Identity Federation") == 1


def test_quiet_is_one_line_a_remark(world: SmallWorld, rotate: Rotate) -> None:
    assert rotate("check", "prod-chat", "--quiet").all == ""
    world.holds["api"] = world.new.fingerprint.digest
    ran = rotate("check", "prod-chat", "--quiet")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (5, "", 1)


def test_a_dead_key_comes_first_and_what_follows_from_it_is_no_finding_of_its_own(
    world: SmallWorld, rotate: Rotate
) -> None:
    page = (502, b'{"error": {"type": "authentication_error"}}', {"content-type": "application/json"})
    with gateway(world.anthropic.url, own=lambda path: page) as consumer:
        world.write(consumers=world.consumer("api", more=f"        probe: {{http: {{url: '{consumer.url}/ask'}}}}\n"))
        world.set_status(world.old_id, KeyStatus.INACTIVE)
        ran = rotate("check", "prod-chat", "--json")
    grave = [remark["code"] for remark in ran.json["remarks"] if remark["weight"] == "wrong"]
    assert grave == ["key"]
    [probe] = [one for one in ran.json["readiness"] if one["what"] == "probe"]
    assert probe["answer"] == "not tried"


def test_a_consumer_that_is_refused_with_a_sound_key_would_stop_a_rotation(world: SmallWorld, rotate: Rotate) -> None:
    page = (502, b'{"error": {"type": "authentication_error"}}', {"content-type": "application/json"})
    with gateway(world.anthropic.url, own=lambda path: page) as consumer:
        world.write(consumers=world.consumer("api", more=f"        probe: {{http: {{url: '{consumer.url}/ask'}}}}\n"))
        ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["not_ready"]) == (5, "wrong")


def test_a_key_that_was_replaced_by_hand_and_is_still_active_is_named(world: SmallWorld, rotate: Rotate) -> None:
    text = json.dumps({FIELD: world.new.reveal()})
    world.client.put_secret_value(SecretId=world.secret, SecretString=text)
    world.reload("api")
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["old_key_active"]) == (0, "warning")
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    assert "old_key_active" not in codes(rotate("check", "prod-chat", "--json"))


def test_anothers_pending_version_would_stop_a_rotation(world: SmallWorld, rotate: Rotate) -> None:
    text = json.dumps({FIELD: world.new.reveal()})
    world.client.put_secret_value(SecretId=world.secret, SecretString=text, VersionStages=["AWSPENDING"])
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)) == (5, {"not_ready": "wrong"})
    assert "not ours" in ran.out


def test_the_pending_version_of_a_rotation_that_this_journal_does_not_know_is_in_the_way(
    world: SmallWorld, rotate: Rotate
) -> None:
    assert rotate(*world.start_key_file()).code == 0
    assert "another's pending version" not in rotate("check", "prod-chat").out
    world.extra["ROTATOR_JOURNAL"] = f"sqlite:///{world.directory}/another.db"
    ran = rotate("check", "prod-chat")
    assert "another's pending version" in ran.out
    assert "of rotation " in ran.out


def test_awss_own_rotation_would_fight_ours(world: SmallWorld, rotate: Rotate) -> None:
    world.client.rotate_secret(
        SecretId=world.secret, RotationRules={"AutomaticallyAfterDays": 30}, RotateImmediately=False
    )
    ran = rotate("check", "prod-chat", "--json")
    assert ran.code == 5
    assert any("two rotations would fight" in one["why"] for one in ran.json["readiness"])


def test_a_store_that_says_no_is_one_finding_and_one_that_is_silent_leaves_the_question_open(
    world: SmallWorld, rotate: Rotate
) -> None:
    world.write(secrets=[world.reference("no/such-secret")])
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)) == (5, {"unreadable": "wrong"} | {"unheld_keys": "note"})
    world.write()
    world.aws.faults = lambda operation: AwsFault(503, "ServiceUnavailable")
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["unreadable"]) == (6, "unknown")
    assert "not_ready" not in codes(ran)


def test_an_admin_api_that_is_disturbed_is_not_tried_and_no_finding(world: SmallWorld, rotate: Rotate) -> None:
    disturbed = FaultRule(fault=Fault(status=503), path="/v1/organizations/api_keys")
    world.anthropic.rules.replace([disturbed])
    ran = rotate("check", "prod-chat", "--json")
    assert ran.code == 0
    [records] = [one for one in ran.json["readiness"] if one["what"] == "key records"]
    assert (records["answer"], "503" in records["why"]) == ("not tried", True)


def test_a_journal_that_cannot_be_read_hides_nothing_else(world: SmallWorld, rotate: Rotate) -> None:
    world.journal.write_text("no database")
    ran = rotate("check", "prod-chat", "--json")
    assert (ran.code, codes(ran)["not_ready"]) == (5, "wrong")
    assert instances(ran) == ["current"]


def test_a_consumer_that_a_platforms_own_program_deploys_is_offered_federation(
    world: SmallWorld, rotate: Rotate
) -> None:
    kubectl = world.directory / "kubectl"
    kubectl.touch(mode=0o700)
    world.write(consumers=world.consumer("api", deploy=f'{{command: ["{kubectl}", "rollout", "restart"]}}'))
    ran = rotate("check", "prod-chat", "--json")
    [offer] = [one for one in ran.json["remarks"] if one["code"] == "federation"]
    assert "Kubernetes" in offer["what"]
    assert "(api)" in offer["what"]
    assert offer["fix"].startswith("https://")
