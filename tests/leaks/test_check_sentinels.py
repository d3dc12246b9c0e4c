"""Law 6 in `rotate check`: whatever is looked at, wherever it came from, and whatever goes wrong, no key is told.

Here the keys are other companies' too, and secrets that are no keys at all: they are looked at just the same.
"""

from __future__ import annotations

import io
import json
import secrets
import subprocess
import sys

import pytest

from rotator.cli.check_light import early
from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.aws_world import FIELD, make_key
from tests.cli.small_world import PATIENCE, Ran, SmallWorld
from tests.leaks.hunt import assert_absent, assert_nowhere
from tests.unit.gateway import gateway

NAME = "ANTHROPIC_API_KEY"


def another(prefix: str) -> KeyText:
    """Another secret, with as many characters as a key."""
    return KeyText(prefix + secrets.token_urlsafe(72))


@pytest.fixture
def guarded(world: SmallWorld) -> SmallWorld:
    """No file of the world's holds any key."""
    (world.directory / "admin.key").unlink()
    world.extra |= {"MY_ADMIN": world.admin.reveal(), "ANTHROPIC_ADMIN_KEY": world.admin.reveal()}
    world.extra |= {"ANTHROPIC_LOG": "debug"}
    world.write(admin="env")
    return world


@pytest.mark.parametrize("prefix", ["sk-proj-", "sk-ant-admin99-", "ABSK", "sk-or-v1-", "ya29.", "pw", "sk-ant-new1-"])
@pytest.mark.parametrize("template", ["{}", '"{}"\n', "X={}", '{{"a": "{}", "b": 1}}', "Bearer {}", "{} # prod"])
def test_no_secret_is_told_whatever_it_is_and_whatever_is_around_it(
    prefix: str, template: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = another(prefix)
    text = template.format(secret.reveal())
    monkeypatch.setenv(NAME, text)
    for words in (["--env", NAME], ["--key-file", "-"]):
        for further in ([], ["--json"], ["--quiet"]):
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
            assert early([*words, "--offline", *further]) in (0, 5, 6)
            said = capsys.readouterr()
            assert_absent([secret], f"{words} {further}", (said.out + said.err).encode())


def test_no_key_is_told_by_a_check_of_a_key_that_is_refused_by_all_who_are_asked(guarded: SmallWorld) -> None:
    """Anthropic, the gateway and the consumers all quote what they should not."""
    world = guarded
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    quoting = Fault(status=401, type="authentication_error", message=f"bad {world.old.reveal()} {world.admin.reveal()}")
    world.anthropic.rules.replace([FaultRule(fault=quoting)])
    world.on["observe api"] = lambda: f"1\n{NAME}={world.old.reveal()} {world.admin.reveal()}"
    world.extra |= {NAME: f'"{world.old.reveal()}"', "ANTHROPIC_CUSTOM_HEADERS": f"x-api-key: {world.new.reveal()}"}
    bundle = world.directory / "bundle.json"
    ran = [
        world.run("check", "prod-chat"),
        world.run("check", "prod-chat", "--json"),
        world.run("check", "prod-chat", "--quiet"),
        world.run("check", "--all"),
        world.run("check", "--env", NAME),
        world.run("check", "--secret", world.reference(), "--json", "--bundle", str(bundle)),
        world.run("check", "--secret", world.reference(field="LOG_LEVEL")),
        world.run("check", "--key-file", "-", stdin=f"{NAME}='{world.new.reveal()}' # x\r\n"),
    ]
    assert {one.code for one in ran} == {5}
    assert bundle.exists()
    world.journal.touch()  # a check makes none
    assert_nowhere(world, [world.old, world.new, world.admin], ran)


def test_a_consumer_that_tells_the_key_itself_is_not_repeated(guarded: SmallWorld) -> None:
    world = guarded
    told = json.dumps({"instances": [{"id": "1", "fingerprint": world.old.reveal()}]})
    world.on["observe api"] = lambda: f"0\n{told}"
    world.journal.touch()
    assert_nowhere(world, [world.old], [world.run("check", "prod-chat"), world.run("check", "prod-chat", "--json")])


def test_a_gateway_that_quotes_the_key_on_a_page_of_its_own_is_not_repeated(guarded: SmallWorld) -> None:
    world = guarded
    world.journal.touch()
    page = f'{{"type": "error", "error": {{"type": "{world.old.reveal()}", "message": "{world.old.reveal()}"}}}}'
    answer = (401, page.encode(), {"request-id": world.old.reveal(), "content-type": "application/json"})
    with gateway(world.anthropic.url, own=lambda path: answer) as between:
        world.extra |= {NAME: world.old.reveal(), "ANTHROPIC_BASE_URL": f"{between.url}/{world.new.reveal()}"}
        bundle = str(world.directory / "bundle.json")
        ran = [world.run("check", "--env", NAME, "--bundle", bundle), world.run("check", "--env", NAME, "--json")]
    assert_nowhere(world, [world.old, world.new, world.admin], ran)


_A_BUG = """
import importlib, sys
from rotator.cli import main

def broken(*args, **named):
    raise ZeroDivisionError(f"with {args!r} and {named!r} at hand")

where, _, what = sys.argv.pop(1).rpartition(":")
module = importlib.import_module(where)
*parts, last = what.split(".")
for part in parts:
    module = getattr(module, part)
setattr(module, last, broken)
main()
"""


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        ("rotator.cli.check_key:look", ["--env", NAME, "--offline"]),
        ("rotator.cli.check_key:diagnose", ["--env", NAME, "--offline", "--quiet"]),
        ("rotator.core.check.slips:inspect", ["--key-file", "-"]),
        ("rotator.adapters.issuer.wire:Wire.get", ["--env", NAME]),
        ("rotator.adapters.issuer.inquiry:classify", ["--secret", "REF", "--json"]),
        ("rotator.cli.check_credential:online", ["prod-chat"]),
        ("rotator.core.check.ageing:remarks", ["prod-chat", "--json"]),
    ],
)
def test_no_key_is_in_the_report_of_a_crash(guarded: SmallWorld, bug: str, words: list[str]) -> None:
    """The bug is planted in the child, with key and sample in its hands, and its own text speaks of them."""
    world = guarded
    world.set_status(world.old_id, KeyStatus.INACTIVE)
    world.extra[NAME] = f"'{world.old.reveal()}'"
    said = [world.reference() if word == "REF" else word for word in words]
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-c", _A_BUG, bug, "check", *said],
        env=world.environment, cwd=world.directory, input=world.old.reveal(),
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    assert "ZeroDivisionError" in ran.stderr
    world.journal.touch()
    assert_nowhere(world, [world.old, world.new, world.admin], [Ran(1, ran.stdout, ran.stderr)])


def test_a_wrong_secret_is_not_sent_to_anthropic_as_a_key(guarded: SmallWorld) -> None:
    """A JSON object without white space could stand in a header: what is in it is nobody's business."""
    world = guarded
    other = make_key()
    text = json.dumps({"user": "u", "password": other.reveal().removeprefix("sk-ant-")}, separators=(",", ":"))
    world.client.put_secret_value(SecretId=world.secret, SecretString=text)
    whole = world.reference().removesuffix(f"#{FIELD}")
    with gateway(world.anthropic.url) as between:
        world.extra["ANTHROPIC_BASE_URL"] = between.url
        ran = world.run("check", "--secret", whole)
    assert ran.code == 5
    assert between.seen == []
    assert_absent([other], "the output", ran.all.encode())
