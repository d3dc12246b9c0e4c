"""`rotate sandbox …`: every part started by hand, as the README tells a newcomer to."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from rotator.sandbox.loopback import clean_environment
from rotator.sandbox.serving import call
from tests.leaks.hunt import assert_no_key_at_all

PATIENCE = 60.0  # seconds
ROTATE = [sys.executable, "-m", "rotator"]
EXPORT = re.compile(r"export (\w+)=(\S+)\n")

pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(180)]


class Hand:
    """Servers in the foreground of terminals of their own, and what they said to export."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.known: dict[str, str] = {}
        self.servers: list[subprocess.Popen[str]] = []
        self.said: list[str] = []
        """By everybody, but for the key that `sandbox key` is asked for."""
        self._stack = stack

    @property
    def environment(self) -> Mapping[str, str]:
        return clean_environment(self.known) | {"TMPDIR": str(self.directory), "PYTHONWARNINGS": "ignore"}

    def serve(self, *words: str, lines: int) -> list[str]:
        server = subprocess.Popen(
            [*ROTATE, "sandbox", *words],
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(server)
        self._stack.callback(server.kill)
        self.servers.append(server)
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(lines)]
        self.said += said
        self.known |= {found[1]: found[2] for line in said if (found := EXPORT.fullmatch(line))}
        return said

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            [*ROTATE, *words],
            env=dict(self.environment),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.said += [ran.stderr, "" if words[:2] == ("sandbox", "key") else ran.stdout]
        return ran


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    with ExitStack() as stack:
        yield Hand(tmp_path, stack)


def ask(url: str, path: str) -> tuple[int, str]:
    status, said = call("GET", url + path)
    key = said.get("anthropic_key")
    return status, str(key["fingerprint"]) if isinstance(key, dict) else ""


def test_servers_a_key_a_secret_and_consumers_started_by_hand_carry_a_rotation_to_its_end(hand: Hand) -> None:
    hand.serve("aws", "--port", "0", lines=8)
    hand.serve("anthropic", "--port", "0", "--directory", str(hand.directory / "console"), lines=3)
    assert {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_REGION", "ANTHROPIC_BASE_URL"} <= set(hand.known)
    for private in (hand.directory / "console").iterdir():
        assert private.stat().st_mode & 0o777 == 0o600

    for name in ("first", "second"):
        made = hand.type("sandbox", "key", "--name", name)
        assert (made.returncode, made.stderr) == (0, "")
        (hand.directory / f"{name}.key").write_text(made.stdout)
    created = hand.type("sandbox", "secret", "prod/by-hand", "--key-file", "first.key")
    reference = created.stdout.strip()
    assert reference == "aws-sm://eu-west-1/prod/by-hand#ANTHROPIC_API_KEY", created.stderr
    twice = hand.type("sandbox", "secret", "prod/by-hand", "--key-file", "first.key")
    assert (twice.returncode, "already" in twice.stderr) == (2, True)

    urls = [json.loads(hand.serve("consumer", "hot", reference, lines=1)[0])["url"] for _ in range(2)]
    (hand.directory / "rotate.yaml").write_text(config(reference, urls, hand.directory))
    before = {ask(url, "/healthz") for url in urls}
    assert [ask(url, "/ask")[0] for url in urls] == [200, 200]

    for words in (
        ["start", "prod", "--key-file", "second.key"],
        ["verify", "prod"],
        ["finish", "prod", "--approve", "disable,archive", "--by", "a tester", "--reason", "the test", "--watch"],
    ):
        ended = hand.type(*words)
        assert ended.returncode == 0, ended.stderr + ended.stdout
    after = {ask(url, "/healthz") for url in urls}
    assert len(before | after) == 2
    assert [ask(url, "/ask")[0] for url in urls] == [200, 200]

    for number, server in enumerate(reversed(hand.servers)):
        how = signal.SIGINT if number % 2 else signal.SIGTERM
        server.send_signal(how)
        assert server.wait(PATIENCE) in (128 + how, 0)
        assert server.stderr is not None
        hand.said.append(server.stderr.read())
        assert "Traceback" not in hand.said[-1]
    assert not list((hand.directory / "console").iterdir())  # no key outlives the server that honours it
    assert_no_key_at_all("what was printed", "".join(hand.said))
    for path in hand.directory.rglob("*"):
        if path.is_file() and path.suffix != ".key":  # those the test wrote itself
            assert_no_key_at_all(str(path), path.read_text(errors="replace"))


def config(reference: str, urls: list[str], directory: Path) -> str:
    (directory / "quick.yaml").write_text(
        "name: quick\nwhy: a test\nadopt: {patience: 5s}\n"
        "pings: {count: 1, interval: 100ms, patience: 5s, inference: true}\n"
        "deploy: {waves: ordered, timeout: 10s}\nobserve: {interval: 200ms, timeout: 20s}\n"
        "drain: {quiet_for: 1s, lag: 0s, unproven: accept}\nsoak: 1s\n"
        "approvals: {disable: ask, archive: ask}\nreenable: auto\ndeadline: 1h\n"
    )
    health = json.dumps([f"{url}/healthz" for url in urls])
    return f"""\
version: 1
journal: sqlite:///{directory}/journal.db
credentials:
  prod:
    issuer: {{anthropic: {{admin_key: "file:{directory}/console/admin.key"}}}}
    secrets: ["{reference}"]
    consumers:
      - {{name: app, cadence: 1s, http: {{urls: {health}, fingerprint: anthropic_key.fingerprint}}}}
    playbook: {directory}/quick.yaml
"""


def test_the_world_stays_up_until_it_is_ended_and_a_command_finds_it_by_its_export_lines(hand: Hand) -> None:
    [unset, *said] = hand.serve("world", lines=14)
    assert unset.startswith("unset AWS_PROFILE ")
    assert all(EXPORT.fullmatch(line) for line in said), said
    status = hand.type("status", "prod-chat", "--json")
    assert json.loads(status.stdout)["credential"] == "prod-chat", status.stderr
    assert (Path(hand.known["ROTATOR_CONFIG"]).parent / "new.key").exists()
    [world] = hand.servers
    world.send_signal(signal.SIGTERM)
    assert world.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not (Path(hand.known["ROTATOR_CONFIG"]).parent / "new.key").exists()
    assert world.stderr is not None
    assert_no_key_at_all("what was printed", "".join([*hand.said, world.stderr.read()]))


@pytest.mark.parametrize(
    ("words", "extra", "what"),
    [
        (["key"], {}, "ANTHROPIC_BASE_URL is not set"),
        (["key", "--url", "https://api.anthropic.com"], {"ROTATOR_SANDBOX_CONTROL": "token"}, "not on loopback"),
        (["key", "--url", "http://127.0.0.1:9"], {"ROTATOR_SANDBOX_CONTROL": "token"}, "nothing answers"),
        (["secret", "a/b", "--key-file", "token"], {"AWS_ENDPOINT_URL": "http://10.0.0.1:80"}, "not on loopback"),
        (["secret", "a/b", "--key-file", "none"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be read"),
        (["consumer", "boot", "aws-sm://r/n"], {"ANTHROPIC_BASE_URL": "http://10.0.0.1"}, "not on loopback"),
        (["world", "--directory", "."], {}, "not empty"),
    ],
)
def test_what_cannot_be_done_by_hand_is_said_with_what_to_do(
    hand: Hand, words: list[str], extra: dict[str, str], what: str
) -> None:
    (hand.directory / "token").write_text("a token\n")
    hand.known |= extra
    began = time.monotonic()
    ended = hand.type("sandbox", *words)
    assert ended.returncode in (2, 10), ended.stderr
    assert what in ended.stderr
    assert "next: " in ended.stderr
    assert time.monotonic() - began < 20


def test_a_port_that_is_taken_is_said(hand: Hand) -> None:
    hand.serve("anthropic", "--port", "0", lines=3)
    port = hand.known["ANTHROPIC_BASE_URL"].rpartition(":")[2]
    for server in ("aws", "anthropic"):
        ended = hand.type("sandbox", server, "--port", port)
        assert (ended.returncode, f"port {port}" in ended.stderr) == (2, True)


def test_with_json_each_part_says_its_result_or_its_error_as_one_document(hand: Hand) -> None:
    up = json.loads("".join(hand.serve("anthropic", "--port", "0", "--json", lines=7)))
    assert Path(up["admin_key_file"]).read_text()
    hand.known |= up["environment"]
    assert json.loads(hand.type("sandbox", "key", "--json").stdout)["key"].startswith("sk-ant-")
    refused = hand.type("sandbox", "secret", "a/b", "--key-file", "none", "--json")
    assert json.loads(refused.stdout)["error"]["message"] == "AWS_ENDPOINT_URL is not set"
