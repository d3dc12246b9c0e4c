"""What the tests of the sandbox Vault share: real hvac clients, closed at the end, and plain HTTP for the rest."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from hvac import Client

from rotator.sandbox.vault import SandboxVault

Connect = Callable[..., Client]


@contextmanager
def clients(vault: SandboxVault) -> Iterator[Connect]:
    """`connect(token=…, namespace=…)`; without a token, the root's."""
    made: list[Client] = []

    def connect(token: str | None = None, namespace: str | None = None) -> Client:
        client = Client(url=vault.url, token=vault.root_token if token is None else token, namespace=namespace)
        made.append(client)
        return client

    try:
        yield connect
    finally:
        for client in made:
            client.adapter.close()


def raw(
    vault: SandboxVault, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """One request with the root token: status, JSON (None: no content), headers in lower case."""
    connection = http.client.HTTPConnection(urlsplit(vault.url).netloc, timeout=10)
    sent = {"X-Vault-Token": vault.root_token, **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        connection.request(method, path, None if body is None else json.dumps(body).encode(), sent)
        response = connection.getresponse()
        content = response.read()
        return (
            response.status,
            json.loads(content) if content else None,
            {name.lower(): value for name, value in response.getheaders()},
        )
    finally:
        connection.close()
