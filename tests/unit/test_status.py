from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from rotator.core.plan import ARCHIVE, DISABLE, SOAK
from rotator.core.status import keys_stand, phase, status
from rotator.model.measure import Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Mark, Outcome, Rotation
from tests.unit.core_rotations import NOW, SECRETS, a_rotation, all_passed, evidence, state


def shown(rotation: Rotation | None) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", status("prod-chat", rotation, NOW))


def marked(rotation: Rotation, step: StepId, mark: Mark, **changes: Any) -> Rotation:
    return replace(rotation, steps={**rotation.steps, step: state(mark, **changes)})


def test_a_credential_that_never_rotated_is_told_how_to_begin() -> None:
    assert shown(None)["next"] == "rotate start prod-chat"
    assert keys_stand(None) == "No key was touched."


def test_what_was_not_measured_is_null_and_not_zero() -> None:
    found = shown(a_rotation())
    assert found["consumers"][0]["on_new"] is None
    assert {gate["verdict"] for gate in found["gates"]} == {None}


@pytest.mark.parametrize(
    ("upto", "expected", "command"),
    [("deploy chat", "expand", "start"), ("pings", "overlap", "verify"), ("disable", "contract", "finish")],
)
def test_the_phase_is_that_of_the_first_step_that_is_not_done(upto: str, expected: str, command: str) -> None:
    rotation = all_passed(upto=StepId.parse(upto))
    assert phase(rotation) == expected
    assert shown(rotation)["next"] == f"rotate {command} prod-chat"


def test_an_optional_consumer_does_not_keep_a_rotation_in_the_overlap() -> None:
    rotation = all_passed(upto=DISABLE)
    shadow = StepId("observe", "shadow")
    rotation = replace(rotation, gates={**rotation.gates, shadow: evidence(shadow, Verdict.FAILED)})
    assert phase(rotation) == "contract"


def test_a_rotation_whose_old_key_is_disabled_is_in_contract_whatever_a_gate_says_since() -> None:
    chat = StepId("observe", "chat")
    rotation = all_passed(upto=SOAK)
    assert phase(replace(rotation, gates={**rotation.gates, chat: evidence(chat, Verdict.FAILED)})) == "contract"


def test_the_old_keys_status_is_what_the_journal_knows() -> None:
    rotation = all_passed(upto=DISABLE)
    assert shown(rotation)["old"]["status"] == "active"
    assert shown(marked(rotation, DISABLE, Mark.APPLIED))["old"]["status"] == "inactive"
    assert shown(marked(rotation, DISABLE, Mark.UNDOING))["old"]["status"] == "inactive"
    assert shown(marked(rotation, DISABLE, Mark.UNDONE))["old"]["status"] == "active"
    archived = marked(marked(rotation, DISABLE, Mark.APPLIED), ARCHIVE, Mark.APPLIED)
    assert shown(archived)["old"]["status"] == "archived"


def test_the_command_that_answers_a_question_can_be_typed_as_it_stands() -> None:
    rotation = marked(all_passed(upto=DISABLE), DISABLE, Mark.OPEN, unclear=True, error="?")
    command = shown(rotation)["next"]
    assert command.startswith("rotate approve prod-chat 'applied:disable'")
    assert "--by" in command
    assert "--reason" in command


def test_a_pending_key_that_was_discarded_is_not_said_to_be_pending() -> None:
    stage = StepId("stage", "aws-sm://eu-west-1/a")
    assert "only pending" in keys_stand(marked(a_rotation(), stage, Mark.APPLIED))
    assert "only pending" not in keys_stand(marked(a_rotation(), stage, Mark.UNDONE))


def test_while_nobody_knows_whether_the_key_is_disabled_nothing_is_claimed() -> None:
    assert "whether the old key is disabled" in keys_stand(marked(all_passed(upto=DISABLE), DISABLE, Mark.OPEN))


@pytest.mark.parametrize("mark", [Mark.OPEN, Mark.READY, Mark.UNDOING])
def test_while_nobody_knows_which_key_a_secret_names_none_is_said_to_be_current(mark: Mark) -> None:
    rotation = marked(all_passed(), StepId("promote", SECRETS[0]), mark)
    rotation = replace(rotation, steps={step: one for step, one in rotation.steps.items() if step.verb != "disable"})
    rotation = replace(rotation, steps={step: one for step, one in rotation.steps.items() if step.verb != "archive"})
    assert keys_stand(rotation) == (
        "Which key 1 of 2 secrets name is looked at first by the next command; this rotation has taken neither key "
        "away. Nothing was lost."
    )


def test_a_promotion_that_left_nothing_left_the_old_key_current() -> None:
    stage = StepId("stage", SECRETS[0])
    rotation = marked(a_rotation(), stage, Mark.APPLIED)
    rotation = marked(rotation, StepId("promote", SECRETS[0]), Mark.READY, data={"standing": "absent"})
    assert keys_stand(rotation) == "The old key is current and active; the new key is only pending. Nothing was lost."


def test_while_nobody_knows_whether_the_key_is_archived_or_back_it_is_not_said_that_it_can_come_back() -> None:
    rotation = all_passed(upto=ARCHIVE)
    assert "can be enabled again" in keys_stand(rotation)
    assert "whether it is archived already" in keys_stand(marked(rotation, ARCHIVE, Mark.OPEN))
    assert "works again is looked at first" in keys_stand(marked(rotation, DISABLE, Mark.UNDOING))


def test_an_ended_rotation_waits_for_nothing() -> None:
    ended = replace(all_passed(), outcome=Outcome.COMPLETED)
    assert shown(ended)["waiting"] is None
    assert shown(ended)["next"] == ""
