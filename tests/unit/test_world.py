"""The sandbox's whole world: one that swaps as it should, one that revokes first, and one whose owner is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from rotator.model.errors import UsageError
from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.instances import Spec
from rotator.sandbox.loopback import clean_environment, require_loopback
from rotator.sandbox.serving import call
from rotator.sandbox.world import FIELD, SECRET, Traffic, World

PATIENCE = 30.0  # seconds

# Both worlds together keep two slow cores busy for some ten seconds: on one worker, one after the other.
pytestmark = pytest.mark.xdist_group("world")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def fleetctl(world: World, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rotator.sandbox.fleetctl", *words],
        env=world.command_environment() | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def put_current(world: World, key: KeyText | None) -> None:
    settings = world.environment
    session = boto3.session.Session(
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        region_name=settings["AWS_REGION"],
    )
    client = session.client("secretsmanager", endpoint_url=settings["AWS_ENDPOINT_URL"])
    fields = json.loads(client.get_secret_value(SecretId=SECRET, VersionStage="AWSCURRENT")["SecretString"])
    text = json.dumps(fields | {FIELD: key.reveal() if key else None})
    client.put_secret_value(SecretId=SECRET, SecretString=text, VersionStages=["AWSCURRENT"])
    client.close()


def all_hold(world: World, consumer: str, key: KeyText) -> bool:
    return {one["fingerprint"] for one in world.observe(consumer)} == {key.fingerprint.digest}


def more_than(world: World, earlier: Traffic, requests: int) -> bool:
    return world.traffic().requests >= earlier.requests + requests


def no_process_mentions(directory: Path) -> bool:
    for arguments in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(directory).encode() in arguments.read_bytes():
                return False
        except OSError:
            continue
    return True


def test_a_swap_that_waits_for_every_instance_fails_no_request(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        old, new = world.old_key, world.new_key()
        assert len([one for spec in world.specs for one in world.observe(spec.name)]) >= 6

        put_current(world, new)
        first = fleetctl(world, "deploy", "chat-api", ROTATOR_DEPLOY_TOKEN="one")
        assert first.returncode == 0, first.stderr
        chat = world.observe("chat-api")
        assert fleetctl(world, "deploy", "chat-api", ROTATOR_DEPLOY_TOKEN="one").returncode == 0
        assert [one["id"] for one in world.observe("chat-api")] == [one["id"] for one in chat]  # nothing was restarted
        assert fleetctl(world, "deploy", "worker").returncode == 0
        assert fleetctl(world, "deploy", "edge").returncode == 1  # it reloads by itself
        until(lambda: all(all_hold(world, spec.name, new) for spec in world.specs))
        said = json.loads(fleetctl(world, "observe", "worker").stdout)["instances"]
        assert [(one["fingerprint"], one["terminating"]) for one in said] == [(new.fingerprint.digest, False)] * 2

        world.revoke(world.key_id(old))
        assert world.key_status(world.key_id(old)) is KeyStatus.INACTIVE
        after = world.traffic()
        until(lambda: more_than(world, after, 30))
        counted = world.traffic()
        assert counted.failed == 0, counted.failures
        assert set(counted.by_fingerprint) == {old.fingerprint.digest, new.fingerprint.digest}

        shown = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
        shown += repr(world.environment) + repr(counted)
        assert old.reveal() not in shown
        assert new.reveal() not in shown
    until(lambda: no_process_mentions(tmp_path))


def test_a_swap_that_revokes_first_fails_requests(tmp_path: Path) -> None:
    with World(tmp_path, fleet=[Spec("chat-api", "boot", 1), Spec("edge", "hot", 1)]) as world:
        world.revoke(world.key_id(world.old_key))
        both = {"chat-api-1", "edge-1"}
        until(lambda: {failure.instance for failure in world.traffic().failures} == both)
        assert all("authentication_error" in failure.what for failure in world.traffic().failures)
        new = world.new_key()
        put_current(world, new)
        assert fleetctl(world, "deploy", "chat-api").returncode == 0
        until(lambda: new.fingerprint.digest in world.traffic().by_fingerprint)
        until(lambda: all_hold(world, "edge", new))


def test_a_deploy_that_fails_leaves_the_old_instances_serving(tmp_path: Path) -> None:
    with World(tmp_path, fleet=[Spec("chat-api", "boot", 1), Spec("edge", "hot", 1)]) as world:
        put_current(world, None)
        failed = fleetctl(world, "deploy", "chat-api", ROTATOR_DEPLOY_TOKEN="one")
        assert (failed.returncode, "did not start" in failed.stderr) == (1, True)
        assert [one["id"] for one in world.observe("chat-api")] == ["chat-api-1"]
        put_current(world, world.old_key)
        assert fleetctl(world, "deploy", "chat-api", ROTATOR_DEPLOY_TOKEN="one").returncode == 0
        assert [one["id"] for one in world.observe("chat-api")] == ["chat-api-3"]
        assert world.traffic().failed == 0
        # A process that dies by itself is replaced, a hot one at the address that rotate.yaml names.
        [victim] = [
            pid for pid in descendants(os.getpid()) if b"hot" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        ]
        os.kill(victim, signal.SIGKILL)
        until(
            lambda: (
                [one["id"] for one in world.observe("edge")] == ["edge-2"] and all_hold(world, "edge", world.old_key)
            )
        )
        [address] = [line for line in world.config_path.read_text().splitlines() if "healthz" in line]
        assert call("GET", address.split('"')[1])[0] == 200


OWNER = """
import pathlib, sys, time
from rotator.sandbox.instances import Spec
from rotator.sandbox.serving import call
from rotator.sandbox.world import World
with World(pathlib.Path(sys.argv[1]), fleet=[Spec("chat-api", "boot", 2)]):
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_of_a_world_whose_owner_ends(tmp_path: Path, how: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        assert not no_process_mentions(tmp_path)
        consumers = [pid for pid in descendants(owner.pid) if pid != owner.pid]
        assert len(consumers) >= 6  # AWS, Anthropic, fleet, traffic, two instances
        os.kill(owner.pid, how)
        owner.wait(PATIENCE)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in consumers))


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in descendants(int(child)))]


@pytest.mark.parametrize("url", ["https://api.anthropic.com", "http://10.0.0.1:80", "http://localhost.example.com", ""])
def test_an_address_that_is_not_on_loopback_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        require_loopback(url)


def test_children_see_nothing_that_opens_the_real_world(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "AWS_PROFILE", "VAULT_TOKEN", "HTTPS_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "real")
    seen = clean_environment({"AWS_REGION": "eu-west-1"})
    assert "real" not in seen.values()
    assert seen["AWS_REGION"] == "eu-west-1"
