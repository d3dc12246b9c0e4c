"""Pings through the SDK: each row of the facts page's "What a response means for a probe", over real sockets."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.issuer.bounded import MAX_BODY
from rotator.adapters.issuer.connection import LONGEST_RETRY_AFTER, TRIES
from rotator.adapters.issuer.ping import by_preference
from rotator.model.keys import KeyText
from rotator.model.measure import Cause, Verdict
from rotator.sandbox.anthropic import SandboxAnthropic
from rotator.sandbox.anthropic_books import Books
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.anthropic_world import AnthropicWorld, StillClock, anthropic_world

PASSED, FAILED, INCONCLUSIVE, ERRORED = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.ERRORED


@pytest.fixture
def world() -> Iterator[AnthropicWorld]:
    with anthropic_world() as world:
        yield world


def _issued(world: AnthropicWorld, *rules: FaultRule) -> KeyText:
    world.server.rules.replace(rules)
    return world.server.books.issue()[0]


@pytest.mark.parametrize(
    ("fault", "verdict", "cause"),
    [
        (Fault(status=401, type="authentication_error", message="invalid x-api-key"), FAILED, Cause.UNAUTHENTICATED),
        (Fault(status=401, body=b"<html>"), FAILED, Cause.UNAUTHENTICATED),
        (Fault(status=403, type="permission_error"), FAILED, Cause.FORBIDDEN),
        (Fault(status=403, type="permission_error", error_code="sandbox_egress_restricted"), FAILED, Cause.FORBIDDEN),
        (Fault(status=400, message="anthropic-workspace-id: does not match"), FAILED, Cause.WORKSPACE),
        (Fault(status=404, message="Workspace wrkspc_9 not found"), FAILED, Cause.WORKSPACE),
        (Fault(status=400, message="Your credit balance is too low"), INCONCLUSIVE, Cause.BLOCKED),
        (Fault(status=400, message="You have reached your specified API usage limits."), INCONCLUSIVE, Cause.BLOCKED),
        (Fault(status=402, type="billing_error"), INCONCLUSIVE, Cause.BLOCKED),
        (Fault(status=429, error_code="enforced_spend_limit_reached"), INCONCLUSIVE, Cause.BLOCKED),
        (Fault(status=429, error_code="contract_spend_limit_reached"), INCONCLUSIVE, Cause.BLOCKED),
        (Fault(status=400, error_code="organization_on_hold"), INCONCLUSIVE, Cause.BLOCKED),
        (Fault(status=418), ERRORED, Cause.WEATHER),
        (Fault(status=404, body=b"nothing here"), ERRORED, Cause.WEATHER),
        (Fault(status=200, body=b"<html>welcome to the hotel</html>"), ERRORED, Cause.WEATHER),
        (Fault(status=200, body=b"[]"), ERRORED, Cause.WEATHER),
        (Fault(status=200, body=b"{}"), ERRORED, Cause.WEATHER),
    ],
)
def test_what_is_no_weather_is_answered_at_once(
    world: AnthropicWorld, fault: Fault, verdict: Verdict, cause: Cause
) -> None:
    key = _issued(world, FaultRule(fault=fault))
    ping = world.issuer.ping(key, inference=False)
    assert (ping.verdict, ping.cause) == (verdict, cause)
    assert len(ping.request_ids) == 1
    assert world.clock.slept == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=408),
        Fault(status=409),
        Fault(status=429, type="rate_limit_error"),
        Fault(status=429, type="rate_limit_error", error_code="ramp_limit_exceeded"),
        Fault(status=500),
        Fault(status=503, body=b"<html>"),
        Fault(status=529, type="overloaded_error"),
        Fault(drop=True),
        Fault(truncate=True),
    ],
)
def test_weather_is_retried_a_bounded_number_of_times_and_then_inconclusive(
    world: AnthropicWorld, fault: Fault
) -> None:
    key = _issued(world, FaultRule(fault=fault))
    ping = world.issuer.ping(key, inference=True)
    assert (ping.verdict, ping.cause) == (INCONCLUSIVE, Cause.WEATHER)
    assert len(world.clock.slept) == TRIES - 1
    _issued(world, FaultRule(fault=fault, times=TRIES - 1))
    assert world.issuer.ping(key, inference=True).verdict is PASSED


@pytest.mark.parametrize(
    ("said", "slept"), [("7", timedelta(seconds=7)), ("3600", LONGEST_RETRY_AFTER), ("0", timedelta(0))]
)
def test_retry_after_is_honoured_up_to_a_cap(world: AnthropicWorld, said: str, slept: timedelta) -> None:
    key = _issued(world, FaultRule(fault=Fault(status=429, headers={"retry-after": said}), times=1))
    assert world.issuer.ping(key, inference=False).verdict is PASSED
    assert world.clock.slept == [slept]


def test_a_retry_after_that_is_no_number_of_seconds_is_ignored(world: AnthropicWorld) -> None:
    fault = Fault(status=429, headers={"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"})
    key = _issued(world, FaultRule(fault=fault, times=1))
    world.issuer.ping(key, inference=False)
    assert world.clock.slept[0] <= timedelta(seconds=10)


def test_a_server_that_does_not_listen_is_weather() -> None:
    clock = StillClock()
    with SandboxAnthropic(now=clock.now) as server:
        url = server.url
    issuer = AnthropicIssuer(admin_key=None, clock=clock, base_url=url)
    ping = issuer.ping(KeyText("some-key"), inference=False)
    assert (ping.verdict, ping.cause) == (INCONCLUSIVE, Cause.WEATHER)
    assert "refused" in ping.why


def test_a_model_that_the_key_may_not_use_is_passed_over_for_the_next(world: AnthropicWorld) -> None:
    gone = Fault(status=404, type="not_found_error", message="model: claude-haiku-5-5")
    key = _issued(world, FaultRule(fault=gone, path="/v1/messages", times=1))
    ping = world.issuer.ping(key, inference=True)
    assert (ping.verdict, ping.model) == (PASSED, "claude-haiku-5")


def test_without_any_model_inference_is_not_proven(world: AnthropicWorld) -> None:
    gone = Fault(status=404, type="not_found_error", message="model: unknown")
    key = _issued(world, FaultRule(fault=gone, path="/v1/messages"))
    ping = world.issuer.ping(key, inference=True)
    assert ping.verdict is INCONCLUSIVE
    assert "accepts the key" in ping.why


def test_a_key_that_may_list_models_but_not_infer_fails_only_with_inference(world: AnthropicWorld) -> None:
    refused = Fault(status=403, type="permission_error")
    key = _issued(world, FaultRule(fault=refused, path="/v1/messages"))
    assert world.issuer.ping(key, inference=False).verdict is PASSED
    assert world.issuer.ping(key, inference=True).cause is Cause.FORBIDDEN


def test_the_cheap_line_comes_first_and_in_it_the_newest() -> None:
    models = [
        {"id": "old", "line": "haiku", "created_at": "2025"},
        {"id": "dear", "line": "opus", "created_at": "2027"},
        {"id": "new", "line": "haiku", "created_at": "2026"},
        {"id": "plain", "line": None},
        "nonsense",
    ]
    assert by_preference(models) == ["new", "old", "dear", "plain"]


def test_a_redirect_does_not_carry_the_key_to_another_host(world: AnthropicWorld) -> None:
    with SandboxAnthropic(now=world.clock.now) as elsewhere:
        to = {"location": f"{elsewhere.url}/v1/models"}
        key = _issued(world, FaultRule(fault=Fault(status=307, headers=to)))
        ping = world.issuer.ping(key, inference=False)
        assert ping.verdict is ERRORED
        assert "ANTHROPIC_BASE_URL" in ping.why
        assert elsewhere.books.traffic() == {}


def test_an_endless_body_is_cut_off(world: AnthropicWorld) -> None:
    key = _issued(world, FaultRule(fault=Fault(status=200, body=b" " * (MAX_BODY + 1))))
    assert world.issuer.ping(key, inference=False).cause is Cause.WEATHER


def test_no_other_credential_of_the_environment_is_ever_sent(
    world: AnthropicWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The other credentials belong to keys that work: were one of them sent, the dead key would seem alive."""
    other, record = world.server.books.issue("other")
    dead, _ = Books(world.clock.now).issue()
    profile = tmp_path / "configs" / "default.json"
    profile.parent.mkdir()
    profile.write_text("{}")
    text = other.reveal()
    monkeypatch.setenv("ANTHROPIC_API_KEY", text)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", text)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "default")
    names = ("Authorization: Bearer", "AUTHORIZATION: Bearer", "authorization: Bearer", "X-Api-Key:", "x-api-key:")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "\n".join(f"{name} {text}" for name in names))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", world.server.url.replace("http://", "http://user:password@"))
    issuer = AnthropicIssuer(admin_key=None, clock=world.clock)
    assert issuer.ping(dead, inference=False).cause is Cause.UNAUTHENTICATED
    assert record.id not in world.server.books.traffic()


@pytest.mark.parametrize("url", ["http://[", "nonsense", "ftp://127.0.0.1/"])
def test_a_base_url_that_is_none_gives_a_verdict_and_no_traceback(url: str) -> None:
    issuer = AnthropicIssuer(admin_key=None, clock=StillClock(), base_url=url)
    assert issuer.ping(KeyText("some-key"), inference=False).verdict in (ERRORED, INCONCLUSIVE)


def test_a_gateway_that_quotes_the_key_does_not_bring_it_into_the_report(world: AnthropicWorld) -> None:
    key, other = (world.server.books.issue()[0] for _ in range(2))
    quoted = f"Invalid token {key.reveal()}\x1b[31m, not {other.reveal()}"
    world.server.rules.replace([FaultRule(fault=Fault(status=401, type="auth_error", message=quoted))])
    ping = world.issuer.ping(key, inference=False)
    assert "Invalid token (the key) [31m, not (a key)" in ping.why


def test_the_key_is_in_no_log_even_at_debug(world: AnthropicWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = _issued(world, FaultRule(fault=Fault(drop=True), times=1))
    world.issuer.ping(key, inference=True)
    assert caplog.records
    assert key.reveal() not in caplog.text


@pytest.mark.parametrize("fault", [Fault(drop=True), Fault(status=500), Fault(status=403)])
def test_the_admin_key_is_in_no_exception_not_even_in_its_causes(world: AnthropicWorld, fault: Fault) -> None:
    secret = KeyText("sk-ant-admin99-" + "s3cr3t" * 15)
    issuer = AnthropicIssuer(admin_key=lambda: secret, clock=world.clock, base_url=world.server.url)
    world.server.rules.replace([FaultRule(fault=fault)])
    with pytest.raises(Exception, match="Anthropic") as caught:
        issuer.record("apikey_01")
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "s3cr3t" not in "".join(traceback.format_exception(chain)) + repr(chain)
        chain = chain.__cause__ or chain.__context__
