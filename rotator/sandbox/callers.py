"""How a consumer calls Anthropic: the way most programs do (key read at boot), and the way that needs no restart."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Protocol

from rotator.client import Held, KeySource, anthropic_middleware
from rotator.client.secret import open_reader
from rotator.model.canonical import Json
from rotator.model.keys import Fingerprint
from rotator.sandbox.serving import connect

MODEL = "claude-haiku-5-5"
_TIMEOUT = 10.0  # seconds
_BODY = 64 * 1024  # bytes
_OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What Anthropic said. `fingerprint`: 12 hex digits of the key that the request carried."""

    status: int
    body: Json
    fingerprint: str


class Caller(Protocol):
    def ask(self) -> Answer:
        """One real message of one token. Raises `OSError` where Anthropic did not answer."""
        ...

    def held(self) -> Held: ...


class BootCaller:
    """Reads the key once. Only a restart changes it."""

    def __init__(self, secret: str, anthropic_url: str) -> None:
        self._held = Held(open_reader(secret).read(), datetime.now(UTC))
        self._url = anthropic_url
        self._pool = threading.local()

    def held(self) -> Held:
        return self._held

    def ask(self) -> Answer:
        try:
            status, content = self._post()
        except (OSError, HTTPException):
            # The server may have closed an idle connection just as it was taken up again: one fresh try, as pools do.
            self._pool.connection = None
            try:
                status, content = self._post()
            except HTTPException as error:
                raise OSError(f"Anthropic did not answer ({type(error).__name__})") from None
        return Answer(status, content, self._held.key.fingerprint.digest)

    def _post(self) -> tuple[int, Json]:
        connection: HTTPConnection | None = getattr(self._pool, "connection", None)
        if connection is None:
            connection = self._pool.connection = connect(self._url, _TIMEOUT)
        headers = {
            "Authorization": f"Bearer {self._held.key.reveal()}",
            "anthropic-version": "2023-06-01",
            "Content-Type": "application/json",
        }
        connection.request("POST", "/v1/messages", json.dumps(_message()), headers)
        response = connection.getresponse()
        return response.status, _parsed(response.read(_BODY))


class HotCaller:
    """The official SDK with `rotator.client`: follows the secret by itself."""

    def __init__(self, secret: str, anthropic_url: str, refresh: float) -> None:
        from anthropic import Anthropic

        self._source = KeySource(secret, refresh=refresh)
        self._source.key()  # fail at start, not at the first request
        self._client = Anthropic(
            api_key="held by rotator.client",
            base_url=anthropic_url,
            timeout=_TIMEOUT,
            middleware=[anthropic_middleware(self._source)],
        )

    def held(self) -> Held:
        return self._source.held()

    def ask(self) -> Answer:
        from anthropic import APIConnectionError, APIStatusError

        try:
            raw = self._client.messages.with_raw_response.create(
                model=MODEL, max_tokens=1, messages=[{"role": "user", "content": "ping"}]
            )
        except APIStatusError as error:
            sent = error.response.request.headers["Authorization"]
            return Answer(error.status_code, _parsed(error.response.content), _carried(sent))
        except APIConnectionError:
            raise OSError("Anthropic did not answer") from None
        return Answer(_OK, raw.parse().model_dump(mode="json"), _carried(raw.http_request.headers["Authorization"]))


def _parsed(content: bytes) -> Json:
    try:
        body: Json = json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
    return body


def _carried(authorization: str) -> str:
    return Fingerprint.of(authorization.removeprefix("Bearer ")).digest


def _message() -> Json:
    return {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "ping"}]}
