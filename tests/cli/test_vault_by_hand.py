"""Vault at the command line: started by hand, with a secret in it, and as a store of the demo's world."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rotator.sandbox.instances import Spec
from rotator.sandbox.loopback import clean_environment
from rotator.sandbox.serving import call
from rotator.sandbox.world import World
from tests.leaks.hunt import assert_no_key_at_all

PATIENCE = 90.0  # seconds
ROTATE = [sys.executable, "-m", "rotator"]
REF = "vault://secret/prod/by-hand#api_key"
KEY_TEXT = re.compile(r"sk-ant-\w+-[\w-]{20,}")

pytestmark = [pytest.mark.xdist_group("world"), pytest.mark.timeout(180)]


def rotate(folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ROTATE, *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`rotate sandbox vault` in a terminal of its own, and its lines."""
    with ExitStack() as stack:
        process = subprocess.Popen(
            [*ROTATE, "sandbox", "vault", "--port", "0", "--directory", str(tmp_path / "vault")],
            env=clean_environment({"PYTHONWARNINGS": "ignore"}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        assert process.stdout is not None
        yield process, [process.stdout.readline() for _ in range(4)]


def test_a_vault_started_by_hand_says_where_it_is_and_keeps_its_token_in_a_private_file(
    tmp_path: Path, server: tuple[subprocess.Popen[str], list[str]]
) -> None:
    process, said = server
    token = tmp_path / "vault" / "vault.token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text() not in "".join(said)
    shell = subprocess.run(
        ["sh", "-c", "".join(said) + 'printf "%s\\n%s" "$VAULT_ADDR" "$VAULT_TOKEN"'],
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=True,
    )
    address, read = shell.stdout.split("\n")
    environment = clean_environment({"VAULT_ADDR": address, "VAULT_TOKEN": read})

    key = "sk-ant-api99-" + "k" * 93 + "AA"
    (tmp_path / "first.key").write_text(key + "\n")
    created = rotate(tmp_path, environment, "sandbox", "secret", REF, "--key-file", "first.key")
    assert created.stdout.strip() == REF, created.stderr
    twice = rotate(tmp_path, environment, "sandbox", "secret", REF, "--key-file", "first.key")
    assert (twice.returncode, "already" in twice.stderr) == (2, True)
    _, held = call("GET", f"{address}/v1/secret/data/prod/by-hand", headers={"X-Vault-Token": read})
    assert json.dumps(held).count(key) == 1

    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not token.exists()
    assert process.stderr is not None
    printed = "".join([*said, process.stderr.read(), created.stdout, created.stderr, twice.stdout, twice.stderr])
    assert_no_key_at_all("what was printed", printed)
    assert read not in printed


def plan(folder: Path, environment: dict[str, str]) -> list[str]:
    ended = rotate(folder, environment, "plan", "prod", "--config", str(folder / "rotate.yaml"), "--json")
    assert ended.returncode == 0, ended.stderr
    return list(json.loads(ended.stdout)["warnings"])


def test_a_plan_warns_of_a_token_that_dies_before_it_and_needs_no_vault(
    tmp_path: Path, server: tuple[subprocess.Popen[str], list[str]]
) -> None:
    address = server[1][1].partition("=")[2].strip()
    root = (tmp_path / "vault" / "vault.token").read_text()
    (tmp_path / "rotate.yaml").write_text(
        f"version: 1\njournal: sqlite:///journal.db\ncredentials:\n  prod:\n    issuer: {{anthropic: {{}}}}\n"
        f'    secrets: ["{REF}"]\n    consumers: [{{name: app, command: {{observe: ["true"]}}}}]\n'
    )
    create = f"{address}/v1/auth/token/create"
    _, said = call("POST", create, headers={"X-Vault-Token": root}, body={"policies": ["default"], "ttl": "2h"})
    auth = said["auth"]
    assert isinstance(auth, dict)
    [warning] = plan(tmp_path, clean_environment({"VAULT_ADDR": address, "VAULT_TOKEN": str(auth["client_token"])}))
    assert "expires in 2h" in warning
    assert plan(tmp_path, clean_environment({"VAULT_ADDR": address, "VAULT_TOKEN": root})) == []
    server[0].kill()
    server[0].wait(PATIENCE)
    assert plan(tmp_path, clean_environment({"VAULT_ADDR": address, "VAULT_TOKEN": root})) == []


def test_a_world_with_the_key_in_both_stores_has_consumers_that_read_each_of_them(tmp_path: Path) -> None:
    with World(tmp_path, fleet=[Spec("chat-api", "boot", 1), Spec("edge", "hot", 1)], store="both") as world:
        old = world.old_key.fingerprint.digest
        assert {str(one["fingerprint"]) for spec in world.specs for one in world.observe(spec.name)} == {old}
        written = world.config_path.read_text()
        assert ("aws-sm://" in written, "vault://" in written, "approle" in written) == (True, True, True)
        assert "VAULT_TOKEN" not in world.environment  # `rotate` logs in by its own role
        arguments = b"".join(
            path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if mine(path.parent, str(tmp_path))
        )
        assert b"vault://" in arguments
        assert not KEY_TEXT.search(arguments.decode(errors="replace") + written)


def mine(process: Path, directory: str) -> bool:
    try:
        return directory.encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


def test_the_demo_rotates_one_key_in_aws_and_vault_without_a_failed_request(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONWARNINGS": "ignore", "VAULT_TOKEN": "a real one"}
    ended = rotate(tmp_path, dict(environment), "demo", "--store", "both", "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert (result["outcome"], result["failed_requests"]) == ("completed", 0)
    assert result["seconds"] < 60
    assert "vault://secret/prod/anthropic#api_key now names the new key" in ended.stderr
    [left] = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert not [
        path for path in left.rglob("*") if path.is_file() and KEY_TEXT.search(path.read_text(errors="replace"))
    ]
    assert not (left / "vault.secret-id").exists()
