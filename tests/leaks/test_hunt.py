"""The hunt finds what it is for: a hunt that finds nothing proves nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from rotator.model.keys import KeyText
from tests.aws_world import make_key
from tests.leaks.hunt import assert_absent, assert_no_key_at_all


def _urlsafe(text: str) -> bytes:
    return base64.urlsafe_b64encode(text.encode())


_WAYS: dict[str, Callable[[str], bytes]] = {
    "as it stands": str.encode,
    "within a word": lambda text: f"x{text}y".encode(),
    "reversed": lambda text: text[::-1].encode(),
    "its first half": lambda text: text[: len(text) // 2].encode(),
    "its second half": lambda text: text[len(text) // 2 :].encode(),
    "beyond its name, 20 characters": lambda text: text[16:36].encode(),
    "before its tail, 20 characters": lambda text: text[-24:-4].encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one further": lambda text: base64.b64encode(b"x" + text.encode()),
    "base64, two further": lambda text: base64.b64encode(b"xy" + text.encode()),
    "base64 of a header": lambda text: base64.b64encode(f"Bearer {text}".encode()),
    "base64 for addresses": _urlsafe,
    "hex": lambda text: text.encode().hex().encode(),
    "hex in capitals": lambda text: text.encode().hex().upper().encode(),
    "quoted for an address": lambda text: quote(text).encode(),
    "quoted altogether": lambda text: "".join(f"%{ord(char):02X}" for char in text).encode(),
    "JSON": lambda text: json.dumps({"key": text}).encode(),
    "JSON, escaped": lambda text: "".join(f"\\u{ord(char):04x}" for char in text).encode(),
    "a list of bytes": lambda text: str(list(text.encode())).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "base85": lambda text: base64.b85encode(text[16:-4].encode()),
}


@pytest.mark.parametrize("way", _WAYS)
def test_a_key_is_found_however_it_is_written(way: str) -> None:
    key = make_key()
    with pytest.raises(AssertionError, match="is in a file"):
        assert_absent([key], "a file", b"before " + _WAYS[way](key.reveal()) + b" after")


def test_what_names_a_key_is_no_leak() -> None:
    key, text = make_key(), ""
    for named in (str(key.fingerprint), json.dumps(key.fingerprint.to_json()), repr(key)):
        text += named
    assert_absent([key, KeyText("x" * 108)], "a name", text.encode())
    assert_no_key_at_all("a name", text)
    with pytest.raises(AssertionError, match="a key is in"):
        assert_no_key_at_all("a file", key.reveal())
