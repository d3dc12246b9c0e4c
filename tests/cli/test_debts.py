"""What was left undone stays in sight on the command line until it is closed; and a report that can be checked."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld
from tests.unit.test_notify import Board, board

__all__ = ["board"]  # a fixture: pytest finds it here

SAID = ["--by", "ann", "--reason", "planned"]


@pytest.fixture(autouse=True)
def _without_an_admin_key(world: SmallWorld) -> None:
    world.write(admin=None)


@pytest.fixture
def debt(world: SmallWorld, rotate: Rotate) -> str:
    """An abandoned rotation has left the old key active: the word that settles it."""
    assert rotate("start", "prod-chat", "--key-file", "-", stdin=world.new.reveal()).code == 0
    assert rotate("abandon", "prod-chat", *SAID).code == 9
    (found,) = rotate("due", "--json").json
    (owed,) = found["debts"]
    return f"settled:{owed['id']}"


def test_a_debt_outlives_the_next_rotation_and_ends_by_a_named_persons_word(
    world: SmallWorld, rotate: Rotate, debt: str
) -> None:
    another = world.anthropic.books.issue("next")[0]
    assert rotate("start", "prod-chat", "--key-file", "-", stdin=another.reveal()).code == 0
    assert rotate("verify", "prod-chat").code == 0
    status = rotate("status", "prod-chat", "--json")
    assert status.code == 9
    (owed,) = status.json["owed"]
    assert "still active; retire it by hand" in owed
    assert f"rotate approve prod-chat {debt} --by WHO --reason WHY" in owed
    assert rotate("approve", "prod-chat", debt, *SAID, "--json").json["owed"] == []
    assert rotate("status", "prod-chat").code == 0


def test_a_debt_is_settled_when_no_rotation_is_open_and_tick_and_due_say_so_until_then(
    rotate: Rotate, debt: str
) -> None:
    for command in ("tick", "due", "status"):
        ran = rotate(command)
        assert ran.code == 9, command
        assert "retire it by hand" in ran.out, command
    assert rotate("approve", "prod-chat", debt, *SAID).code == 0
    for command in ("tick", "due", "status"):
        assert rotate(command).code == 0, command
    assert rotate("due", "--json").json == []


def test_only_what_is_owed_is_settled_and_only_by_name_and_reason(rotate: Rotate, debt: str) -> None:
    unsigned = rotate("approve", "prod-chat", debt, "--json")
    assert unsigned.code == 2
    wrong = rotate("approve", "prod-chat", "settled:00000000", *SAID, "--json")
    assert wrong.code == 2
    assert f"it owes: {debt}" in wrong.error["message"]
    assert rotate("status").code == 9


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's, under Python 3.11
def test_people_are_told_of_a_debt_once(world: SmallWorld, rotate: Rotate, debt: str, board: Board) -> None:
    with world.config.open("a") as config:
        config.write(f"notify: ['{board.url}']\n")
    for _ in range(2):
        assert rotate("tick").code == 9
    (told,) = board.told
    assert told["title"] == "rotate: prod-chat: something is owed"
    assert f"rotate approve prod-chat {debt}" in told["message"]
    noted = [one["data"]["debts"] for one in rotate("history", "prod-chat", "--json").json if "debts" in one["data"]]
    assert noted == [[debt.removeprefix("settled:")]]
    assert "people were told: owed: the rotation was abandoned" in rotate("history", "prod-chat").out


def test_a_report_is_written_checked_offline_and_refused_when_a_byte_was_changed(
    world: SmallWorld, rotate: Rotate, debt: str
) -> None:
    path = world.directory / "report.json"
    written = rotate("report", "--output", str(path))
    assert written.code == 0
    assert f"rotate report --verify {path}" in written.out
    world.config.unlink()  # offline: neither the configuration nor the journal
    whole = rotate("report", "--verify", str(path), "--json")
    assert whole.code == 0, whole.all
    assert whole.json["verified"] is True
    assert "whole: rotation" in rotate("report", "--verify", str(path)).out
    path.write_bytes(path.read_bytes().replace(b'"ann"', b'"eve"', 1))
    spoiled = rotate("report", "--verify", str(path), "--json")
    assert spoiled.code == 10
    assert "does not verify" in spoiled.error["message"]


def test_a_page_is_checked_offline_and_refused_when_a_byte_was_changed(
    world: SmallWorld, rotate: Rotate, debt: str
) -> None:
    path = world.directory / "report.md"
    written = rotate("report", "--format", "markdown", "--output", str(path))
    assert f"rotate report --verify {path}" in written.out
    shown = world.directory / "shown.md"
    shown.write_text(rotate("report", "--format", "markdown").out)
    world.config.unlink()
    for file in (path, shown):
        assert rotate("report", "--verify", str(file), "--json").json["verified"] is True
    assert "not one byte of it was changed" in rotate("report", "--verify", str(path)).out
    path.write_bytes(path.read_bytes().replace(b"ann", b"eve", 1))
    spoiled = rotate("report", "--verify", str(path), "--json")
    assert spoiled.code == 10
    assert "does not verify" in spoiled.error["message"]


def test_a_report_on_stdout_is_the_same_as_in_a_file_and_a_page_is_for_reading(
    world: SmallWorld, rotate: Rotate, debt: str
) -> None:
    shown = rotate("report", "prod-chat", "--json")
    path = world.directory / "shown.json"
    path.write_text(shown.out)
    assert rotate("report", "--verify", str(path)).code == 0
    page = rotate("report", "prod-chat", "--format", "markdown")
    assert page.out.startswith(f"# Rotation {shown.json['rotation']['id']} of prod-chat\n")
    assert debt in page.out
    for key in (world.old.reveal(), world.new.reveal()):
        assert key not in shown.all + page.all


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "prod-chat"], "has never been rotated"),
        (["report", "prod-chatt"], "did you mean `prod-chat`?"),
        (["report", "--verify", "missing.json"], "cannot be read: No such file"),
        (["report", "prod-chat", "--verify", "missing.json"], "takes a report and nothing else"),
        (["report", "prod-chat", "--format", "markdown"], "a page in Markdown is no JSON"),
    ],
)
def test_a_report_that_cannot_be_is_explained(rotate: Rotate, words: list[str], said: str) -> None:
    ran = rotate(*words, "--json")
    assert ran.code == 2
    assert said in ran.error["message"]


def test_a_report_of_an_unknown_rotation_names_those_that_there_are(rotate: Rotate, debt: str) -> None:
    known = json.loads(rotate("report").out)["rotation"]["id"]
    assert known in rotate("report", "--rotation", "nope", "--json").error["message"]
    assert rotate("report", "--output", "/nowhere/at/all", "--json").code == 2


def test_a_key_that_is_too_old_or_of_unknown_age_is_due(world: SmallWorld, rotate: Rotate) -> None:
    text = world.config.read_text()
    world.config.write_text(text.replace("    playbook:", "    max_age: 90d\n    playbook:"))
    ran = rotate("due")
    assert ran.code == 0
    assert "its age is unknown to the journal, and max_age is 90 days" in ran.out
    assert "next     rotate start prod-chat" in ran.out
    (found,) = rotate("due", "--json").json
    assert (found["age"], found["max_age"], found["debts"]) == (None, 90.0, [])
