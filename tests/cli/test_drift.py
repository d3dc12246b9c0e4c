"""Secrets that hold different keys: refused, until `--right` says which of them is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rotator.model.keys import KeyStatus, KeyText
from tests.aws_world import FIELD
from tests.cli.conftest import Rotate
from tests.cli.small_world import Ran, SmallWorld, await_that, digest_of, end

SAID = ["--by", "ann", "--reason", "planned"]


@pytest.fixture
def stray(world: SmallWorld) -> KeyText:
    """A second secret, with a key of its own, which the consumer `edge` reads."""
    key, _ = world.anthropic.books.issue("made by hand")
    name = f"{world.secret}-copy"
    world.client.create_secret(Name=name, SecretString=json.dumps({FIELD: key.reveal(), "other": 1}))
    world.write(
        secrets=[world.reference(), world.reference(name)], consumers=world.consumer("api") + world.consumer("edge")
    )
    world.reads["edge"] = name
    world.holds["edge"] = key.fingerprint.digest
    return key


def copy(world: SmallWorld) -> KeyText:
    return world.current(f"{world.secret}-copy")


def start(rotate: Rotate, world: SmallWorld, *words: str) -> Ran:
    return rotate("start", "prod-chat", "--key-file", "-", *words, stdin=world.new.reveal() + "\n")


def test_they_are_shown_and_refused_with_the_command_that_goes_on(
    world: SmallWorld, rotate: Rotate, stray: KeyText
) -> None:
    ran = start(rotate, world)
    assert ran.code == 10
    assert str(world.old.fingerprint) in ran.err
    assert str(stray.fingerprint) in ran.err
    assert "rotate start prod-chat --right REF" in ran.err
    assert copy(world) == stray


def test_the_right_ones_key_is_given_to_the_other_and_then_both_get_the_new_one(
    world: SmallWorld, rotate: Rotate, stray: KeyText
) -> None:
    ran = start(rotate, world, "--right", world.reference())
    assert ran.code == 0, ran.all
    assert "the places that drifted get the key of" in ran.err
    assert (world.current(), copy(world)) == (world.new, world.new)
    assert world.asked.count("deploy api") == 1  # it held the right key: the first rotation left it alone
    assert rotate("verify", "prod-chat").code == 0
    finished = rotate("finish", "prod-chat", "--approve", "disable,archive", *SAID)
    assert world.status(world.old_id) is KeyStatus.ARCHIVED
    assert finished.code in (4, 9), finished.all  # the key that nobody retired is owed
    assert f"{stray.fingerprint}, was not retired" in rotate("status", "prod-chat").out


def test_killed_in_the_middle_it_is_gone_on_with_and_says_what_comes_next(
    world: SmallWorld, rotate: Rotate, stray: KeyText, tmp_path: Path
) -> None:
    def hang() -> str | None:
        await_that(lambda: child.poll() is not None, "the kill")
        return "1\nkilled"

    world.on["deploy edge"] = hang
    child = world.start_process(*world.start_key_file(), "--right", world.reference())
    await_that(lambda: "deploy edge" in world.asked, "the deploy")
    child.kill()
    end(child)
    del world.on["deploy edge"]
    assert (world.current(), copy(world)) == (world.old, world.old)
    assert "it is given the key of" in rotate("status", "prod-chat").out
    other = start(rotate, world, "--right", world.reference(f"{world.secret}-copy"))
    assert other.code == 2
    assert "rotate rollback prod-chat" in other.err
    ran = rotate("start", "prod-chat")  # no key is needed for this
    assert ran.code == 9, ran.all
    assert "next: rotate start prod-chat" in ran.out
    assert world.holds["edge"] == digest_of(world.old)
    assert start(rotate, world).code == 0


def test_it_can_be_rolled_back(world: SmallWorld, rotate: Rotate, stray: KeyText) -> None:
    world.on["deploy edge"] = lambda: "1\nno"
    assert start(rotate, world, "--right", world.reference()).code == 10
    del world.on["deploy edge"]
    assert rotate("rollback", "prod-chat").code == 8
    assert (world.current(), copy(world)) == (world.old, stray)
    assert world.holds["edge"] == digest_of(stray)


@pytest.mark.parametrize("words", [["--right", "aws-sm://eu-west-1/nowhere#key"], ["--first", "--right", "x"]])
def test_what_cannot_be_meant_is_refused_before_anything(
    world: SmallWorld, rotate: Rotate, stray: KeyText, words: list[str]
) -> None:
    ran = start(rotate, world, *words)
    assert ran.code == 2
    assert (world.current(), copy(world)) == (world.old, stray)
    assert rotate("history", "prod-chat").out.startswith("prod-chat has never been rotated")


def test_where_the_secrets_agree_it_changes_nothing(world: SmallWorld, rotate: Rotate) -> None:
    assert start(rotate, world, "--right", world.reference()).code == 0
    assert start(rotate, world, "--right", world.reference()).code == 0
    assert rotate("history", "prod-chat").out.count("opened by") == 1
