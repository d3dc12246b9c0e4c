"""Single requests to Anthropic without the SDK, for the one command that compares what different clients would send.

The SDK sends a key in one header and picks its own credentials; a diagnosis needs both headers and its own choice.
It also takes a second to import, and a check runs at every start of a container.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rotator.adapters.issuer.bounded import bounded
from rotator.adapters.issuer.classify import Reply
from rotator.adapters.issuer.reply import identity, json_object, refused
from rotator.model.errors import Refused
from rotator.model.keys import KeyText
from rotator.ports import Clock

if TYPE_CHECKING:
    from httpx2 import Client, Request, Response

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
WHOLE_SECONDS = 30.0
"""For one request, from connecting to the last byte."""
VERSION = "2023-06-01"


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None: no JSON object. `genuine`: it has the form of Anthropic's answers, and a request id."""

    reply: Reply
    body: Mapping[str, Any] | None = field(repr=False)
    genuine: bool


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What `reply.refused` reads of an error of the SDK's."""

    response: Response = field(repr=False)
    status_code: int
    type: str | None
    error_code: str | None
    api_message: str | None


@contextmanager
def opened(clock: Clock) -> Iterator[Wire]:
    """Raises `Refused` where the proxy's or the certificates' settings cannot be used."""
    from httpx2 import Client, Timeout

    from rotator.client.deadline import Deadline

    deadline = Deadline(WHOLE_SECONDS)

    class OnTime(Client):
        def send(self, request: Request, **how: Any) -> Response:
            with deadline.on(request):
                return super().send(request, **how)

    try:
        client = OnTime(
            follow_redirects=False,  # a redirect could carry the key to another host
            timeout=Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            event_hooks={"response": [bounded(clock)]},
        )
    except (OSError, ValueError, TypeError) as wrong:  # its text may hold a proxy's password
        raise Refused(
            f"The connection to Anthropic cannot be set up ({type(wrong).__name__}).",
            "Look at HTTPS_PROXY, SSL_CERT_FILE and their like.",
        ) from None
    with client:
        yield Wire(client)


class Wire:
    """Asks once, never raises for what the network does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(
        self, url: str, key: KeyText, headers: Mapping[str, str], params: Mapping[str, str | int] | None = None
    ) -> Answer:
        import httpx2

        sent = {"anthropic-version": VERSION, "Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            response = self._client.get(url, headers=sent | dict(headers), params=params, auth=_no_other_credential)
        except httpx2.TimeoutException:
            return Answer(Reply(failure="no answer in time"), None, genuine=False)
        except httpx2.LocalProtocolError:
            return Answer(Reply(failure="it cannot be sent", malformed=True), None, genuine=False)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
            # Only the class is told: the text may hold what was sent, or a proxy's password.
            return Answer(Reply(failure=f"connection failed: {type(error).__name__}"), None, genuine=False)
        body = json_object(response.content)
        if response.status_code == 200 and body is not None:
            whose = identity(key, response.headers, 200)
            return Answer(whose, body, genuine=whose.request_id is not None)
        return _refused(key, response, body)


def _refused(key: KeyText, response: Response, body: Mapping[str, Any] | None) -> Answer:
    error = body.get("error") if body else None
    fields: Mapping[str, Any] = error if isinstance(error, dict) else {}
    details = fields.get("details")
    said = _Refusal(
        response=response,
        status_code=response.status_code,
        type=fields.get("type"),
        error_code=details.get("error_code") if isinstance(details, dict) else None,
        api_message=fields.get("message"),
    )
    reply = refused(key, said)
    genuine = reply.request_id is not None and body is not None and body.get("type") == "error" and bool(fields)
    return Answer(reply, body, genuine)


def _no_other_credential(request: Any) -> Any:
    """Instead of `.netrc` and of a user name in the URL, which httpx would turn into an Authorization header."""
    return request


def url_of(base: str, path: str) -> str:
    """The base URL may have a path of its own, and is taken as the SDK takes it."""
    return f"{base.rstrip('/')}{path}"
