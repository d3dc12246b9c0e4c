from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta

import pytest

from rotator.adapters.probe.http import ATTEMPTS, HttpProber
from rotator.model.config import HttpProbe
from rotator.model.measure import Cause, Ping, Verdict
from tests.unit.loopback import Answer, serving

ERROR = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
PASSED = (Verdict.PASSED, Cause.ACCEPTED)
UNAUTHENTICATED = (Verdict.FAILED, Cause.UNAUTHENTICATED)
FORBIDDEN = (Verdict.FAILED, Cause.FORBIDDEN)
WEATHER = (Verdict.INCONCLUSIVE, Cause.WEATHER)


def measured(answer: Callable[[str, int], Answer | None], expect: int = 200) -> tuple[Ping, int]:
    with serving(answer) as server:
        probe = HttpProbe(url=server.url + "/ask?token=private", expect=expect)
        ping = HttpProber(probe, pause=timedelta(milliseconds=1)).measure()
    return ping, len(server.seen)


@pytest.mark.parametrize(
    ("answer", "expect", "outcome", "requests"),
    [
        (Answer(), 200, PASSED, 1),
        (Answer(status=204, body=b""), 204, PASSED, 1),
        (Answer(body=b'{"answer": "an authentication_error means a bad key"}'), 200, PASSED, 1),
        (Answer(body=b'["error"]'), 200, PASSED, 1),
        (Answer.json(ERROR), 200, UNAUTHENTICATED, 1),
        (Answer(status=401), 200, UNAUTHENTICATED, 1),
        (Answer(status=403), 200, UNAUTHENTICATED, 1),
        (Answer.json({"detail": str(ERROR)}, status=502), 200, UNAUTHENTICATED, 1),
        (Answer(status=500, body=b"anthropic.AuthenticationError: authentication_error"), 200, UNAUTHENTICATED, 1),
        (Answer(status=403, body=b'{"error": {"type": "permission_error"}}'), 200, FORBIDDEN, 1),
        (Answer(status=404), 200, FORBIDDEN, 1),
        (Answer(status=302, headers={"Location": "/login"}), 200, FORBIDDEN, 1),
        (Answer(status=200), 204, FORBIDDEN, 1),
        (Answer(status=500), 200, WEATHER, ATTEMPTS),
        (Answer(status=429), 200, WEATHER, ATTEMPTS),
        (None, 200, WEATHER, ATTEMPTS),
    ],
)
def test_an_answer_has_one_meaning(
    answer: Answer | None, expect: int, outcome: tuple[Verdict, Cause], requests: int
) -> None:
    ping, seen = measured(lambda path, number: answer, expect)
    assert (ping.verdict, ping.cause) == outcome
    assert seen == requests


def test_weather_that_passes_is_forgotten() -> None:
    ping, seen = measured(lambda path, number: Answer(status=503 if number < ATTEMPTS else 200))
    assert ping.verdict is Verdict.PASSED
    assert seen == ATTEMPTS


def test_the_reason_names_the_page_without_its_query_or_its_body() -> None:
    ping, _ = measured(lambda path, number: Answer(status=404, body=b"private words"))
    assert "/ask answered 404, expected 200" in ping.why
    assert "private" not in ping.why


def test_no_connection_is_weather() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    ping = HttpProber(HttpProbe(url=url), pause=timedelta(milliseconds=1)).measure()
    assert (ping.verdict, ping.cause) == WEATHER
    assert "no connection" in ping.why


def test_a_page_that_never_comes_is_weather_within_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        ping = HttpProber(HttpProbe(url=url), pause=timedelta(milliseconds=1), timeout_s=0.05).measure()
    assert (ping.verdict, ping.cause) == WEATHER
