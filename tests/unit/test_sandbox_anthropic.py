"""The sandbox Anthropic over real sockets: shapes, rules and faults as the facts page has them."""

from __future__ import annotations

import http.client
import json
import random
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from rotator.model.keys import KeyStatus, KeyText
from rotator.sandbox.anthropic import MAX_BODY, SandboxAnthropic, serve
from rotator.sandbox.anthropic_books import Books
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.anthropic_world import StillClock

MESSAGE = {"model": "claude-haiku-5-5", "max_tokens": 1, "messages": [{"role": "user", "content": "ping"}]}
VERSION = {"anthropic-version": "2026-10-21"}


class Caller:
    """One kept-alive connection."""

    def __init__(self, server: SandboxAnthropic, key: KeyText | None = None, **headers: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        bearer = {"authorization": f"Bearer {key.reveal()}"} if key else {}
        self.headers = {**VERSION, **bearer, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any, dict[str, str]]:
        data = None if body is None else json.dumps(body).encode()
        self.connection.request(method, path, data, self.headers)
        response = self.connection.getresponse()
        content = response.read()
        return response.status, json.loads(content), {name.lower(): value for name, value in response.getheaders()}

    def close(self) -> None:
        self.connection.close()

    __del__ = close


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def server(clock: StillClock) -> Iterator[SandboxAnthropic]:
    with SandboxAnthropic(now=clock.now) as server:
        yield server


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_both_headers_are_accepted_and_the_answer_names_whose_key_it_is(server: SandboxAnthropic, header: str) -> None:
    key, record = server.books.issue()
    value = f"Bearer {key.reveal()}" if header == "authorization" else key.reveal()
    status, body, headers = Caller(server, None, **{header: value})("POST", "/v1/messages", MESSAGE)
    assert status == 200
    assert (body["type"], body["stop_reason"], body["model"]) == ("message", "max_tokens", "claude-haiku-5-5")
    assert headers["anthropic-organization-id"] == server.books.default.id
    assert headers["anthropic-workspace-id"] == record.workspace
    assert headers["request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "x-api-key header is required"),
        ({"x_api_key": "nonsense"}, "invalid x-api-key"),
        ({"authorization": "Bearer nonsense"}, "Invalid bearer token"),
    ],
)
def test_a_key_that_nobody_has_is_a_401(server: SandboxAnthropic, headers: dict[str, str], message: str) -> None:
    status, body, answered = Caller(server, None, **headers)("GET", "/v1/models")
    assert status == 401
    assert body["error"] == {"type": "authentication_error", "message": message}
    assert body["request_id"] == answered["request-id"]
    assert server.books.traffic() == {"unknown": {"accepted": 0, "refused": 1}}


@pytest.mark.parametrize("status", [KeyStatus.INACTIVE, KeyStatus.ARCHIVED])
def test_a_key_that_is_not_active_is_a_401_and_both_are_counted(server: SandboxAnthropic, status: KeyStatus) -> None:
    key, record = server.books.issue()
    call = Caller(server, key)
    assert call("GET", "/v1/models")[0] == 200
    server.books.change(record.id, status=status)
    assert call("GET", "/v1/models")[0] == 401
    assert server.books.traffic() == {record.id: {"accepted": 1, "refused": 1}}


def test_an_expired_key_is_a_401_and_can_only_be_archived(server: SandboxAnthropic, clock: StillClock) -> None:
    key, record = server.books.issue(expires_at=clock.now() + timedelta(hours=1))
    admin = Caller(server, server.books.issue_admin()[0])
    clock.sleep(timedelta(hours=1))
    path = f"/v1/organizations/api_keys/{record.id}"
    assert Caller(server, key)("GET", "/v1/models")[0] == 401
    assert admin("GET", path)[1]["status"] == "expired"
    assert admin("POST", path, {"status": "active"})[0] == 400
    assert admin("POST", path, {"status": "archived"})[1]["status"] == "archived"
    assert admin("POST", path, {"status": "inactive"})[0] == 400


def test_admin_and_api_keys_cannot_do_each_others_work(server: SandboxAnthropic) -> None:
    key, _ = server.books.issue()
    admin, _ = server.books.issue_admin()
    assert Caller(server, admin)("POST", "/v1/messages", MESSAGE)[0] == 401
    assert Caller(server, key)("GET", "/v1/organizations/api_keys")[0] == 401
    assert Caller(server, admin)("GET", "/v1/organizations/me")[1]["name"] == "Acme"


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"model": "claude-nothing"}, 404, "model"),
        ({"model": "claude-haiku-3"}, 404, "model"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"messages": []}, 400, "messages"),
        ({"temperature": 1}, 400, "temperature"),
    ],
)
def test_a_message_that_anthropic_would_refuse_is_refused(
    server: SandboxAnthropic, change: dict[str, object], status: int, named: str
) -> None:
    key, _ = server.books.issue()
    got, body, _ = Caller(server, key)("POST", "/v1/messages", {**MESSAGE, **change})
    assert got == status
    assert named in body["error"]["message"]


def test_models_are_filtered_by_lifecycle_and_tokens_are_counted(server: SandboxAnthropic) -> None:
    call = Caller(server, server.books.issue()[0])
    assert {model["lifecycle"] for model in call("GET", "/v1/models")[1]["data"]} == {"active", "deprecated"}
    active = call("GET", "/v1/models?lifecycle[]=active")[1]
    assert {model["lifecycle"] for model in active["data"]} == {"active"}
    assert call("GET", "/v1/models/claude-haiku-5-5")[1]["line"] == "haiku"
    assert call("GET", "/v1/models/claude-nothing")[0] == 404
    assert call("POST", "/v1/messages/count_tokens", MESSAGE)[1] == {"input_tokens": 8}


def test_the_workspace_header_must_name_the_keys_own(server: SandboxAnthropic) -> None:
    key, _ = server.books.issue()
    other = server.books.add_workspace()
    status, body, _ = Caller(server, key, anthropic_workspace_id=other)("GET", "/v1/models")
    assert (status, "anthropic-workspace-id" in body["error"]["message"]) == (400, True)
    status, body, _ = Caller(server, key, anthropic_workspace_id="wrkspc_none")("GET", "/v1/models")
    assert (status, body["error"]["message"]) == (404, "Workspace wrkspc_none not found")


def test_lists_are_paged_forwards_backwards_and_filtered(server: SandboxAnthropic) -> None:
    workspace = server.books.add_workspace()
    ids = [server.books.issue(f"key {n}", workspace=workspace if n == 2 else None)[1].id for n in range(5)][::-1]
    server.books.change(ids[0], status=KeyStatus.INACTIVE)
    admin = Caller(server, server.books.issue_admin()[0])
    path = "/v1/organizations/api_keys"

    def listed(query: str) -> tuple[list[str], bool]:
        body = admin("GET", f"{path}?{query}")[1]
        return [item["id"] for item in body["data"]], body["has_more"]

    assert listed("limit=2") == (ids[:2], True)
    assert listed(f"limit=2&after_id={ids[1]}") == (ids[2:4], True)
    assert listed(f"limit=2&after_id={ids[3]}") == (ids[4:], False)
    assert listed(f"limit=2&before_id={ids[3]}") == (ids[1:3], True)
    assert listed("status=inactive") == (ids[:1], False)
    assert listed(f"workspace_id={workspace}") == ([ids[2]], False)
    assert [admin("GET", f"{path}?{bad}")[0] for bad in ("limit=0", "limit=1001", "after_id=no")] == [400, 400, 400]


def test_an_organisation_sees_only_its_own_keys(server: SandboxAnthropic) -> None:
    _, record = server.books.issue()
    other = Caller(server, server.books.issue_admin(organization=server.books.add_organization("Other").id)[0])
    assert other("GET", "/v1/organizations/api_keys")[1]["data"] == []
    assert other("GET", f"/v1/organizations/api_keys/{record.id}")[0] == 404


@pytest.mark.parametrize("whose", ["org", "workspace"])
def test_enabling_again_can_meet_the_limit_of_active_keys(server: SandboxAnthropic, whose: str) -> None:
    _, record = server.books.issue()
    server.books.change(record.id, status=KeyStatus.INACTIVE)
    server.books.issue()
    server.books.organization_limit = 1 if whose == "org" else None
    server.books.workspace_limit = 1 if whose == "workspace" else None
    admin = Caller(server, server.books.issue_admin()[0])
    status, body, _ = admin("POST", f"/v1/organizations/api_keys/{record.id}", {"status": "active"})
    assert (status, body["error"]["details"]["error_code"]) == (400, f"{whose}_api_key_limit_exceeded")


def test_new_keys_and_changes_can_be_slow_to_be_known(clock: StillClock) -> None:
    books = Books(clock.now)
    books.slow_new, books.slow_change = timedelta(seconds=30), timedelta(seconds=10)
    key, record = books.issue()

    def honoured() -> bool:
        caller = books.caller(key.reveal())
        return caller is not None and caller.honoured

    assert not honoured()
    clock.sleep(timedelta(seconds=30))
    assert honoured()
    books.change(record.id, status=KeyStatus.INACTIVE)
    assert books.record(record.id).status is KeyStatus.INACTIVE
    assert honoured()
    clock.sleep(timedelta(seconds=10))
    assert not honoured()


def test_a_seeded_source_makes_the_same_keys_again(clock: StillClock) -> None:
    first, second = (Books(clock.now, draw=random.Random(7).choice).issue() for _ in range(2))
    assert first == second
    assert len(first[0].reveal()) == 108


def test_a_fault_can_answer_delay_truncate_or_drop(server: SandboxAnthropic) -> None:
    call = Caller(server, server.books.issue()[0])
    busy = Fault(status=429, type="rate_limit_error", headers={"retry-after": "7"})
    server.rules.replace([FaultRule(fault=busy, times=1)])
    status, body, headers = call("GET", "/v1/models")
    assert (status, body["error"]["type"], headers["retry-after"]) == (429, "rate_limit_error", "7")
    server.rules.replace([FaultRule(fault=Fault(truncate=True), times=1)])
    with pytest.raises(http.client.IncompleteRead):
        call("GET", "/v1/models")
    call.close()
    server.rules.replace([FaultRule(fault=Fault(drop=True), times=1)])
    with pytest.raises(http.client.RemoteDisconnected):
        call("GET", "/v1/models")
    call.close()
    server.rules.replace([FaultRule(fault=Fault(delay=timedelta(milliseconds=1)), times=1)])
    assert call("GET", "/v1/models")[0] == 200


def test_an_answer_can_be_lost_after_the_request_was_carried_out(server: SandboxAnthropic) -> None:
    _, record = server.books.issue()
    admin = Caller(server, server.books.issue_admin()[0])
    server.faults = lambda method, path, key_id: Fault(drop=True, carried_out=True)
    with pytest.raises(http.client.RemoteDisconnected):
        admin("POST", f"/v1/organizations/api_keys/{record.id}", {"status": "inactive"})
    assert server.books.record(record.id).status is KeyStatus.INACTIVE


def test_the_control_api_makes_keys_sets_statuses_and_faults_for_holders_of_its_token(server: SandboxAnthropic) -> None:
    control = Caller(server, x_sandbox_token=server.control_token)
    made = control("POST", "/_sandbox/keys", {"name": "new"})[1]
    call = Caller(server, KeyText(made["key"]))
    assert call("GET", "/v1/models")[0] == 200
    assert control("GET", "/_sandbox/traffic")[1] == {made["id"]: {"accepted": 1, "refused": 0}}
    rule = {"path": "/v1/models", "times": 1, "fault": {"status": 529, "type": "overloaded_error"}}
    assert control("POST", "/_sandbox/faults", {"rules": [rule]})[0] == 200
    assert [call("GET", "/v1/models")[0] for _ in range(2)] == [529, 200]
    assert control("POST", f"/_sandbox/keys/{made['id']}", {"status": "inactive"})[1]["status"] == "inactive"
    assert call("GET", "/v1/models")[0] == 401
    assert control("POST", "/_sandbox/keys/apikey_none", {"status": "inactive"})[0] == 404
    assert control("POST", f"/_sandbox/keys/{made['id']}", {"status": "odd"})[0] == 400
    admin = Caller(server, KeyText(control("POST", "/_sandbox/admin-keys", {})[1]["key"]))
    assert admin("GET", "/v1/organizations/me")[0] == 200
    assert control("POST", "/_sandbox/slowness", {"new_seconds": 30})[0] == 200
    assert Caller(server, KeyText(control("POST", "/_sandbox/keys", {})[1]["key"]))("GET", "/v1/models")[0] == 401
    assert Caller(server, x_sandbox_token="wrong")("POST", "/_sandbox/keys", {})[0] == 401


@pytest.mark.parametrize(("header", "status"), [(f"content-length: {MAX_BODY + 1}", 413), ("content-length: x", 411)])
def test_a_body_that_is_too_long_or_of_unknown_length_is_refused(
    server: SandboxAnthropic, header: str, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port), timeout=10) as connection:
        connection.sendall(f"POST /v1/messages HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n".encode())
        assert connection.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())


def test_serving_blocks_until_it_is_stopped(clock: StillClock) -> None:
    urls: list[str] = []

    def ready(server: SandboxAnthropic) -> None:
        urls.append(server.url)
        server.stop()

    serve(0, ready, now=clock.now)
    assert urls[0].startswith("http://127.0.0.1:")


def test_stopping_cuts_open_connections_and_frees_the_port(clock: StillClock) -> None:
    server = SandboxAnthropic(now=clock.now)
    server.start()
    call = Caller(server, server.books.issue()[0])
    assert call("GET", "/v1/models")[0] == 200
    port = urlsplit(server.url).port
    server.stop()
    server.stop()
    with pytest.raises((http.client.RemoteDisconnected, OSError)):
        call("GET", "/v1/models")
    call.close()
    with SandboxAnthropic(port=port or 0, now=clock.now):
        pass
