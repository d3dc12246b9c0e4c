"""Law 6 where a host program logs everything at DEBUG: neither our libraries nor theirs write a key into the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import anthropic
import boto3
import pytest

from rotator.adapters.store.aws import AwsSecretStore
from rotator.adapters.store.vault import VaultSecretStore
from rotator.client import KeySource, anthropic_middleware
from rotator.model.config import AwsSecretRef, VaultSecretRef
from rotator.model.keys import KeyStatus, KeyText, Label
from rotator.ports import SecretStore
from rotator.sandbox.aws import SandboxAws
from rotator.sandbox.vault import SandboxVault
from tests.anthropic_world import anthropic_world
from tests.aws_world import CLAIM, FIELD, REGION, make_key, secret_name, version_id
from tests.leaks.hunt import assert_absent
from tests.vault_world import sandbox_place

MODEL = "claude-haiku-5-5"


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(1)
    return caplog


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a secret in the sandbox's AWS, found as boto finds it."""
    with SandboxAws() as aws:
        variables = {"ENDPOINT_URL": aws.url, "ACCESS_KEY_ID": "sandbox", "SECRET_ACCESS_KEY": "sandbox"}
        for variable, value in variables.items():
            monkeypatch.setenv(f"AWS_{variable}", value)
        yield secret_name()


def written(name: str, key: KeyText) -> None:
    text = json.dumps({FIELD: key.reveal(), "other": "as it was"})
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name=name, SecretString=text)


def rotated(store: SecretStore, new: KeyText) -> None:
    before = store.read(Label.CURRENT)
    assert before is not None
    id = version_id()
    store.stage(id, new, CLAIM)
    store.promote(id, before.id)
    assert store.read(Label.CURRENT) is not None
    store.restore(before.id, id)
    store.discard(id)


def assert_unlogged(log: pytest.LogCaptureFixture, *keys: KeyText) -> None:
    assert len(log.text) > 1000
    assert_absent(list(keys), "the log", log.text.encode())


def test_no_key_is_in_the_log_of_a_rotation_on_aws(name: str, everything: pytest.LogCaptureFixture) -> None:
    old, new = make_key(), make_key()
    written(name, old)
    everything.clear()  # the test's own write, before any store of ours was there
    rotated(AwsSecretStore(AwsSecretRef(REGION, name, FIELD)), new)
    assert_unlogged(everything, old, new)


def test_no_key_is_in_the_log_of_a_rotation_on_vault(everything: pytest.LogCaptureFixture) -> None:
    old, new = make_key(), make_key()
    with SandboxVault() as vault, sandbox_place(vault) as place:
        path = place.path()
        place.client.secrets.kv.v2.create_or_update_secret(path, {FIELD: old.reveal()}, mount_point="secret")
        rotated(VaultSecretStore(VaultSecretRef("secret", path, FIELD), place.connection), new)
        assert_unlogged(everything, old, new, KeyText(vault.root_token * 3))


def test_no_key_is_in_the_log_of_asking_anthropic(everything: pytest.LogCaptureFixture) -> None:
    with anthropic_world() as world:
        key, record = world.server.books.issue("old")
        world.issuer.ping(key, inference=True)
        world.issuer.find(key.fingerprint)
        world.issuer.set_status(record.id, KeyStatus.INACTIVE)
        world.issuer.ping(key, inference=True)
        world.issuer.usage([record.id], world.clock.now())
        assert world.admin is not None
        assert_unlogged(everything, key, world.admin)


def test_no_key_is_in_the_log_of_an_application_that_swaps_its_key(
    name: str, everything: pytest.LogCaptureFixture
) -> None:
    with anthropic_world() as world:
        key, _ = world.server.books.issue("current")
        source = KeySource(f"aws-sm://{REGION}/{name}#{FIELD}")
        written(name, key)
        everything.clear()
        middleware = [anthropic_middleware(source)]
        asked = {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]}

        async def once() -> None:
            async with anthropic.AsyncAnthropic(api_key="-", base_url=world.server.url, middleware=middleware) as one:
                await one.messages.create(**asked)  # type: ignore[call-overload]  # plain data

        with anthropic.Anthropic(api_key="-", base_url=world.server.url, middleware=middleware) as client:
            client.messages.create(**asked)  # type: ignore[call-overload]  # plain data
        asyncio.run(once())
        assert "Request options" in everything.text
        assert_unlogged(everything, key)
