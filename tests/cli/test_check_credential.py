"""`rotate check CREDENTIAL` from the outside: who holds what, would a rotation work, and nothing changes."""

from __future__ import annotations

import json
import signal
import threading
from datetime import UTC, datetime, timedelta

from rotator.model.keys import KeyStatus
from tests.aws_world import FIELD, make_key
from tests.cli.check_words import no_key_in
from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld, await_that


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


def test_watch_tells_what_changed_and_ends_with_ctrl_c(world: SmallWorld) -> None:
    child = world.start_process("check", "prod-chat", "--watch", "--every", "50ms", "--quiet")
    said: list[str] = []

    def listen() -> None:
        assert child.stderr is not None
        said.extend(child.stderr)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    await_that(lambda: len([one for one in world.asked if one == "observe api"]) > 1, "a second check")
    assert said == []
    world.holds["api"] = world.new.fingerprint.digest
    await_that(lambda: any("does not hold the current key" in line for line in said), "a word of the drift")
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == 130
    listener.join(20)
    assert sum("does not hold the current key" in line for line in said) == 1
    no_key_in(world, *said)
    for stream in (child.stdout, child.stderr):
        assert stream is not None
        stream.close()
