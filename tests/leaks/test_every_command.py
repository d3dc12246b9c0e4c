"""Law 6 in every command there is, on the way through and through every failure that a network has for it.

Which commands there are is asked of typer: a new one that nobody types here fails.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from rotator.model.keys import KeyText
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from rotator.sandbox.fault_proxy import Fault as Weathered
from rotator.sandbox.fault_proxy import FaultProxy, Weather
from tests.cli.conftest import Rotate
from tests.cli.small_world import SmallWorld
from tests.leaks.story import SAID, Story, every_command, told

pytestmark = pytest.mark.timeout(400)  # most of it is waiting: for patience to end, and on a busy machine

_ROOT: Final = Path(__file__).parents[2]
_BY_HAND: Final = ("tests/cli/test_sandbox.py", "test_servers_a_key_a_secret_and_consumers_started_by_hand")
_ELSEWHERE: Final[Mapping[tuple[str, ...], tuple[str, str]]] = {
    ("demo",): ("tests/cli/test_demo.py", "test_the_demo_rotates_under_traffic_without_a_failed_request"),
    ("sandbox", "aws"): _BY_HAND,
    ("sandbox", "anthropic"): _BY_HAND,
    ("sandbox", "key"): _BY_HAND,
    ("sandbox", "secret"): _BY_HAND,
    ("sandbox", "consumer"): _BY_HAND,
    ("sandbox", "vault"): ("tests/cli/test_vault_by_hand.py", "test_a_vault_started_by_hand_says_where_it_is"),
    ("sandbox", "world"): ("tests/cli/test_sandbox.py", "test_the_world_stays_up_until_it_is_ended"),
}
"""What needs processes of its own is searched where it is run: its keys are made there. The file, the test's name."""


@pytest.fixture
def story(world: SmallWorld, rotate: Rotate) -> Iterator[Story]:
    with told(world, rotate) as story:
        yield story


def _talkative(world: SmallWorld, *keys: KeyText) -> None:
    """Operators' scripts and Anthropic both quote what they should not."""
    said = " ".join(key.reveal() for key in keys)
    world.on["deploy api"] = lambda: f"1\nANTHROPIC_API_KEY={said}"
    world.on["observe api"] = lambda: "0\n" + json.dumps({"instances": [{"id": said, "fingerprint": keys[0].reveal()}]})


def test_no_key_is_told_by_any_command(story: Story) -> None:
    name = "prod-chat"
    _before(story, name)
    _forward_under_trouble(story, name)
    _back(story, name)
    _abandoned(story, name)
    missing = set(every_command()) - story.typed - set(_ELSEWHERE)
    assert not missing, f"nobody has typed {missing} here: type it, and let its output be searched"


def _before(story: Story, name: str) -> None:
    story.both("init", str(story.world.directory / "another.yaml"), "--credential", "another")
    for words in (["config", "check"], ["config", "schema"], ["plan", name], ["status"], ["due"], ["tick"]):
        story.both(*words, codes=[0])
    for store in ("aws", "vault"):
        story.both("config", "policy", store, codes=[0, 2])
    story.both("check", name)
    story.both("check", "--env", "ANTHROPIC_API_KEY")
    for command in ("verify", "finish", "rollback", "resume", "abandon", "unlock", "history", "report"):
        story.both(command, name)


def _forward_under_trouble(story: Story, name: str) -> None:
    world = story.world
    words = ["start", name, "--key-file", "-"]
    story.both(*words, stdin=f'"{world.new.reveal()}" extra', codes=[2])
    story.both(*words, stdin=world.new.reveal()[:60], codes=[2, 5])
    story.both("start", name, world.new.reveal(), codes=[2])
    story.both("start", name, "--key-file", world.new.reveal(), codes=[2])
    _talkative(world, world.new, world.old, world.admin)
    story.both(*words, stdin=world.new.reveal(), codes=[10])
    assert "sk-ant-[redacted]" in story.ran[-2].all
    story.both("status", name, codes=[0, 9])
    world.on.pop("deploy api")
    story.both("resume", name, *SAID)
    story.both("verify", name)
    story.type("check", name)
    world.on.clear()
    story.both("start", name)
    story.both("verify", name, codes=[0])
    story.both("finish", name, codes=[4])
    story.both("approve", name, "disable", *SAID)


def _back(story: Story, name: str) -> None:
    story.both("tick", codes=[3])
    story.both("unlock", name, *SAID)
    for form in ("json", "markdown"):
        output = story.world.directory / f"report.{form}"
        story.both("report", name, "--format", form)
        story.type("report", name, "--format", form, "--output", str(output), codes=[0])
        story.both("report", "--verify", str(output))
    story.both("rollback", name, *SAID, codes=[8])
    story.both("history", name, codes=[0])


def _abandoned(story: Story, name: str) -> None:
    """With a key that Anthropic disables half-way, quoting it."""
    world = story.world
    third, _ = world.anthropic.books.issue("third")
    story.keys.append(third)
    quoting = Fault(status=401, type="authentication_error", message=f"bad {third.reveal()} {world.admin.reveal()}")
    story.both("start", name, "--key-file", "-", stdin=third.reveal(), codes=[0])
    world.anthropic.rules.replace([FaultRule(fault=quoting)])
    for command in ("verify", "start", "finish", "tick", "status"):
        story.both(*([command] if command == "tick" else [command, name]))
    story.both("abandon", name, *SAID)
    world.anthropic.rules.replace([])
    story.both("due", codes=[9])
    debts = json.loads(story.type("due", "--json").out)[0]["debts"]
    story.both("approve", name, f"settled:{debts[0]['id']}", *SAID)


_FAULTS: Final = (*Weathered, "refused", "quoted", "redirected")
_QUOTED: Final = "<html>proxy error: Authorization: Bearer {key} x-api-key: {key}</html>"


def test_no_key_is_told_whatever_the_network_does(story: Story) -> None:
    """Between the tool and both of its servers, before there is a rotation and in its middle."""
    world, name = story.world, "prod-chat"
    start = ["start", name, "--key-file", "-"]
    with FaultProxy(world.anthropic.url, seed=1) as anthropic, FaultProxy(world.aws.url, seed=1) as aws:
        proxies = (anthropic, aws)
        world.extra |= {"ANTHROPIC_BASE_URL": anthropic.url, "AWS_ENDPOINT_URL": aws.url, "AWS_MAX_ATTEMPTS": "1"}
        for fault in (Weathered.RESET, Weathered.HALF_OPEN, "refused", "quoted"):
            _disturb(world, proxies, fault)
            story.type(*start, stdin=world.new.reveal())
            _calm(world, proxies)
        story.type(*start, stdin=world.new.reveal(), codes=[0])
        for fault in _FAULTS:
            _disturb(world, proxies, fault)
            story.type("finish", name, "--json")
            story.type("check", name)
            _calm(world, proxies)
        story.both("status", name)
        story.both("rollback", name, *SAID, codes=[8])
        assert {*anthropic.met, *aws.met} == set(Weathered)


def _disturb(world: SmallWorld, proxies: tuple[FaultProxy, ...], fault: Weathered | str) -> None:
    keys = f"{world.old.reveal()} {world.new.reveal()} {world.admin.reveal()}"
    for proxy in proxies:
        if isinstance(fault, Weathered):
            proxy.weather = Weather(chances={fault: 1.0}, delay=0.02, hold=0.1)
        proxy.refuse(fault == "refused")
    if fault == "quoted":
        quoted = Fault(status=502, body=_QUOTED.format(key=keys).encode())
        world.anthropic.rules.replace([FaultRule(fault=quoted)])
    elif fault == "redirected":
        away = Fault(status=307, headers={"location": "http://127.0.0.1:9/v1/models"})
        world.anthropic.rules.replace([FaultRule(fault=away)])


def _calm(world: SmallWorld, proxies: tuple[FaultProxy, ...]) -> None:
    world.anthropic.rules.replace([])
    for proxy in proxies:
        proxy.weather = Weather()
        proxy.refuse(False)


def test_what_is_searched_elsewhere_is_a_command_and_a_test_that_searches() -> None:
    assert set(_ELSEWHERE) <= set(every_command())
    for file, name in set(_ELSEWHERE.values()):
        tree = ast.parse((_ROOT / file).read_text(encoding="utf-8"))
        [body] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith(name)]
        names = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
        assert names & {"KEY_TEXT", "assert_no_key_at_all"}, f"{name} does not look for keys"
