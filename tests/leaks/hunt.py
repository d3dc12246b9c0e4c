"""Looks for a key in whatever came out: as it stands, in part, reversed, and in every common encoding."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rotator.model.keys import KeyText
from tests.cli.small_world import Ran, SmallWorld

_PART: Final = 20
"""Characters at each end of what a fingerprint does not show, and in its middle: a half of a key is a leak as well."""

_BARE: Final = re.compile(r"sk-ant-\w+-[\w-]{20,}")


def forms(key: KeyText) -> Iterator[bytes]:
    """Of the key's hidden part: a fingerprint shows the first 16 characters and the last 4."""
    text = key.reveal()
    hidden = text[16:-4]
    middle = len(hidden) // 2
    for part in (hidden[:_PART], hidden[middle - 10 : middle + 10], hidden[-_PART:]):
        yield part.encode()
        yield part[::-1].encode()
        yield part.encode().hex().encode()
        yield part.encode().hex().upper().encode()
        yield part.encode("utf-16-le")
        yield "".join(f"%{ord(char):02X}" for char in part).encode()
        yield "".join(f"\\u{ord(char):04x}" for char in part).encode()
        yield ", ".join(str(ord(char)) for char in part).encode()  # as a list of bytes is shown
    for cut in range(3):  # where the text begins within a group of three decides how it is written
        yield base64.b64encode(hidden[cut : cut + 60].encode())[4:-4]
        yield base64.urlsafe_b64encode(hidden[cut : cut + 60].encode())[4:-4]
    yield base64.b32encode(hidden.encode())[8:64]
    yield base64.b85encode(hidden.encode())[5:60]


def assert_absent(keys: Sequence[KeyText], where: str, content: bytes) -> None:
    for key in keys:
        for form in forms(key):
            assert form not in content, f"{key.fingerprint} is in {where}"


def assert_nowhere(world: SmallWorld, keys: Sequence[KeyText], ran: Iterable[Ran]) -> None:
    for one in ran:
        assert_absent(keys, "the output of a command", one.all.encode())
    files = [path for path in world.directory.rglob("*") if path.is_file()]
    assert world.journal in files
    for path in files:
        assert_absent(keys, str(path), path.read_bytes())


def assert_no_key_at_all(where: str, text: str) -> None:
    """Where the keys are not the test's own."""
    assert not _BARE.search(text), f"a key is in {where}"
