"""Requests to one Vault through hvac: bounded, repeated only where asked, no exception of requests let out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rotator.adapters.store import vault_errors
from rotator.adapters.store.vault_errors import Answer, Place
from rotator.client.bounded import WHOLE_SECONDS, bind
from rotator.model.errors import ConfigError, OutsideError, Unreachable

if TYPE_CHECKING:
    import hvac
    import requests

_CONNECT_SECONDS, _READ_SECONDS = 5, 10
_ATTEMPTS = 4
"""Of a request that may be repeated: connections fail, nodes lag behind, are busy, or have just lost their leader.
Each ends within `bounded.WHOLE_SECONDS`."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds, doubling
_REDIRECTS = 3
_SENT_ON = (307, 308)
"""What a standby answers that does not pass a request on: the same request again, to the active node."""
_INDEX = "X-Vault-Index"
_CLEAR = (400, 403, 404, 405)
"""Refusals that the same request would meet again."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `body` is JSON and may hold a key."""

    method: str
    path: str
    body: str | None = field(default=None, repr=False)
    params: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Transport:
    """Connects at the first request. May be shared by threads."""

    def __init__(self, place: Place, *, authority: str | None, mine: tuple[str, str] | None) -> None:
        """`authority`: a file or folder with the CAs to trust; `mine`: our own certificate and its key, as files."""
        self._place = place
        self._authority = authority
        self._mine = mine
        self._lock = Lock()
        self._client: hvac.Client | None = None
        self._index: str | None = None
        """What Vault Enterprise calls the state after our last write. Sent back, it lets no performance standby answer
        from before that write (412 instead): https://developer.hashicorp.com/vault/docs/enterprise/consistency"""

    def close(self) -> None:
        """Let the connections go. The next request makes new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client:
            client.adapter.close()

    def again(self, ask: Ask, token: str | None) -> Answer:
        """Repeated while Vault does not answer or says that it cannot. Returns successes and clear refusals."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

        def attempt() -> Answer:
            answer = self.once(ask, token)
            if answer.ok or (answer.status in _CLEAR and not answer.setting_up):
                return answer
            raise vault_errors.answered(answer, str(ask), self._place)

        patient = Retrying(
            retry=retry_if_exception_type(Unreachable),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
            reraise=True,
        )
        return patient(attempt)

    def once(self, ask: Ask, token: str | None) -> Answer:
        """Whatever is answered. Raises `Unreachable` or `Refused` where nothing is."""
        from requests.exceptions import RequestException

        said = {"Content-Type": "application/json", "X-Vault-Token": token, _INDEX: self._index}
        try:
            client, headers = self._connected(), {name: value for name, value in said.items() if value}
            response = client.adapter.request(
                ask.method, f"v1/{ask.path}", headers=headers, raise_exception=False, data=ask.body, params=ask.params
            )
            self._index = response.headers.get(_INDEX) or self._index
            return Answer(response.status_code, response.content.decode("utf-8", "replace"))
        except (RequestException, OSError, UnicodeError) as failure:
            error: OutsideError = vault_errors.unanswered(failure, str(ask), self._place)
        # Outside the `except`: a chained exception would carry the request, and with it a key.
        raise error

    def _connected(self) -> hvac.Client:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> hvac.Client:
        import hvac
        from hvac.adapters import RawAdapter

        if not self._place.address:
            raise ConfigError(
                "Which Vault? VAULT_ADDR is not set, and rotate.yaml names no address.",
                "Set VAULT_ADDR, or write `vault: {address: https://vault.example:8200}`.",
            )
        return hvac.Client(
            url=self._place.address,
            token="",  # none: each request brings the one that is valid then
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            adapter=RawAdapter,
            namespace=self._place.namespace,
            session=_session(self._authority or True, self._mine),
        )


def _session(verify: str | bool, cert: tuple[str, str] | None) -> requests.Session:
    """Bounded, and going on to no other host: a token or a key would go along."""
    import requests
    from requests.adapters import HTTPAdapter
    from requests.utils import prepend_scheme_if_needed, select_proxy

    class Bounded(HTTPAdapter):
        def send(self, request: Any, *given: Any, proxies: Any = None, **named: Any) -> requests.Response:
            proxy = select_proxy(request.url, proxies)
            through = self.proxy_manager_for(prepend_scheme_if_needed(proxy, "http")) if proxy else self.poolmanager
            bind(through, WHOLE_SECONDS)
            return super().send(request, *given, **named | {"proxies": proxies})

    session = requests.Session()
    session.hooks["response"].append(_stay)
    session.verify, session.cert, session.max_redirects = verify, cert, _REDIRECTS
    for scheme in ("http://", "https://"):
        session.mount(scheme, Bounded())
    return session


def _stay(response: requests.Response, **_: object) -> None:
    """Before requests follows: what leads elsewhere leads nowhere."""
    if response.status_code not in _SENT_ON or not _stays(response.headers.get("Location", ""), response.url):
        response.headers.pop("Location", None)


def _stays(where: str, here: str) -> bool:
    """On this scheme and host. The port may be another one: a development cluster has its nodes on one host."""
    if not where.isprintable() or {"\\", "@"} & set(where):  # parsers do not agree on whose name that is
        return False
    try:
        there, ours = urlsplit(where), urlsplit(here)
    except ValueError:
        return False
    return not (there.scheme or there.netloc) or (there.scheme, there.hostname) == (ours.scheme, ours.hostname)
