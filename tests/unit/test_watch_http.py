from __future__ import annotations

import contextlib
import gzip
import json
import secrets
import signal
import socket
import threading

import pytest

from rotator.adapters.page import LARGEST
from rotator.adapters.watch.http import HttpWatcher
from rotator.model.config import HttpWatch
from rotator.model.errors import Refused
from rotator.model.measure import Instance
from tests.unit.loopback import Answer, serving

DIGEST = "0123456789ab"


def fingerprints(answers: dict[str, Answer | None], expression: str = "key.fingerprint") -> dict[str, str | None]:
    with serving(lambda path, number: answers[path]) as server:
        watch = HttpWatch(urls=tuple(server.url + path for path in answers), fingerprint=expression)
        instances = HttpWatcher(watch).observe()
    return {instance.id.removeprefix(server.url): instance.fingerprint for instance in instances}


def test_every_url_is_an_instance_in_the_order_of_the_configuration() -> None:
    paths = [f"/{number}" for number in range(40)]  # more than go at once
    with serving(lambda path, number: Answer.json({"key": {"fingerprint": path}})) as server:
        watch = HttpWatch(urls=tuple(server.url + path for path in paths), fingerprint="key.fingerprint")
        instances = HttpWatcher(watch).observe()
    assert instances == [Instance(id=server.url + path, fingerprint=path) for path in paths]


@pytest.mark.parametrize(
    "answer",
    [
        Answer.json({"key": {"fingerprint": DIGEST}}, status=500),
        Answer.json({"key": {"fingerprint": DIGEST}}, status=404),
        Answer(status=302, headers={"Location": "/good"}),
        Answer(body=b"<html>"),
        Answer(body=b""),
        Answer(body=b"[" * 100_000),
        Answer(body=b"\xff\xfe\x00"),
        Answer(body=b'{"key": {"fingerprint": "' + b"a" * LARGEST + b'"}}'),
        Answer(body=gzip.compress(b'{"key": {"fingerprint": "x"}}'), headers={"Content-Encoding": "gzip"}),
        Answer.json({}),
        Answer.json({"key": None}),
        Answer.json({"key": {"fingerprint": 12}}),
        Answer.json({"key": {"fingerprint": None}}),
        Answer.json({"key": {"fingerprint": [DIGEST]}}),
        Answer.json({"key": {"fingerprint": "  "}}),
        Answer.json({"key": {"fingerprint": "x\u001b[2J"}}),
        Answer.json({"key": {"fingerprint": "x" * 500}}),
        None,
    ],
)
def test_an_instance_that_does_not_say_is_unknown_and_the_others_are_seen(answer: Answer | None) -> None:
    good = Answer.json({"key": {"fingerprint": f" {DIGEST}\n"}})
    assert fingerprints({"/bad": answer, "/good": good}) == {"/bad": None, "/good": DIGEST}


def test_a_jmespath_that_does_not_fit_the_answer_is_unknown() -> None:
    assert fingerprints({"/": Answer.json({"key": 1})}, "length(key)") == {"/": None}


def test_an_instance_that_refuses_the_connection_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    assert HttpWatcher(HttpWatch(urls=(url,), fingerprint="a")).observe() == [Instance(id=url, fingerprint=None)]


def test_an_instance_that_never_answers_is_unknown_within_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        watcher = HttpWatcher(HttpWatch(urls=(url,), fingerprint="a"), timeout_s=0.1)
        assert watcher.observe() == [Instance(id=url, fingerprint=None)]


def test_an_instance_that_drips_its_answer_is_unknown_within_the_time_out() -> None:
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        for _ in range(2):  # the second one is the retry
            connection, _address = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not over.wait(0.01):
                    connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        watcher = HttpWatcher(HttpWatch(urls=(url,), fingerprint="a"), timeout_s=0.15)
        assert watcher.observe() == [Instance(id=url, fingerprint=None)]
        over.set()
        thread.join()


def test_weather_is_tried_once_more() -> None:
    with serving(lambda path, number: Answer.json({"f": DIGEST}, status=503 if number == 1 else 200)) as server:
        watcher = HttpWatcher(HttpWatch(urls=(server.url + "/",), fingerprint="f"))
        assert [instance.fingerprint for instance in watcher.observe()] == [DIGEST]
    assert len(server.seen) == 2


def test_an_answer_that_is_no_weather_is_not_asked_for_again() -> None:
    with serving(lambda path, number: Answer(status=404)) as server:
        HttpWatcher(HttpWatch(urls=(server.url + "/",), fingerprint="f")).observe()
    assert len(server.seen) == 1


def test_headers_of_the_configuration_are_sent() -> None:
    with serving(lambda path, number: Answer.json({"f": DIGEST})) as server:
        headers = {"X-Health-Token": "a"}
        HttpWatcher(HttpWatch(urls=(server.url + "/",), fingerprint="f", headers=headers)).observe()
    assert server.seen[0][1]["x-health-token"] == "a"


def test_a_proxy_is_not_asked_in_the_instances_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert fingerprints({"/": Answer.json({"key": {"fingerprint": DIGEST}})}) == {"/": DIGEST}


def test_a_page_that_shows_the_keys_text_is_refused_without_repeating_it() -> None:
    key = "sk-ant-api99-" + secrets.token_urlsafe(70)[:93] + "AA"
    with serving(lambda path, number: Answer(body=json.dumps({"f": key}).encode())) as server:
        watcher = HttpWatcher(HttpWatch(urls=(server.url + "/health?a=b",), fingerprint="f"))
        with pytest.raises(Refused, match="shows the whole text of the key") as raised:
            watcher.observe()
    assert f"{server.url}/health " in raised.value.message
    assert key[13:25] not in raised.value.message + raised.value.hint


@pytest.mark.parametrize("form", ["{head}...{tail}", "{head}{tail}", "{head}" + "*" * 88 + "{tail}"])
def test_head_and_tail_of_a_key_are_a_fingerprint(form: str) -> None:
    said = form.format(head="sk-ant-api99-abc", tail="xyAA")
    assert fingerprints({"/": Answer.json({"key": {"fingerprint": said}})}) == {"/": said}


class Struck(BaseException):
    """What the command line's signal handlers raise is no `Exception` either."""


def test_a_signal_that_strikes_while_instances_are_asked_is_never_lost_nor_turned_into_something_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    main = threading.main_thread().ident or 0

    def strike(number: int, frame: object) -> None:
        raise Struck

    def answer(path: str, number: int) -> Answer:
        if path == "/0":
            signal.pthread_kill(main, signal.SIGUSR1)
        return Answer.json({"key": {"fingerprint": DIGEST}})

    before = signal.signal(signal.SIGUSR1, strike)
    try:
        with serving(answer) as server:
            urls = tuple(f"{server.url}/{number}" for number in range(8))
            watcher = HttpWatcher(HttpWatch(urls=urls, fingerprint="key.fingerprint"))
            for _ in range(30):
                with pytest.raises(Struck):
                    watcher.observe()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not caplog.records, "asyncio complains where an exception struck its own parts"
