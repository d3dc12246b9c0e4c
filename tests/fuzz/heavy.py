"""What may take much memory, each done in a process of its own: `test_memory.py` says what it may take."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from itertools import repeat
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

import botocore.endpoint
import tenacity

from rotator.adapters.clock import SystemClock
from rotator.adapters.page import fetch
from rotator.adapters.store.aws import AwsSecretStore
from rotator.adapters.store.vault import VaultSecretStore
from rotator.adapters.store.vault_connection import VaultConnection
from rotator.client import KeySource
from rotator.client.bounded import MAX_BODY
from rotator.model.config import AwsSecretRef, VaultSecretRef
from rotator.model.errors import OutsideError
from rotator.model.keys import Label
from tests.fuzz.hostile import hostile

_OK: Final = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


def _whole(body: bytes, *headers: bytes) -> Iterable[bytes]:
    head = b"".join(header + b"\r\n" for header in headers)
    return [_OK + head + b"Content-Length: %d\r\n\r\n" % len(body), body]


def _full_of(item: bytes) -> Iterable[bytes]:
    """As long as is read: `{"data": [item, item, …]}`."""
    start, end = b'{"SecretString": "x", "data": {"data": [', b"0]}}"
    return _whole(start + (item + b",") * ((MAX_BODY - len(start + end)) // (len(item) + 1)) + end)


def _packed() -> bytes:
    """100 MB, in little more memory than it has packed."""
    packing = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(packing.compress(b" " * (1 << 20)) for _ in range(100)) + packing.flush()


def _stream(start: bytes) -> Iterable[bytes]:
    yield _OK + start
    yield from repeat(b" " * (1 << 20), 400)


ANSWERS: Final = {
    "small": lambda: _whole(b"{}"),
    "400 MB": lambda: _stream(b"Content-Length: 419430400\r\n\r\n"),
    "400 MB without a length": lambda: _stream(b"\r\n"),
    "a line of 400 MB": lambda: _stream(b"Transfer-Encoding: chunked\r\n\r\n"),
    "packed": lambda: _whole(_packed(), b"Content-Encoding: gzip"),
    "many lists": lambda: _full_of(b"[]"),
    "many objects": lambda: _full_of(b'{"a":1}'),
    "wide text": lambda: _full_of(json.dumps("\U0001f511" * 1000).encode()),
    "deep": lambda: _whole(b"[" * (MAX_BODY - 1)),
}


def reading(who: str, answer: str) -> None:
    """Read a key by way of `who` from a server that gives this answer."""
    no_wait = SimpleNamespace(sleep=lambda seconds: None)
    with (
        patch.object(botocore.endpoint, "time", no_wait),
        patch.object(tenacity.nap, "time", no_wait),
        hostile(lambda head, number: ANSWERS[answer]()) as server,
    ):
        os.environ.update(
            AWS_ENDPOINT_URL=server.url,
            AWS_ACCESS_KEY_ID="a",
            AWS_SECRET_ACCESS_KEY="b",
            VAULT_ADDR=server.url,
            VAULT_TOKEN="t",
        )
        with suppress(OutsideError):
            _read(who, server.url)


def _read(who: str, url: str) -> None:
    match who:
        case "AWS":
            AwsSecretStore(AwsSecretRef("eu-west-1", "prod/chat", "KEY")).read(Label.CURRENT)
        case "Vault":
            connection = VaultConnection(clock=SystemClock())
            VaultSecretStore(VaultSecretRef("secret", "prod/chat", "KEY"), connection).read(Label.CURRENT)
        case "an application":
            KeySource("aws-sm://eu-west-1/prod/chat#KEY").key()
        case "an application, from Vault":
            KeySource("vault://secret/prod/chat#KEY").key()
        case "a notification":
            from rotator.adapters.notify import AppriseNotifier

            AppriseNotifier([url.replace("http", "json")]).tell("title", "body")
        case _:
            fetch([url])
