"""The sandbox Vault as a server: health, seal and standby, faults, bounds."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hvac import Client
from hvac.exceptions import InternalServerError, InvalidRequest, UnexpectedError, VaultDown

from rotator.sandbox.anthropic_faults import Fault
from rotator.sandbox.vault import SandboxVault, no_faults, serve
from rotator.sandbox.vault_books import Condition
from rotator.sandbox.vault_http import MAX_BODY
from tests.unit.vault_sandbox import Connect, clients, raw

WRITE = "POST secret/data/p"
READ = "GET secret/data/p"


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxVault]:
    with SandboxVault() as vault:
        yield vault


@pytest.fixture
def vault(running: SandboxVault) -> Iterator[SandboxVault]:
    running.books.mount_kv("secret")
    running.calls.clear()
    yield running
    running.faults = no_faults
    running.books.unseal()


@pytest.fixture
def connect(vault: SandboxVault) -> Iterator[Connect]:
    with clients(vault) as connect:
        yield connect


def write(client: Client, cas: int | None = None) -> Any:
    return client.secrets.kv.v2.create_or_update_secret("p", {"k": 1}, cas=cas)


def read(client: Client) -> Any:
    return client.secrets.kv.v2.read_secret_version("p", raise_on_deleted_version=True)


@pytest.mark.parametrize("condition", Condition)
def test_health_answers_with_the_status_of_the_nodes_condition(
    connect: Connect, vault: SandboxVault, condition: Condition
) -> None:
    vault.books.condition = condition
    client = connect("", "nowhere")
    assert client.sys.read_health_status(method="HEAD").status_code == condition.value
    answer = client.sys.read_health_status(method="GET")
    assert (answer if isinstance(answer, dict) else answer.json())["sealed"] is (condition.value in (501, 503))
    assert raw(vault, "GET", "/v1/sys/health?standbycode=299&sealedcode=298")[0] == {429: 299, 503: 298}.get(
        condition.value, condition.value
    )


def test_a_standby_can_be_asked_to_count_as_healthy(vault: SandboxVault) -> None:
    vault.books.stand_by()
    assert raw(vault, "GET", "/v1/sys/health?standbyok=true")[0] == 200


def test_a_sealed_vault_answers_nothing_but_that(connect: Connect, vault: SandboxVault) -> None:
    client = connect()
    vault.books.seal()
    for ask in (read, write, lambda client: client.auth.token.lookup_self()):
        with pytest.raises(VaultDown) as caught:
            ask(client)
        assert caught.value.errors == ["Vault is sealed"]
    assert client.sys.is_sealed() is True
    vault.books.unseal()
    assert write(client)["data"]["version"] == 1


def test_a_standby_without_an_active_node_is_an_error(connect: Connect, vault: SandboxVault) -> None:
    vault.books.stand_by()
    with pytest.raises(InternalServerError, match="active cluster node not found"):
        read(connect())


def test_a_standby_sends_its_clients_to_the_active_node(connect: Connect, vault: SandboxVault) -> None:
    with SandboxVault() as active:
        vault.books.stand_by(active.url)
        client = connect(active.root_token)
        write(client)
        assert read(client)["data"]["data"] == {"k": 1}
        assert active.books.kv().value("p") == {"k": 1}
        assert active.calls == {WRITE: 1, READ: 1}
    assert vault.books.kv().value("p") is None


def test_a_performance_standby_serves(connect: Connect, vault: SandboxVault) -> None:
    vault.books.condition = Condition.PERFORMANCE_STANDBY
    assert write(connect())["data"]["version"] == 1


def test_a_disaster_recovery_secondary_refuses(connect: Connect, vault: SandboxVault) -> None:
    vault.books.condition = Condition.DR_SECONDARY
    with pytest.raises(InvalidRequest, match="DR secondary"):
        read(connect())


def test_what_is_not_yet_replicated_is_a_412_so_many_times(connect: Connect, vault: SandboxVault) -> None:
    client = connect()
    write(client)
    vault.books.behind = 2
    for _ in range(2):
        with pytest.raises(UnexpectedError, match="required index state not present"):
            read(client)
    assert read(client)["data"]["metadata"]["version"] == 1


def test_a_fault_before_leaves_everything_as_it_was(connect: Connect, vault: SandboxVault) -> None:
    vault.faults = lambda operation: Fault(status=503, message="upstream") if operation == WRITE else None
    with pytest.raises(VaultDown, match="upstream"):
        write(connect())
    assert vault.books.kv().value("p") is None
    assert vault.calls[WRITE] == 1


def test_a_reply_can_be_lost_after_the_write_was_carried_out(connect: Connect, vault: SandboxVault) -> None:
    client = connect()
    vault.faults = lambda operation: Fault(drop=True, carried_out=True) if operation == WRITE else None
    with pytest.raises(requests.exceptions.ConnectionError):
        write(client, cas=0)
    vault.faults = no_faults
    with pytest.raises(InvalidRequest, match="did not match"):
        write(client, cas=0)
    assert read(client)["data"]["metadata"]["version"] == 1


def test_an_answer_can_be_late_or_cut_off_or_a_proxys_page(connect: Connect, vault: SandboxVault) -> None:
    client = connect()
    vault.faults = lambda operation: Fault(delay=timedelta(milliseconds=1))
    write(client)
    vault.faults = lambda operation: Fault(truncate=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        read(client)
    vault.faults = lambda operation: Fault(status=502, body=b"<html>", headers={"Retry-After": "1"})
    page = client.adapter.get("/v1/secret/data/p", raise_exception=False)
    assert (page.status_code, page.text, page.headers["Retry-After"]) == (502, "<html>", "1")


def test_a_hook_may_write_in_between(connect: Connect, vault: SandboxVault) -> None:
    client = connect()

    def somebody_else(operation: str) -> Fault | None:
        if operation == WRITE:
            vault.books.kv().put("p", {"k": "theirs"})
        return None

    vault.faults = somebody_else
    with pytest.raises(InvalidRequest, match="did not match"):
        write(client, cas=0)


def test_of_many_writers_with_one_expectation_one_wins(connect: Connect, vault: SandboxVault) -> None:
    def attempt(_: int) -> bool:
        return raw(vault, "POST", "/v1/secret/data/p", {"options": {"cas": 0}, "data": {}})[0] == 200

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert vault.calls[WRITE] == 16


def test_the_request_header_and_a_bearer_token_are_accepted(vault: SandboxVault) -> None:
    vault.books.kv().put("p", {"k": 1})
    headers = {"x_vault_token": "", "authorization": f"Bearer {vault.root_token}", "x_vault_request": "true"}
    status, body, answered = raw(vault, "GET", "/v1/secret/data/p", **headers)
    assert (status, body["data"]["data"], answered["cache-control"]) == (200, {"k": 1}, "no-store")


@pytest.mark.parametrize("content", [b"{", b"[]"])
def test_a_body_that_is_no_json_object_is_a_400(vault: SandboxVault, content: bytes) -> None:
    connection = http.client.HTTPConnection(urlsplit(vault.url).netloc, timeout=10)
    connection.request("POST", "/v1/secret/data/p", content, {"X-Vault-Token": vault.root_token})
    response = connection.getresponse()
    assert response.status == 400
    assert "failed to parse JSON input" in json.loads(response.read())["errors"][0]
    connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Length": str(MAX_BODY + 1)}, 413), ({"Transfer-Encoding": "chunked"}, 411)],
)
def test_a_body_is_bounded(vault: SandboxVault, headers: dict[str, str], status: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(vault.url).netloc, timeout=10)
    connection.putrequest("POST", "/v1/secret/data/p")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.getheader("Connection")) == (status, "close")
    response.read()
    connection.close()


def test_what_is_not_under_v1_is_a_404(vault: SandboxVault) -> None:
    assert raw(vault, "GET", "/ui/vault")[0] == 404


def test_after_stop_nobody_is_answered_and_it_can_start_again() -> None:
    vault = SandboxVault()
    with vault, clients(vault) as connect:
        client = connect()
        write(client)
        vault.stop()
        vault.stop()
        with pytest.raises(requests.exceptions.ConnectionError):
            read(client)
        with pytest.raises(RuntimeError, match="not started"):
            vault.url  # noqa: B018  the property itself raises
        vault.start()
        assert raw(vault, "GET", "/v1/secret/data/p")[0] == 200


def test_serve_announces_itself_and_blocks_until_stopped() -> None:
    announced, held = Event(), list[SandboxVault]()

    def ready(vault: SandboxVault) -> None:
        held.append(vault)
        announced.set()

    thread = Thread(target=serve, args=(0, ready))
    thread.start()
    assert announced.wait(10)
    assert urlsplit(held[0].url).hostname == "127.0.0.1"
    assert raw(held[0], "GET", "/v1/sys/health")[0] == 200
    held[0].stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_taken_port_is_an_oserror(vault: SandboxVault) -> None:
    taken = urlsplit(vault.url).port
    assert taken is not None
    with pytest.raises(OSError, match=r"in use"):
        SandboxVault(port=taken).start()
