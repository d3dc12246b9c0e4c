"""The worst that can answer in Anthropic's place, one kind at a time: no hang, no memory, no key to another host."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

import pytest

from rotator.adapters.issuer.admin import MAX_PAGES, PAGE, AdminApi
from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.issuer.connection import TRIES, Connection
from rotator.adapters.issuer.ping import ping
from rotator.model.errors import OutsideError, Refused
from rotator.model.keys import KeyStatus
from rotator.model.measure import Cause, Verdict
from tests.anthropic_world import StillClock
from tests.aws_world import make_key
from tests.fuzz.hostile import Hostile, hostile

KEY, ADMIN = make_key(), make_key()
MEMORY = 100 << 20
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile() as server:
        yield server


def issuer_on(server: Hostile) -> AnthropicIssuer:
    return AnthropicIssuer(admin_key=lambda: ADMIN, clock=StillClock(), base_url=server.url)


def drip(start: bytes, piece: bytes) -> Iterator[bytes]:
    yield start
    for _ in range(2000):
        time.sleep(0.02)
        yield piece


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (OK + b"X-Long: ", b"a"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (OK + b"Content-Length: 100000\r\n\r\n{", b" "),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=["head", "early hints", "body", "chunks", "trailers"],
)
def test_an_answer_that_drips_is_given_up_in_time(server: Hostile, start: bytes, piece: bytes) -> None:
    server.restart(lambda head, number: drip(start, piece))
    connection = Connection(StillClock(), server.url, whole_seconds=0.1)
    began = time.monotonic()
    said = ping(connection, KEY, inference=False)
    assert time.monotonic() - began < TRIES * 3
    assert (said.verdict, said.cause) == (Verdict.INCONCLUSIVE, Cause.WEATHER)
    assert "no answer in time" in said.why
    with pytest.raises(OutsideError, match="no answer in time"):
        AdminApi(connection, lambda: ADMIN).record("apikey_01")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_never_takes_a_key_along(server: Hostile, status: int) -> None:
    with hostile(host="127.0.0.2") as trap:
        away = f"HTTP/1.1 {status} Over there\r\nLocation: {trap.url}/v1/models\r\nContent-Length: 0\r\n\r\n".encode()
        server.restart(lambda head, number: [away])
        issuer = issuer_on(server)
        assert issuer.ping(KEY, inference=True).verdict is Verdict.ERRORED
        with pytest.raises(Refused):
            issuer.find(KEY.fingerprint)
        with pytest.raises(Refused):
            issuer.set_status("apikey_01", KeyStatus.INACTIVE)
        assert trap.heads == []
        assert len(server.heads) == 3


def test_pages_without_end_are_read_up_to_the_bound(server: Hostile) -> None:
    record = {"id": "apikey_1", "name": "n", "status": "active", "partial_key_hint": "sk-ant-api99-xxx...xxxx"}
    body = json.dumps({"data": [record] * PAGE, "has_more": True, "last_id": "apikey_1"}).encode()
    server.restart(lambda head, number: [answer(body)])
    assert "more than" in refusal_of(lambda: issuer_on(server).find(KEY.fingerprint))
    assert len(server.heads) == MAX_PAGES


@pytest.mark.parametrize("cursor", [{"a": 1}, 5, "\ud800", "../x", "a&api_key=b", KEY.reveal()])
def test_a_cursor_that_is_none_is_not_followed(server: Hostile, cursor: object) -> None:
    body = json.dumps({"data": [], "has_more": True, "last_id": cursor}).encode()
    server.restart(lambda head, number: [answer(body)])
    refusal_of(lambda: issuer_on(server).find(KEY.fingerprint))
    assert len(server.heads) == 1


@pytest.mark.parametrize("id", ["", "..", "../../me", "apikey 1", "a/b", "\ud800", "x" * 500])
def test_an_id_that_is_none_is_never_part_of_a_request(server: Hostile, id: str) -> None:
    server.restart(lambda head, number: [answer(b"{}")])
    for call in (
        lambda: issuer_on(server).record(id),
        lambda: issuer_on(server).find(KEY.fingerprint, key_id=id),
        lambda: issuer_on(server).set_status(id, KeyStatus.INACTIVE),
    ):
        assert "not an id" in refusal_of(call)
    assert server.heads == []


def bomb() -> bytes:
    return gzip.compress(b" " * (300 << 20), 1)


def stream(total: int) -> Iterable[bytes]:
    yield OK + b"Content-Length: %d\r\n\r\n" % total
    yield from repeat(b" " * (1 << 20), total >> 20)


@pytest.mark.parametrize("status", [200, 401, 500])
def test_an_answer_that_unfolds_is_not_unfolded(server: Hostile, status: int) -> None:
    packed = bomb()
    head = b"HTTP/1.1 %d X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (status, len(packed))
    server.restart(lambda _, number: [head, packed])
    peak = peak_of(lambda: issuer_on(server).ping(KEY, inference=False))
    assert peak < MEMORY


@pytest.mark.parametrize(
    "script",
    [
        lambda: stream(200 << 20),
        lambda: [answer(b'{"data":[' + b"{}," * 690_000 + b"{}]}")],
        lambda: [answer(b'{"data":' + b"[" * 1_000_000)],
        lambda: [answer(b'{"data":[' + b'{"a":1},' * 240_000 + b"{}]}")],
        lambda: [answer(b'{"error":' + json.dumps({"message": "\U0001f511" * 170_000}).encode() + b"}", 500)],
    ],
    ids=["200 MB", "many objects", "deep", "many small objects", "wide text"],
)
def test_no_answer_takes_a_hundred_megabytes(server: Hostile, script: Callable[[], Iterable[bytes]]) -> None:
    server.restart(lambda head, number: script())
    issuer_on(server).ping(KEY, inference=False)  # the SDK's own import is none of the answer's
    assert peak_of(lambda: issuer_on(server).ping(KEY, inference=True)) < MEMORY
    assert peak_of(lambda: refusal_of(lambda: issuer_on(server).find(KEY.fingerprint))) < MEMORY


def answer(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body


def refusal_of(call: Callable[[], object]) -> str:
    with pytest.raises(OutsideError) as raised:
        call()
    return raised.value.message


def peak_of(call: Callable[[], object]) -> int:
    """Bytes that Python had at most while it ran."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
