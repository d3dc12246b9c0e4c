"""Nobody may read usage here, and the playbook says `ask`: what is not proven a named person takes on, or it stops."""

from __future__ import annotations

import pytest

from rotator.model.keys import KeyStatus
from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld

SAID = ["--by", "ann", "--reason", "nobody else has it"]


@pytest.fixture(autouse=True)
def _verified(world: SmallWorld, rotate: Rotate) -> None:
    world.write(unproven="ask", soak="30m")
    assert rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    assert rotate("verify", "prod-chat").code == 0


def test_a_yes_to_disabling_takes_nothing_on(world: SmallWorld, rotate: Rotate) -> None:
    ran = rotate("finish", "prod-chat", "--approve", "disable,archive", *SAID)
    assert ran.code == 4
    assert "drain: not proven: " in ran.err
    assert "that the old key is silent is not proven (this Admin key may read neither of Anthropic's" in ran.out
    assert "next: rotate finish prod-chat --accept-unproven --by WHO --reason WHY" in ran.out
    assert world.status(world.old_id) is KeyStatus.ACTIVE
    status = rotate("status", "prod-chat", "--json").json
    assert status["next"] == "rotate finish prod-chat --accept-unproven --by WHO --reason WHY"
    assert (status["drain"]["passed"], status["drain"]["unproven"]) == (False, True)


def test_taking_it_on_needs_a_name_and_a_reason_and_is_no_yes_to_disabling(world: SmallWorld, rotate: Rotate) -> None:
    assert rotate("finish", "prod-chat", "--accept-unproven", "--json").code == 2
    ran = rotate("finish", "prod-chat", "--accept-unproven", *SAID)
    assert ran.code == 4
    assert "disable the old key" in ran.out
    assert "ann takes on that it is not proven" in ran.out
    assert world.status(world.old_id) is KeyStatus.ACTIVE


def test_what_was_taken_on_is_owed_while_it_soaks_and_reported_for_ever(world: SmallWorld, rotate: Rotate) -> None:
    ran = rotate("finish", "prod-chat", "--accept-unproven", "--approve", "disable", *SAID)
    assert ran.code == 3, ran.all
    assert world.status(world.old_id) is KeyStatus.INACTIVE
    for command in (["status"], ["due"]):
        told = rotate(*command)
        assert told.code == 9, command
        assert "nothing proves that it was silent" in told.out, command
    report = rotate("report", "prod-chat").json
    [word] = [one for one in report["overrides"] if one["kind"] == "unproven"]
    assert word["what"] == "ann took on that the old key's silence is not proven: nobody else has it"
    assert [one["kind"] for one in report["debts"]] == ["unproven"]
    undone = rotate("rollback", "prod-chat", *SAID)
    assert undone.code == 8
    assert world.status(world.old_id) is KeyStatus.ACTIVE
    assert word in rotate("report", "prod-chat").json["overrides"]


def test_a_person_at_another_terminal_takes_it_on_as_well(world: SmallWorld, rotate: Rotate) -> None:
    assert rotate("finish", "prod-chat").code == 4
    assert rotate("approve", "prod-chat", "unproven", *SAID).code == 0
    assert rotate("finish", "prod-chat", "--approve", "disable", *SAID).code == 3
    assert world.status(world.old_id) is KeyStatus.INACTIVE
