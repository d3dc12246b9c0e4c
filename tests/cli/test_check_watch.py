"""`rotate check --watch` as a process: what changes is told, what stays the same is not; Ctrl-C is its usual end."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.cli.check_words import no_key_in
from tests.cli.small_world import SmallWorld, await_that

OFTEN = ("--watch", "--every", "50ms")


@dataclass
class Watching:
    world: SmallWorld
    child: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    """Lines of stdout and stderr, as they come."""

    def rounds(self, more: int) -> None:
        """Wait for so many more rounds."""
        seen = self.world.asked.count("observe api")
        await_that(lambda: self.world.asked.count("observe api") >= seen + more, f"{more} more rounds")

    def says(self, words: str) -> None:
        await_that(lambda: any(words in line for line in self.said), words)


@contextmanager
def watching(world: SmallWorld, *words: str) -> Iterator[Watching]:
    child = world.start_process("check", "prod-chat", *OFTEN, *words, stderr=subprocess.STDOUT)
    watch = Watching(world, child)

    def listen() -> None:
        assert child.stdout is not None
        watch.said.extend(child.stdout)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        watch.rounds(2)
        yield watch
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
    finally:
        child.kill()
        child.wait(20)
        listener.join(20)
        assert child.stdout is not None
        child.stdout.close()
    no_key_in(world, *watch.said)


def test_a_change_is_told_once_and_so_is_the_return(world: SmallWorld) -> None:
    with watching(world, "--quiet") as watch:
        assert watch.said == []
        world.holds["api"] = world.new.fingerprint.digest
        watch.says("does not hold the current key")
        watch.rounds(2)
        world.reload("api")
        watch.says("All is well again.")
        watch.rounds(2)
    assert len(watch.said) == 2
    assert all("UTC rotate check: " in line for line in watch.said)


def test_ctrl_c_says_nothing(world: SmallWorld) -> None:
    with watching(world, "--quiet") as watch:
        pass
    assert watch.said == []


def test_a_key_that_dies_while_anthropic_was_not_to_be_asked_is_told(world: SmallWorld) -> None:
    world.anthropic.rules.replace([FaultRule(fault=Fault(status=403, type="permission_error"), path="/v1/models")])
    with watching(world, "--quiet") as watch:
        watch.says("permit the request (403)")
        world.anthropic.rules.replace([])
        world.set_status(world.old_id, KeyStatus.INACTIVE)
        watch.says("The key is disabled")
    assert len(watch.said) == 2


def test_instances_that_come_and_go_with_the_same_key_are_no_change(world: SmallWorld) -> None:
    with watching(world, "--quiet") as watch:
        held = world.old.fingerprint.digest
        more = [{"id": f"pod-{number}", "fingerprint": held} for number in range(3)]
        world.on["observe api"] = lambda: "0\n" + json.dumps({"instances": more})
        watch.rounds(2)
    assert watch.said == []


def test_the_first_round_is_shown_whole_and_each_document_stands_alone(world: SmallWorld) -> None:
    with watching(world, "--json") as watch:
        world.holds["api"] = world.new.fingerprint.digest
        watch.says('"finding": "wrong"')
        watch.rounds(1)
    decoder, text, found = json.JSONDecoder(), "".join(watch.said), []
    while text.strip():
        document, end = decoder.raw_decode(text)
        found.append(document["finding"])
        text = text[end:].lstrip()
    assert found == ["fine", "wrong"]


@contextmanager
def board() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """What apprise's `json://` is told."""
    told: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"json://127.0.0.1:{server.server_port}/hook", told
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_whomever_the_configuration_names_is_told_of_a_change_and_of_nothing_else(world: SmallWorld) -> None:
    with board() as (url, told):
        world.config.write_text(world.config.read_text().replace("version: 1\n", f"version: 1\nnotify: ['{url}']\n"))
        with watching(world) as watch:
            assert told == []
            world.holds["api"] = world.new.fingerprint.digest
            await_that(lambda: told, "an alert")
            world.reload("api")
            await_that(lambda: len(told) > 1, "the all-clear")
            watch.rounds(1)
    assert [one["title"] for one in told] == ["rotate check: wrong", "rotate check: fine"]
    assert "does not hold the current key" in told[0]["message"]
    no_key_in(world, json.dumps(told))
