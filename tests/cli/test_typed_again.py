"""A command that is typed again after its rotation has ended, and a question that was answered from elsewhere."""

from __future__ import annotations

from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld
from tests.cli.terminal import terminal

SAID = ["--by", "ann", "--reason", "planned"]
YES = ["--approve", "disable,archive", *SAID]
ARCHIVED = "the new key is current; the old key is archived."


def verified(rotate: Rotate, world: SmallWorld) -> None:
    assert rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    assert rotate("verify", "prod-chat").code == 0


def events(rotate: Rotate) -> int:
    return len(rotate("history", "prod-chat", "--json").json)


def test_finish_after_the_end_says_that_it_is_done_and_changes_nothing(world: SmallWorld, rotate: Rotate) -> None:
    verified(rotate, world)
    assert rotate("finish", "prod-chat", *YES).code == 0
    before = events(rotate)
    again = rotate("finish", "prod-chat", *YES)
    assert again.code == 0
    assert "the rotation is complete" in again.out
    assert rotate("finish", "prod-chat", "--json").json["rotation"]["outcome"] == "completed"
    assert events(rotate) == before


def test_rollback_after_the_end_says_that_it_was_rolled_back(world: SmallWorld, rotate: Rotate) -> None:
    verified(rotate, world)
    assert rotate("rollback", "prod-chat").code == 8
    before = events(rotate)
    again = rotate("rollback", "prod-chat")
    assert again.code == 8
    assert "the rotation was rolled back" in again.out
    assert events(rotate) == before


def test_an_error_after_the_end_says_whose_new_and_old_key_it_means(world: SmallWorld, rotate: Rotate) -> None:
    verified(rotate, world)
    done = rotate("finish", "prod-chat", *YES, "--json").json["rotation"]["id"]
    refused = rotate("start", "prod-chat", "--key-file", "-", "--json", stdin="no key")
    assert refused.error["keys"] == f"As rotation {done} left them: {ARCHIVED}"
    assert rotate("verify", "prod-chat", "--json").error["keys"] == f"As rotation {done} left them: {ARCHIVED}"


def test_a_question_that_somebody_else_has_answered_meanwhile_is_not_asked_for_again(
    world: SmallWorld, rotate: Rotate
) -> None:
    verified(rotate, world)
    with terminal(world, "finish", "prod-chat") as tty:
        tty.expect("to say yes: ")
        assert rotate("approve", "prod-chat", "disable", *SAID).code == 0
        tty.type("\n")
        tty.expect("disabling the old key")
        tty.expect("cannot be undone")


def test_a_question_in_a_rotation_that_was_taken_over_and_ended_meanwhile_says_so(
    world: SmallWorld, rotate: Rotate
) -> None:
    verified(rotate, world)
    with terminal(world, "finish", "prod-chat") as tty:
        tty.expect("to say yes: ")
        assert rotate("unlock", "prod-chat", *SAID).code == 0
        assert rotate("finish", "prod-chat", *YES).code == 0
        tty.type("\n")
        assert tty.end() == 7
    assert "was taken over by" in tty.shown
    assert ARCHIVED in tty.shown
