"""How this tool speaks to Anthropic through the SDK: one key and no other, no redirects, everything bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rotator.adapters.issuer.bounded import bounded
from rotator.adapters.issuer.classify import Meaning, Reply, classify
from rotator.adapters.issuer.reply import broken, identity, json_object, refused
from rotator.model.errors import Refused
from rotator.model.keys import KeyText
from rotator.ports import Clock

if TYPE_CHECKING:
    from ssl import SSLContext

    from anthropic import Anthropic
    from httpx2 import Client, Request

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
"""Per wait for bytes; a one-token message takes one or two."""
WHOLE_SECONDS = 30.0
"""For one request, from connecting to the last byte."""
TRIES = 4
"""Requests for one question, weather permitting."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
LONGEST_IN_ALL = timedelta(minutes=2)
"""No try begins later after the first. A laptop may have slept meanwhile, and somebody else taken the rotation over:
longer than that, whoever asks is not believed to be alive (the steps' `patience`)."""
JITTER_SECONDS = 0.5
"""At most so much longer, at random: many workers must not come back together."""
LONGEST_RETRY_AFTER = timedelta(seconds=20)
"""A server that asks for more patience than this gets this much; the caller asks again later anyway."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A 200 whose body is a JSON object."""

    body: Mapping[str, Any] = field(repr=False)
    reply: Reply


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Not that, after all tries."""

    meaning: Meaning
    reply: Reply


class Connection:
    """`base_url` None: the SDK's own default, which honours ANTHROPIC_BASE_URL."""

    def __init__(self, clock: Clock, base_url: str | None = None, whole_seconds: float = WHOLE_SECONDS) -> None:
        self._clock = clock
        self._base_url = base_url
        self._whole_seconds = whole_seconds

    @cached_property
    def _tls(self) -> SSLContext:
        # What each client would make for itself (`verify=True`): loading the roots takes longer than a request.
        from httpx2 import create_ssl_context

        return create_ssl_context()

    @contextmanager
    def client(self, key: KeyText) -> Iterator[Anthropic]:
        """A client that sends this key, whatever ANTHROPIC_* variables, profiles or a URL's user name say."""
        try:
            client, http = self._open(key)
        except (OSError, ValueError, TypeError, _invalid_url()) as wrong:
            # Its text may hold a proxy's password: only its class is told.
            raise Refused(
                f"The connection to Anthropic cannot be set up ({type(wrong).__name__}).",
                "Look at ANTHROPIC_BASE_URL, HTTPS_PROXY, SSL_CERT_FILE and their like.",
            ) from None
        with http:
            yield client

    def _open(self, key: KeyText) -> tuple[Anthropic, Client]:
        from anthropic import Anthropic
        from httpx2 import Timeout

        from rotator.adapters.issuer.deadline import on_time

        def last_word(request: Request) -> None:
            # After the SDK and httpx have put their headers together: ANTHROPIC_CUSTOM_HEADERS may hold another
            # credential (in any casing), and a user name in the base URL would become Basic authentication.
            request.headers["Authorization"] = f"Bearer {key.reveal()}"
            request.headers.pop("X-Api-Key", None)
            request.headers["Accept-Encoding"] = "identity"  # so that the bound on a body is a bound on memory

        http = on_time(
            self._whole_seconds,
            verify=self._tls,
            follow_redirects=False,  # a redirect could carry the key to another host
            timeout=Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            event_hooks={"request": [last_word], "response": [bounded(self._clock)]},
        )
        # An explicit api_key keeps the SDK from looking for any other credential (SDK 2.12, `_client.py`).
        client = Anthropic(
            api_key=key.reveal(), base_url=self._base_url, http_client=http, max_retries=0, open_telemetry=False
        )
        return client, http

    def ask(
        self, key: KeyText, call: Callable[[], Any], noted: Callable[[Reply], None] | None = None
    ) -> Answered | Unanswered:
        """The outcome of `call` (a `with_raw_response` call that sends `key`), weather retried.

        `noted` sees every single reply.
        """
        from tenacity import (
            RetryCallState,
            Retrying,
            retry_if_result,
            wait_exponential,
            wait_random,
        )

        backoff = wait_exponential(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS) + wait_random(0, JITTER_SECONDS)

        began = self._clock.now()
        before: list[Unanswered] = []

        def late() -> bool:
            return self._clock.now() - began > LONGEST_IN_ALL

        def once() -> Answered | Unanswered:
            if before and late():
                return before[-1]
            outcome = _once(key, call)
            if isinstance(outcome, Unanswered):
                before.append(outcome)
            if noted is not None:
                noted(outcome.reply)
            return outcome

        def pause(state: RetryCallState) -> float:
            outcome = state.outcome.result() if state.outcome else None
            wished = outcome.reply.retry_after if outcome is not None else None
            return backoff(state) if wished is None else min(wished, LONGEST_RETRY_AFTER).total_seconds()

        def last(state: RetryCallState) -> Answered | Unanswered:
            if state.outcome is None:
                raise AssertionError("tenacity stops only after a try")
            outcome: Answered | Unanswered = state.outcome.result()
            return outcome

        outcome: Answered | Unanswered = Retrying(
            stop=lambda state: state.attempt_number >= TRIES or late(),
            wait=pause,
            retry=retry_if_result(lambda outcome: isinstance(outcome, Unanswered) and outcome.meaning.again),
            sleep=lambda seconds: self._clock.sleep(timedelta(seconds=seconds)),
            retry_error_callback=last,
        )(once)
        return outcome


def _invalid_url() -> type[Exception]:
    from httpx2 import InvalidURL

    return InvalidURL


def _once(key: KeyText, call: Callable[[], Any]) -> Answered | Unanswered:
    import anthropic

    try:
        raw = call()
    except anthropic.APIStatusError as error:
        reply = refused(key, error)
    except anthropic.APITimeoutError:
        reply = Reply(failure="no answer in time")
    except anthropic.APIConnectionError as error:
        reply = broken(error)
    else:
        reply = identity(key, raw.headers, 200)
        body = json_object(raw.http_response.content)
        if body is not None:
            return Answered(body, reply)
        reply = Reply(status=200, message="the body is not a JSON object", request_id=reply.request_id)
    return Unanswered(classify(reply), reply)
