"""Live traffic through a consumer: a GET that answers as expected when the consumer could call Anthropic.

| answer | verdict |
|---|---|
| the expected status | passed (unless the body *is* an Anthropic `authentication_error`) |
| 401, 403, or any other with `authentication_error` in its body | failed, unauthenticated: its own call was refused |
| any with `permission_error` in its body | failed, forbidden: authentic, not permitted |
| 408, 425, 429, 5xx, none at all | weather: retried, then inconclusive |
| any other | failed, forbidden: it refused this request, and waiting will not help |
"""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlsplit

from rotator.adapters.page import TIMEOUT_S, NoPage, Page, fetch
from rotator.model.config import HttpProbe
from rotator.model.measure import Cause, Ping, Verdict

ATTEMPTS = 3
LONGEST_PAUSE_S = 5.0
_BUSY = frozenset({408, 425, 429})


class HttpProber:
    """`pause` bounds the first pause between attempts (random, so that many do not come back together); each later
    bound is twice the one before, up to `LONGEST_PAUSE_S`."""

    def __init__(
        self, config: HttpProbe, pause: timedelta = timedelta(seconds=1), timeout_s: float = TIMEOUT_S
    ) -> None:
        self._config = config
        self._pause_s = pause.total_seconds()
        self._timeout_s = timeout_s
        parts = urlsplit(config.url)
        self._shown = f"{parts.scheme}://{parts.netloc}{parts.path}"  # a query may be private

    def measure(self) -> Ping:
        """One request, weather retried within `ATTEMPTS`. Never raises for what the network does."""
        from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

        retrying = Retrying(
            retry=retry_if_result(_is_weather),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=self._pause_s, max=LONGEST_PAUSE_S),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        ping: Ping = retrying(self._once)
        return ping

    def _once(self) -> Ping:
        [page] = fetch([self._config.url], timeout_s=self._timeout_s)
        return self._judge(page)

    def _judge(self, page: Page | NoPage) -> Ping:
        if isinstance(page, NoPage):
            return _ping(Verdict.INCONCLUSIVE, Cause.WEATHER, f"{self._shown}: {page.why}")
        answered = f"{self._shown} answered {page.status}"
        expected = page.status == self._config.expect
        # An expected answer may talk about anything, errors included: there only an error object counts.
        error = _error_type(page.body) if expected else _mentioned(page.body)
        if error == "authentication_error":
            why = f"{answered}, with an authentication_error: its own call to Anthropic was refused"
            return _ping(Verdict.FAILED, Cause.UNAUTHENTICATED, why)
        if error == "permission_error":
            return _ping(Verdict.FAILED, Cause.FORBIDDEN, f"{answered}, with a permission_error")
        if expected:
            return _ping(Verdict.PASSED, Cause.ACCEPTED, answered)
        if page.status in {401, 403}:
            return _ping(Verdict.FAILED, Cause.UNAUTHENTICATED, f"{answered}, expected {self._config.expect}")
        if page.status >= 500 or page.status in _BUSY:
            return _ping(Verdict.INCONCLUSIVE, Cause.WEATHER, answered)
        return _ping(Verdict.FAILED, Cause.FORBIDDEN, f"{answered}, expected {self._config.expect}")


def _ping(verdict: Verdict, cause: Cause, why: str) -> Ping:
    return Ping(verdict=verdict, cause=cause, why=why)


def _is_weather(ping: Ping) -> bool:
    return ping.cause is Cause.WEATHER


def _mentioned(body: bytes) -> str | None:
    """An Anthropic error that a consumer passed on in whatever wrapping, also inside a text."""
    return next((kind for kind in ("authentication_error", "permission_error") if kind.encode() in body), None)


def _error_type(body: bytes) -> str | None:
    """`error.type` of a body that is itself an error object. Facts: Shapes."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = data.get("error") if isinstance(data, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) else None
