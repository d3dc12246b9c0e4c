"""A light world for the command line: AWS and Anthropic as threads of this process, consumers moved by hand.

The consumers are one small program (`talk.py`, in the world's directory) that asks this process over a loopback socket
what to say, and notes the environment and the argv that it was given: the leak tests read those notes.
"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rotator.model.keys import Fingerprint, KeyStatus, KeyText
from rotator.sandbox.anthropic import SandboxAnthropic
from rotator.sandbox.aws import SandboxAws
from rotator.sandbox.loopback import clean_environment
from tests.aws_world import FIELD, REGION, client_of, secret_name

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

PATIENCE: Final = 50.0
"""Seconds that anything awaited here may take before the test fails."""

_TALK: Final = """\
import json, os, socket, sys
with open(os.path.join(sys.argv[2], "%d.json" % os.getpid()), "w") as note:
    json.dump({"argv": sys.argv, "environ": dict(os.environ)}, note)
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line:
    line.sendall((" ".join(sys.argv[3:]) + "\\n").encode())
    said = line.makefile().read()
code, _, text = said.partition("\\n")
print(text)
sys.exit(int(code or 1))
"""

PLAYBOOK: Final = """\
name: quick
why: The order and the gates of standard; waits of a moment.
adopt: {patience: 300ms}
pings: {count: 2, interval: 100ms, patience: 500ms, inference: true}
deploy: {waves: ordered, timeout: DEPLOY}
observe: {interval: 100ms, timeout: 700ms}
drain: {quiet_for: 100ms, lag: 0s, unproven: UNPROVEN}
soak: SOAK
approvals: {disable: APPROVAL, archive: APPROVAL}
reenable: auto
deadline: 1h
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        """stdout, which must be exactly one JSON document."""
        return json.loads(self.out)

    @property
    def error(self) -> Mapping[str, str]:
        """The error, in the contract's shape."""
        assert self.json.keys() == {"error"}
        error: Mapping[str, str] = self.json["error"]
        assert set(error) == {"code", "message", "keys", "next"}
        assert all(text and isinstance(text, str) for text in error.values())
        return error


@dataclass
class SmallWorld:
    directory: Path
    aws: SandboxAws
    anthropic: SandboxAnthropic
    old: KeyText
    old_id: str
    admin: KeyText
    new: KeyText
    new_id: str
    secret: str
    client: SecretsManagerClient
    extra: dict[str, str] = field(default_factory=dict)
    """Further variables of the commands' environment."""
    holds: dict[str, str | None] = field(default_factory=dict)
    """Consumer → the fingerprint (12 hex digits) that its one instance reports."""
    on: dict[str, Callable[[], str | None]] = field(default_factory=dict)
    """`deploy api` and the like → what happens then; None: the ordinary thing. A text is `CODE\\nOUTPUT`."""
    reads: dict[str, str] = field(default_factory=dict)
    """Consumer → the name of its secret, where that is not the first one."""
    asked: list[str] = field(default_factory=list)
    """What the consumers' programs were asked for, in order."""

    @property
    def config(self) -> Path:
        return self.directory / "rotate.yaml"

    @property
    def journal(self) -> Path:
        return self.directory / "journal.db"

    @property
    def notes(self) -> Path:
        return self.directory / "notes"

    @property
    def environment(self) -> dict[str, str]:
        aws = {**self.aws.environment} | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        here = {
            "ANTHROPIC_BASE_URL": self.anthropic.url,
            "ROTATOR_CONFIG": str(self.config),
            "ROTATOR_JOURNAL": f"sqlite:///{self.journal}",
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return clean_environment({**aws, **here, **self.extra})

    # --- what people and consumers do

    def current(self, secret: str | None = None) -> KeyText:
        found = self.client.get_secret_value(SecretId=secret or self.secret, VersionStage="AWSCURRENT")
        text = found["SecretString"]
        return KeyText(json.loads(text)[FIELD])

    def reload(self, consumer: str) -> None:
        self.holds[consumer] = self.current(self.reads.get(consumer)).fingerprint.digest

    def status(self, key_id: str) -> KeyStatus:
        return self.anthropic.books.record(key_id).status

    def set_status(self, key_id: str, status: KeyStatus) -> None:
        self.anthropic.books.change(key_id, status=status)

    def answer(self, words: str) -> str:
        """What a consumer's program is told: its exit code, a line end, its output."""
        self.asked.append(words)
        special = self.on[words]() if words in self.on else None
        if special is not None:
            return special
        verb, _, consumer = words.partition(" ")
        if verb == "deploy":
            self.reload(consumer)
            return f"0\n{consumer} restarted"
        held = self.holds.get(consumer)
        return "0\n" + json.dumps({"instances": [{"id": f"{consumer}-1", "fingerprint": held}]})

    # --- rotate.yaml

    def write(
        self,
        *,
        admin: str | None = "file",
        consumers: str | None = None,
        secrets: Sequence[str] | None = None,
        unproven: str = "accept",
        approval: str = "ask",
        soak: str = "200ms",
        deploy: str = "60s",
        second: bool = False,
    ) -> None:
        """rotate.yaml and the quick playbook. `admin`: file, env or None. `second`: a second credential too."""
        text = PLAYBOOK.replace("UNPROVEN", unproven).replace("APPROVAL", approval)
        (self.directory / "quick.yaml").write_text(text.replace("SOAK", soak).replace("DEPLOY", deploy))
        sources = {"file": f"{{admin_key: 'file:{self.directory}/admin.key'}}", "env": "{admin_key: env:MY_ADMIN}"}
        found = [("prod-chat", secrets or [self.reference()], consumers or self.consumer("api"))]
        if second:
            found.append(("second", [self.reference(f"{self.secret}-2")], self.consumer("api2")))
        body = "".join(
            f"  {name}:\n    issuer:\n      anthropic: {sources.get(admin or '', '{}')}\n    secrets: "
            f"{json.dumps(list(refs))}\n    consumers:\n{users}    playbook: ./quick.yaml\n"
            for name, refs, users in found
        )
        self.config.write_text(f"version: 1\ncredentials:\n{body}")

    def reference(self, name: str | None = None, field: str = FIELD) -> str:
        return f"aws-sm://{REGION}/{name or self.secret}#{field}"

    def consumer(self, name: str, more: str = "", deploy: str | None = None) -> str:
        told = deploy if deploy is not None else f"{{command: {self._talk('deploy', name)}}}"
        return (
            f"      - name: {name}\n        cadence: 10ms\n"
            f"        command: {{observe: {self._talk('observe', name)}}}\n"
            + (f"        deploy: {told}\n" if told else "")
            + more
        )

    def _talk(self, verb: str, name: str) -> str:
        port = str(self._port)
        return json.dumps([sys.executable, "-I", "-S", f"{self.directory}/talk.py", port, str(self.notes), verb, name])

    _port: int = 0

    # --- commands

    def start_process(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [sys.executable, "-m", "rotator", *words], env=self.environment, text=True, cwd=self.directory, **options
        )

    def run(self, *words: str, stdin: str = "", **options: Any) -> Ran:
        """A command as a real process, to its end."""
        child = self.start_process(*words, stdin=subprocess.PIPE, **options)
        out, err = child.communicate(stdin, timeout=60)
        return Ran(child.returncode, out, err)

    def start_key_file(self) -> list[str]:
        """The words of a `start` that reads the new key from a file which only its owner may read."""
        path = self.directory / "new.key"
        path.touch(mode=0o600)
        path.write_text(self.new.reveal() + "\n")
        return ["start", "prod-chat", "--key-file", str(path)]


def await_that(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.01)


def digest_of(key: KeyText) -> str:
    return Fingerprint.of(key.reveal()).digest


def end(child: subprocess.Popen[str], number: int = signal.SIGKILL) -> Ran:
    """Send a signal to a process that the test started, and collect it."""
    if child.poll() is None:
        child.send_signal(number)
    out, err = child.communicate(timeout=PATIENCE)
    return Ran(child.returncode, out or "", err or "")


@contextmanager
def small_world(directory: Path, aws: SandboxAws) -> Iterator[SmallWorld]:
    with SandboxAnthropic() as anthropic:
        old, old_record = anthropic.books.issue("prod")
        new, new_record = anthropic.books.issue("made in the Console")
        admin, _ = anthropic.books.issue_admin()
        client = client_of(aws)
        world = SmallWorld(
            directory, aws, anthropic, old, old_record.id, admin, new, new_record.id, secret_name(), client
        )
        (directory / "notes").mkdir()
        (directory / "talk.py").write_text(_TALK)
        (directory / "admin.key").touch(mode=0o600)
        (directory / "admin.key").write_text(admin.reveal())
        client.create_secret(Name=world.secret, SecretString=json.dumps({FIELD: old.reveal(), "LOG_LEVEL": "info"}))
        world.holds["api"] = old.fingerprint.digest
        with _switchboard(world) as port:
            world._port = port
            world.write()
            try:
                yield world
            finally:
                client.close()


@contextmanager
def _switchboard(world: SmallWorld) -> Iterator[int]:
    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            words = self.rfile.readline().decode().strip()
            try:
                self.wfile.write(world.answer(words).encode())
            except (BrokenPipeError, ConnectionResetError):  # the program was ended while it waited
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Line) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
