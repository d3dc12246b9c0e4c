"""`rotator.client` against the sandbox's AWS and Anthropic, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import anthropic
import boto3
import httpx2
import pytest

from rotator.client import KeySource, anthropic_middleware
from rotator.client.secret import parse_reference
from rotator.model.config import AwsSecretRef
from rotator.model.errors import ConfigError, Refused, Unreachable
from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.anthropic import SandboxAnthropic
from rotator.sandbox.aws import Fault, SandboxAws, no_faults

READ = "GetSecretValue"


class Store:
    """One secret, as an operator writes it."""

    def __init__(self, aws: SandboxAws) -> None:
        self.aws = aws
        self.name = f"prod/{secrets.token_hex(8)}"
        self.whole = f"aws-sm://eu-west-1/{self.name}"
        self.ref = f"{self.whole}#KEY"
        self.client = boto3.client("secretsmanager", region_name="eu-west-1")
        self.client.create_secret(Name=self.name, SecretString="{}")
        self._reads_before = aws.calls[READ]

    def put(self, text: str) -> None:
        self.client.put_secret_value(SecretId=self.name, SecretString=text, VersionStages=["AWSCURRENT"])

    def put_key(self, key: KeyText) -> None:
        self.put(json.dumps({"KEY": key.reveal(), "OTHER": "x"}))

    @property
    def reads(self) -> int:
        return self.aws.calls[READ] - self._reads_before

    def break_down(self) -> None:
        self.aws.faults = lambda operation: Fault(400, "InternalServiceError") if operation == READ else None


@pytest.fixture(scope="module")
def aws() -> Iterator[SandboxAws]:
    with SandboxAws() as server:
        yield server


@pytest.fixture
def store(aws: SandboxAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    store = Store(aws)
    yield store
    aws.faults = no_faults
    store.client.close()


@pytest.fixture
def issuer() -> Iterator[SandboxAnthropic]:
    with SandboxAnthropic() as server:
        yield server


def a_key() -> KeyText:
    return KeyText("sk-ant-api99-" + secrets.token_urlsafe(70)[:93] + "AA")


def ping(client: anthropic.Anthropic) -> str:
    answer = client.messages.create(
        model="claude-haiku-5-5", max_tokens=1, messages=[{"role": "user", "content": "ping"}]
    )
    return answer.type


def test_it_serves_the_version_that_is_labelled_current(store: Store) -> None:
    old, key = a_key(), a_key()
    store.put_key(old)
    store.put_key(key)
    source = KeySource(store.ref)
    assert source.key() == key
    assert source.fingerprint() == key.fingerprint.digest


def test_a_whole_secret_can_be_the_key(store: Store) -> None:
    key = a_key()
    store.put(key.reveal())
    assert KeySource(store.whole).key() == key


def test_it_follows_the_secret_once_the_refresh_is_due(store: Store) -> None:
    store.put_key(a_key())
    source = KeySource(store.ref, refresh=0)
    before = source.held()
    key = a_key()
    store.put_key(key)
    assert source.key() == key
    assert source.held().since > before.since


def test_it_reads_the_store_once_until_the_refresh_is_due(store: Store) -> None:
    store.put_key(a_key())
    source = KeySource(store.ref, refresh=3600)
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: source.key(), range(64)))
    assert len(keys) == 1
    assert store.reads == 1


def test_it_goes_on_serving_the_last_good_key_while_the_store_is_down(store: Store) -> None:
    key = a_key()
    store.put_key(key)
    source = KeySource(store.ref, refresh=0)
    assert source.key() == key
    store.break_down()
    assert source.key() == key
    assert source.after_refusal(key) is None


@pytest.mark.parametrize("text", ["not json", "{}", "[]", '{"KEY": 7}', '{"KEY": ""}'])
def test_it_goes_on_serving_the_last_good_key_when_the_secret_loses_it(store: Store, text: str) -> None:
    key = a_key()
    store.put_key(key)
    source = KeySource(store.ref, refresh=0)
    assert source.key() == key
    store.put(text)
    assert source.key() == key


def test_the_first_read_raises_where_the_store_is_down(store: Store) -> None:
    store.break_down()
    with pytest.raises(Unreachable):
        KeySource(store.ref).key()


def test_the_first_read_names_a_secret_that_is_not_there(store: Store) -> None:
    with pytest.raises(Refused, match=r"prod/absent.*ResourceNotFoundException") as caught:
        KeySource("aws-sm://eu-west-1/prod/absent#KEY").key()
    assert "secretsmanager:GetSecretValue" in caught.value.hint


def test_the_error_over_a_secret_that_is_not_json_does_not_carry_its_text(store: Store) -> None:
    key = a_key()
    store.put(key.reveal())
    with pytest.raises(Refused) as caught:
        KeySource(store.ref).key()
    assert key.reveal() not in f"{caught.value!r}{caught.value.hint}"
    assert caught.value.__context__ is None


def test_a_refusal_is_answered_with_the_store_s_new_key_before_the_refresh_is_due(store: Store) -> None:
    old, key = a_key(), a_key()
    store.put_key(old)
    source = KeySource(store.ref)
    source.key()
    store.put_key(key)
    assert source.after_refusal(old) == key
    assert source.after_refusal(old) == key
    assert source.key() == key


def test_a_dead_key_does_not_hammer_the_store(store: Store) -> None:
    key = a_key()
    store.put_key(key)
    source = KeySource(store.ref)
    source.key()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: source.after_refusal(key), range(64))) == {None}
    assert store.reads == 2


@pytest.mark.parametrize(
    "text", ["vault://secret/prod", "vault://secret#key", "aws-sm://eu-west-1", "aws-sm:///name", "prod", ""]
)
def test_other_references_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a secret"):
        KeySource(text)


def test_a_key_that_was_pasted_for_a_reference_is_not_shown() -> None:
    key = a_key()
    with pytest.raises(ConfigError) as caught:
        KeySource(key.reveal())
    assert key.reveal() not in f"{caught.value!r}{caught.value.hint}"


def test_an_arn_is_a_name() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/anthropic-AbCdEf"
    assert parse_reference(f"aws-sm://eu-west-1/{arn}#K") == AwsSecretRef("eu-west-1", arn, "K")


def test_a_client_goes_on_with_the_new_key_when_the_old_one_dies(store: Store, issuer: SandboxAnthropic) -> None:
    old, record = issuer.books.issue("old")
    store.put_key(old)
    middleware = anthropic_middleware(KeySource(store.ref))
    with anthropic.Anthropic(api_key="x", base_url=issuer.url, max_retries=0, middleware=[middleware]) as client:
        assert ping(client) == "message"
        store.put_key(issuer.books.issue("new")[0])
        issuer.books.change(record.id, status=KeyStatus.INACTIVE)
        assert ping(client) == "message"
        assert ping(client.with_options(timeout=5)) == "message"
    assert issuer.books.traffic()[record.id] == {"accepted": 1, "refused": 1}


def test_an_asynchronous_client_goes_on_as_well(store: Store, issuer: SandboxAnthropic) -> None:
    old, record = issuer.books.issue("old")
    store.put_key(old)
    middleware = anthropic_middleware(KeySource(store.ref))

    async def two_calls() -> list[str]:
        answers = []
        async with anthropic.AsyncAnthropic(
            api_key="x", base_url=issuer.url, max_retries=0, middleware=[middleware]
        ) as client:
            answers.append(await client.models.list())
            store.put_key(issuer.books.issue("new")[0])
            issuer.books.change(record.id, status=KeyStatus.INACTIVE)
            answers.append(await client.models.list())
        return [page.data[0].type for page in answers]

    assert asyncio.run(two_calls()) == ["model", "model"]


def test_the_refusal_reaches_the_caller_where_the_store_has_no_other_key(
    store: Store, issuer: SandboxAnthropic
) -> None:
    key, record = issuer.books.issue("only")
    store.put_key(key)
    issuer.books.change(record.id, status=KeyStatus.INACTIVE)
    middleware = anthropic_middleware(KeySource(store.ref))
    with (
        anthropic.Anthropic(api_key="x", base_url=issuer.url, max_retries=0, middleware=[middleware]) as client,
        pytest.raises(anthropic.AuthenticationError),
    ):
        ping(client)
    assert issuer.books.traffic()[record.id]["refused"] == 1


def test_the_refused_response_gives_its_connection_back(store: Store, issuer: SandboxAnthropic) -> None:
    old, record = issuer.books.issue("old")
    store.put_key(old)
    source = KeySource(store.ref)
    source.key()
    store.put_key(issuer.books.issue("new")[0])
    issuer.books.change(record.id, status=KeyStatus.INACTIVE)
    only_one = anthropic.DefaultHttpxClient(limits=httpx2.Limits(max_connections=1), timeout=httpx2.Timeout(2.0))
    with (
        anthropic.Anthropic(
            api_key="x",
            base_url=issuer.url,
            max_retries=0,
            http_client=only_one,
            middleware=[anthropic_middleware(source)],
        ) as client,
        client.models.with_streaming_response.list() as response,  # streamed: the SDK does not read the body itself
    ):
        assert response.status_code == 200
