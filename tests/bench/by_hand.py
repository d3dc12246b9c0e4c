"""The same job as runbooks do it: a process a step, by the AWS command line and curl. No key stands in an argv."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from shutil import which
from typing import Any

from rotator.model.keys import KeyText
from tests.bench.places import FIELD, Places

_SECONDS = 60


def aws_command() -> str | None:
    """The AWS command line of this environment; None where it, or curl, is not installed."""
    aws = Path(sys.executable).with_name("aws")
    return str(aws) if aws.is_file() and which("curl") else None


def runbook(where: Places, aws: str, secret: str) -> Callable[[], None]:
    """Made ready. Fewer calls than the tool makes: what a careful person types, and no more."""
    hand = _Hand(where.environment, aws, where.console.url)
    return partial(_follow, where, hand, secret, where.console.new_key("by hand"))


def _follow(where: Places, hand: _Hand, secret: str, key: KeyText) -> None:
    old_version = hand.secret("get-secret-value", secret, "--version-stage", "AWSCURRENT")
    content = json.loads(old_version["SecretString"])
    old = KeyText(content[FIELD])
    hand.ping(key)
    version = str(uuid.uuid4())
    staged = json.dumps({**content, FIELD: key.reveal()})
    hand.secret(
        "put-secret-value",
        secret,
        "--client-request-token",
        version,
        "--version-stages",
        "AWSPENDING",
        "--secret-string",
        "file:///dev/stdin",
        said=staged,
    )
    hand.secret("get-secret-value", secret, "--version-stage", "AWSPENDING")
    hand.secret(
        "update-secret-version-stage",
        secret,
        "--version-stage",
        "AWSCURRENT",
        "--move-to-version-id",
        version,
        "--remove-from-version-id",
        old_version["VersionId"],
    )
    hand.secret("get-secret-value", secret, "--version-stage", "AWSCURRENT")
    for _ in range(3):
        hand.ping(key)
    admin, records = where.console.admin_key, "/v1/organizations/api_keys"
    listed = hand.curl(admin, f"{records}?limit=1000")
    found = [record["id"] for record in listed["data"] if record["partial_key_hint"] == old.fingerprint.hint]
    for status in ("inactive", "archived"):
        hand.curl(admin, f"{records}/{found[0]}", {"status": status})
        hand.curl(admin, f"{records}/{found[0]}")
        hand.ping(key)
    hand.secret(
        "update-secret-version-stage", secret, "--version-stage", "AWSPENDING", "--remove-from-version-id", version
    )
    hand.secret("describe-secret", secret)


class _Hand:
    def __init__(self, environment: Mapping[str, str], aws: str, anthropic: str) -> None:
        self._environment = {**environment, "PATH": os.environ.get("PATH", "")}
        self._aws = aws
        self._anthropic = anthropic

    def secret(self, verb: str, secret: str, *words: str, said: str = "") -> Any:
        return self._run([self._aws, "secretsmanager", verb, "--secret-id", secret, "--output", "json", *words], said)

    def ping(self, key: KeyText) -> None:
        self.curl(key, "/v1/models")
        message = {"model": "claude-haiku-5-5", "max_tokens": 1, "messages": [{"role": "user", "content": "ping"}]}
        self.curl(key, "/v1/messages", message)

    def curl(self, key: KeyText, path: str, body: object = None) -> Any:
        lines = [
            f'url = "{self._anthropic}{path}"',
            f'header = "Authorization: Bearer {key.reveal()}"',
            'header = "anthropic-version: 2023-06-01"',
            'header = "content-type: application/json"',
            "silent",
            "fail",
        ]
        if body is not None:
            lines.append(f"data = {json.dumps(json.dumps(body))}")
        return self._run(["curl", "--config", "-"], "\n".join(lines))

    def _run(self, argv: list[str], said: str) -> Any:
        ran = subprocess.run(
            argv, input=said, capture_output=True, text=True, env=self._environment, timeout=_SECONDS, check=False
        )
        if ran.returncode != 0:
            raise RuntimeError(f"{argv[0]} ended with code {ran.returncode}: {ran.stderr[-300:]}")
        return json.loads(ran.stdout) if ran.stdout.strip() else None
