"""The prompts, at a real (pseudo-)terminal."""

from __future__ import annotations

import pytest

from rotator.model.keys import KeyStatus
from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld
from tests.cli.terminal import terminal


def test_the_new_key_is_asked_for_hidden_and_never_shown(world: SmallWorld) -> None:
    with terminal(world, "start", "prod-chat") as tty:
        tty.expect("(not shown): ")
        tty.type(world.new.reveal() + "\n")
        assert tty.end() == 0
        assert world.new.reveal()[20:] not in tty.shown
        assert "next: rotate verify prod-chat" in tty.shown
        assert "\x1b[" not in tty.shown  # TERM=dumb: no escape codes
    assert world.current() == world.new


def test_ctrl_d_at_the_prompt_is_a_refusal_and_ctrl_c_an_interruption(world: SmallWorld) -> None:
    with terminal(world, "start", "prod-chat") as tty:
        tty.expect("(not shown): ")
        tty.type("\x04")
        assert tty.end() == 2
        assert "error: Nothing was pasted." in tty.shown
        assert "next: rotate start prod-chat" in tty.shown
    with terminal(world, "start", "prod-chat") as tty:
        tty.expect("(not shown): ")
        tty.type("\x03")
        assert tty.end() == 130
        assert "interrupted by SIGINT" in tty.shown
        assert "keys: No key was touched." in tty.shown
        assert "Traceback" not in tty.shown


def test_a_terminal_that_is_closed_at_the_prompt_ends_the_command_and_touches_nothing(world: SmallWorld) -> None:
    with terminal(world, "start", "prod-chat") as tty:
        tty.expect("(not shown): ")
        assert tty.hang_up() == 129
    assert world.current() == world.old


@pytest.mark.parametrize("colour", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_finish_asks_for_the_last_four_characters_of_the_old_key(
    world: SmallWorld, rotate: Rotate, colour: dict[str, str]
) -> None:
    assert rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    assert rotate("verify", "prod-chat").code == 0
    tail = world.old.fingerprint.tail
    with terminal(world, "finish", "prod-chat", **colour) as tty:
        tty.expect("to say yes: ")
        tty.type("nope\n")
        assert tty.end() == 4
        assert "That is not it; nothing was done." in tty.shown
        assert "\x1b[3" not in tty.shown  # no colours
    assert world.status(world.old_id) is KeyStatus.ACTIVE
    with terminal(world, "finish", "prod-chat", **colour) as tty:
        tty.expect("It can be enabled again.")
        tty.expect("to say yes: ")
        tty.type(f"{tail}\n")
        tty.expect("cannot be undone")
        tty.expect("to say yes: ")
        tty.type(f"{tail}\n")
        assert tty.end() == 0
        assert "the rotation is complete" in tty.shown
    assert world.status(world.old_id) is KeyStatus.ARCHIVED
