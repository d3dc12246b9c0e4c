"""What consumers answer, over HTTP and through a command: an unknown instance, a verdict or a clear refusal."""

# ruff: noqa: PT017 - whether it raises is the fuzzer's draw; what is told when it does is what is tested

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.adapters.deploy.command import CommandDeployer
from rotator.adapters.page import LARGEST, LARGEST_ALL
from rotator.adapters.probe.http import HttpProber
from rotator.adapters.watch.command import CommandWatcher
from rotator.adapters.watch.http import HttpWatcher
from rotator.adapters.watch.observation import Exposed, Malformed, parse_observation
from rotator.model.config import CommandDeploy, CommandWatch, HttpProbe, HttpWatch
from rotator.model.errors import OutsideError, Refused
from rotator.model.measure import Cause, Instance, Ping, Verdict
from tests.aws_world import make_key
from tests.fuzz.depth import examples
from tests.fuzz.hostile import Hostile, hostile
from tests.fuzz.replies import Reply, anything, bent, leaves, replies

KEY = make_key()
PATHS = (
    "key.fingerprint",
    "@",
    "*",
    "keys(@)[0]",
    "contains(@, `1`)",
    "contains(key, key.fingerprint)",
    "ceil(@)",
    "sum(@)",
    "sort(@)[0]",
    "sort_by(@, &id)[0].id",
    "to_string(@)",
    "to_number(key)",
    "join('', @)",
    "max_by(@, &a).b",
    "[?a > b].c | [0]",
    "reverse(@)",
    "merge(@, key)",
    "map(&x, @)[0]",
    "length(key)",
    "abs(key)",
    "floor(@)",
    "avg(@)",
    "starts_with(@, key)",
    "not_null(key, @)",
)
PAGE = {"key": {"fingerprint": "0123456789ab", "id": [1, 2.5, "x"]}}
OBSERVATION = {
    "instances": [
        {"id": "a", "fingerprint": None, "since": "2026-11-23T10:00:00Z", "terminating": False},
        {"id": "b", "fingerprint": "0123456789ab"},
    ]
}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Hostile, Hostile]]:
    with hostile() as server, hostile(host="127.0.0.2") as trap:
        yield server, trap


def sound(instances: Sequence[Instance]) -> None:
    for one in instances:
        assert isinstance(one.id, str)
        assert one.fingerprint is None or (isinstance(one.fingerprint, str) and len(one.fingerprint) <= 200)
        assert KEY.reveal() not in repr(one)


@given(replies(PAGE, {"a": 1e308}, ["1", 2]), st.sampled_from(PATHS), st.sampled_from((200, 204, 401, 500)))
@examples(80)
def test_a_page_makes_an_instance_known_or_unknown_and_a_probe_a_verdict(
    servers: tuple[Hostile, Hostile], reply: Reply, path: str, expect: int
) -> None:
    server, trap = servers
    server.restart(lambda head, number: reply.pieces(b"sk-ant-nothing", trap.url))
    watcher = HttpWatcher(HttpWatch(urls=(server.url + "/a",), fingerprint=path), timeout_s=5)
    try:
        sound(watcher.observe())
    except Refused as refused:
        assert "whole text of the key" in refused.message
    prober = HttpProber(HttpProbe(url=server.url, expect=expect), pause=timedelta(0), timeout_s=5)
    assert isinstance(prober.measure(), Ping)
    assert trap.heads == []


@given(st.one_of(anything, st.recursive(leaves, lambda inner: st.lists(inner, max_size=5))), st.sampled_from(PATHS))
@examples(200)
def test_no_json_makes_a_jmespath_raise(value: object, path: str) -> None:
    from rotator.adapters.page import Page

    watcher = HttpWatcher(HttpWatch(urls=("http://127.0.0.1:1",), fingerprint=path))
    try:
        said = watcher._read("http://127.0.0.1:1", Page(status=200, body=json.dumps(value).encode(), whole=True))
    except Refused:
        return
    assert said is None or isinstance(said, str)


@given(
    st.one_of(
        bent(OBSERVATION).map(json.dumps),
        anything.map(json.dumps),
        st.text(),
        st.sampled_from(("[" * 100_000, '{"instances":' * 5000, '{"instances": [' + "1," * 9999 + "1]}", "9" * 5000)),
    )
)
@examples(200)
def test_what_a_command_prints_is_an_observation_or_is_said_not_to_be(text: str) -> None:
    try:
        sound(parse_observation(text.replace("@@the key that was sent@@", KEY.reveal())))
    except (Malformed, Exposed) as wrong:
        assert KEY.reveal() not in str(wrong)
        assert len(str(wrong)) < 500


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\0' * 1000)",
        "import sys; [sys.stdout.write('x' * 100000) for _ in range(1000)]",
        "import sys; [sys.stderr.write('x' * 100000) for _ in range(1000)]; sys.exit(3)",
        "print('{\"instances\":[' + '{},' * 600000 + '{}]}')",
        "print('[' * 1000000)",
        "print('\\0' * 100); raise SystemExit(255)",
        "import os; os.kill(os.getpid(), 9)",
        "import time\nwhile True: print('{', flush=True); time.sleep(0.01)",
        "import os; os.fork() or __import__('time').sleep(2)",
        "print('sk-ant-' + 'k' * 100); raise SystemExit(1)",
    ],
)
def test_a_commands_output_is_refused_plainly_and_never_takes_much_memory(program: str, tmp_path: Path) -> None:
    watch = CommandWatch(observe=(sys.executable, "-I", "-S", "-c", program))
    watcher = CommandWatcher(watch, "edge", str(tmp_path), timeout=timedelta(seconds=3))
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(OutsideError) as raised:
            watcher.observe()
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 20
    assert len(raised.value.message) < 5000
    assert "k" * 20 not in raised.value.message


def test_a_deploy_that_prints_without_end_is_stopped_and_its_end_is_shown(tmp_path: Path) -> None:
    program = f"while True: print('{KEY.reveal()} \\x1b[2J' * 1000)"
    deployer = CommandDeployer(
        CommandDeploy(command=(sys.executable, "-I", "-S", "-c", program)), "edge", str(tmp_path)
    )
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(Refused, match="was stopped") as raised:
            deployer.deploy("token", timedelta(seconds=0.5))
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 10
    assert len(raised.value.message) < 5000
    assert KEY.reveal() not in raised.value.message
    assert "\x1b" not in raised.value.message


def drip(start: bytes, piece: bytes) -> Iterable[bytes]:
    yield start
    for _ in range(500):
        time.sleep(0.01)
        yield piece


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
    ],
)
def test_a_page_that_drips_is_given_up_in_time(servers: tuple[Hostile, Hostile], start: bytes, piece: bytes) -> None:
    server, _ = servers
    server.restart(lambda head, number: drip(start, piece))
    watcher = HttpWatcher(HttpWatch(urls=(server.url,), fingerprint="a"), timeout_s=0.1)
    assert [one.fingerprint for one in watcher.observe()] == [None]
    prober = HttpProber(HttpProbe(url=server.url), pause=timedelta(0), timeout_s=0.1)
    assert (prober.measure().verdict, prober.measure().cause) == (Verdict.INCONCLUSIVE, Cause.WEATHER)


def test_a_whole_fleet_of_huge_pages_takes_less_than_a_hundred_megabytes(servers: tuple[Hostile, Hostile]) -> None:
    server, _ = servers
    body = b" " * (LARGEST - 1)
    page = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    server.restart(lambda head, number: [page])
    urls = tuple(f"{server.url}/{number}" for number in range(150))
    watcher = HttpWatcher(HttpWatch(urls=urls, fingerprint="a"))
    tracemalloc.start()
    try:
        assert {one.fingerprint for one in watcher.observe()} == {None}
        assert tracemalloc.get_traced_memory()[1] < LARGEST_ALL + (40 << 20) < 100 << 20
    finally:
        tracemalloc.stop()
