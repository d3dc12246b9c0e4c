"""`sandbox/fault_proxy.py`: each fault, seen from the client's side, and what the server saw of it."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from rotator.model.errors import UsageError
from rotator.sandbox.fault_proxy import FAIR, Exchange, Fault, FaultProxy, Weather
from rotator.sandbox.serving import JsonHandler, LoopbackServer, connect


class Echo(JsonHandler):
    seen: list[bytes]

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        body = self.read_body()
        type(self).seen.append(body)
        self.answer(200, {"heard": body.decode(), "padding": "x" * 500})


@contextmanager
def proxied(seed: int = 1) -> Iterator[tuple[FaultProxy, list[bytes], list[Exchange]]]:
    class Handler(Echo):
        seen: list[bytes] = []  # noqa: RUF012 - one list for one server

    exchanges: list[Exchange] = []
    with LoopbackServer(0, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            with FaultProxy(server.url, seed=seed, seen=exchanges.append) as proxy:
                yield proxy, Handler.seen, exchanges
        finally:
            server.shutdown()
            thread.join()


def say(connection: http.client.HTTPConnection, body: str = "hello") -> tuple[int, bytes]:
    connection.request("POST", "/", body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def ask(proxy: FaultProxy) -> int:
    """The status of one request over a connection of its own."""
    with closing(connect(proxy.url, 5)) as connection:
        return say(connection)[0]


def always(fault: Fault) -> Weather:
    return Weather(chances={fault: 1.0}, delay=0.2, hold=0.2)


def test_in_fair_weather_everything_passes_on_one_kept_connection() -> None:
    with proxied() as (proxy, seen, exchanges):
        connection = connect(proxy.url, 5)
        assert [say(connection, str(n))[0] for n in range(3)] == [200] * 3
        connection.close()
    assert seen == [b"0", b"1", b"2"]
    assert [(e.fault, e.reply.split(b" ")[1], e.request[-1:]) for e in exchanges] == [
        (None, b"200", str(n).encode()) for n in range(3)
    ]


def test_a_reset_request_never_reaches_the_server() -> None:
    with proxied() as (proxy, seen, exchanges):
        proxy.weather = always(Fault.RESET)
        with pytest.raises(ConnectionResetError):
            ask(proxy)
    assert seen == []
    assert exchanges == []


def test_a_lost_reply_leaves_the_request_carried_out() -> None:
    with proxied() as (proxy, seen, exchanges):
        proxy.weather = always(Fault.LOST)
        with pytest.raises(ConnectionResetError):
            ask(proxy)
    assert seen == [b"hello"]
    assert exchanges[0].fault is Fault.LOST
    assert exchanges[0].reply.startswith(b"HTTP/1.1 200")


def test_a_truncated_reply_ends_in_the_middle() -> None:
    with proxied() as (proxy, seen, _):
        proxy.weather = always(Fault.TRUNCATED)
        with pytest.raises(http.client.HTTPException):
            ask(proxy)
    assert seen == [b"hello"]


def test_a_half_open_connection_is_accepted_and_never_answered_and_ends() -> None:
    with proxied() as (proxy, seen, _):
        proxy.weather = always(Fault.HALF_OPEN)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            ask(proxy)
    assert seen == []


def test_a_delayed_request_arrives_late_and_whole() -> None:
    with proxied() as (proxy, _, _):
        proxy.weather = always(Fault.DELAY)
        began = time.monotonic()
        assert ask(proxy) == 200
        assert time.monotonic() - began >= 0.2


def test_the_weather_changes_under_an_open_connection() -> None:
    with proxied() as (proxy, _, _):
        connection = connect(proxy.url, 5)
        assert say(connection)[0] == 200
        proxy.weather = always(Fault.LOST)
        with pytest.raises(ConnectionResetError):
            say(connection)
        connection.close()
        proxy.weather = FAIR
        assert say(connection)[0] == 200
        connection.close()
        assert proxy.met == {Fault.LOST: 1}


def test_refused_connections_are_accepted_again_at_the_same_address() -> None:
    with proxied() as (proxy, _, _):
        for _ in range(3):
            proxy.refuse(True)
            with pytest.raises(ConnectionRefusedError):
                ask(proxy)
            proxy.refuse(False)
            assert ask(proxy) == 200


def test_the_same_seed_draws_the_same_faults() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        proxy = FaultProxy("http://127.0.0.1:9", seed=seed)
        proxy.weather = Weather(chances=dict.fromkeys(Fault, 0.15))
        return [proxy.draw() for _ in range(50)]

    assert drawn(7) == drawn(7)
    assert set(drawn(7)) == {None, *Fault}
    assert drawn(7) != drawn(8)


def test_what_an_exchange_holds_is_not_in_its_repr() -> None:
    assert "secret" not in repr(Exchange(b"secret", b"secret", None))


def test_an_address_off_loopback_is_refused() -> None:
    with pytest.raises(UsageError):
        FaultProxy("http://192.0.2.1:80", seed=1)
