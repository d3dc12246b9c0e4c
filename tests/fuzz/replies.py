"""Strategies for what a hostile server may answer: almost right JSON, broken framing, lying headers."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from tests.fuzz.hostile import key_in

ECHO: Final = "@@the key that was sent@@"
"""Stands in a reply for the key of the request: some gateways quote what they were given."""
ELSEWHERE: Final = "@@another host@@"

_LEAVES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1e308,
    10**400,
    "",
    "\0\x1b[2J\u202e",
    "\ud800",
    "é" * 3,
    "../../x?y#z",
    "9999-12-31T23:59:59+00:00",
    "0001-01-01T00:00:00+23:59",
    "sk-ant-" + "x" * 40,
    ECHO,
    f"key {ECHO} refused",
    "y" * 100_000,
    [],
    {},
    [[]],
    {"type": {}},
    ["active"],
    [None] * 1000,
)

leaves = st.sampled_from(_LEAVES) | st.text(max_size=20) | st.integers() | st.floats(allow_nan=False)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


@st.composite
def bent(draw: st.DrawFn, shape: Any) -> Any:
    """The shape with up to three of its parts replaced, removed or doubled."""
    whole = {"": copy.deepcopy(shape)}
    for _ in range(draw(st.integers(0, 3))):
        parent: Any = whole
        key: Any = ""
        while isinstance(parent[key], dict | list) and parent[key] and draw(st.booleans()):
            parent = parent[key]
            key = draw(st.sampled_from(sorted(parent) if isinstance(parent, dict) else range(len(parent))))
        if key != "" and isinstance(parent, dict) and draw(st.integers(0, 3)) == 0:
            del parent[key]
        elif isinstance(parent, list) and draw(st.integers(0, 3)) == 0:
            parent.append(copy.deepcopy(parent[key]))
        else:
            parent[key] = copy.deepcopy(draw(leaves))  # the drawn lists are shared
    return whole[""]


def deep(depth: int) -> bytes:
    return b'{"data":' + b"[" * depth + b"]" * depth + b"}"


RAW_BODIES: Final = (
    b"",
    b"<html>welcome",
    b"[]",
    b"nul",
    b'"text"',
    b"\xff\xfe\x00{",
    b'{"data": "\xff"}',
    b'{"data": NaN}',
    b"{}" * 2,
    deep(900),
    deep(1500),
    deep(100_000),
    b'{"a":' * 5000,
    b"1" * 50_000,
    gzip.compress(b"{}"),
)

STATUSES: Final = (
    200,
    200,
    200,
    200,
    200,
    201,
    204,
    301,
    302,
    307,
    308,
    400,
    401,
    402,
    403,
    404,
    409,
    418,
    429,
    500,
    503,
    529,
    600,
    999,
)

HEADERS: Final = (
    b"Content-Type: application/json; charset=zlib",
    b"Content-Type: text/html; charset=utf-7",
    b"Content-Type: \xff\xfe",
    b"Content-Type: application/json; charset=idna",
    b"Content-Type: x; charset=undefined",
    b"Content-Encoding: gzip",
    b"Content-Encoding: zstd, br, deflate, gzip",
    b"Retry-After: 99999999999",
    b"Retry-After: -1",
    b"Retry-After: Wed, 21 Oct 2099 07:28:00 GMT",
    b"Retry-After: nan",
    b"retry-after-ms: 9e99",
    b"request-id: " + ECHO.encode(),
    b"request-id: " + b"r" * 20_000,
    b"request-id: \x80\xff",
    b"anthropic-organization-id: " + ECHO.encode(),
    b"anthropic-workspace-id: " + b"w" * 20_000,
    b"x-should-retry: true",
    b"Set-Cookie: a=b; Domain=127.0.0.2",
    b"Broken header",
    b"Location: " + ELSEWHERE.encode() + b"/v1/models",
    b"Location: //[",
    b"Refresh: 0; url=" + ELSEWHERE.encode(),
    b"Transfer-Encoding: x",
)

FRAMINGS: Final = (
    "exact",
    "exact",
    "exact",
    "none",
    "long",
    "short",
    "chunked",
    "bad chunk",
    "twice",
    "negative",
    "interim",
    "cut head",
)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: tuple[bytes, ...]
    body: bytes
    framing: str

    def pieces(self, head: bytes, elsewhere: str) -> Iterable[bytes]:
        for template in self._pieces():
            piece = template.replace(ECHO.encode(), key_in(head)).replace(ELSEWHERE.encode(), elsewhere.encode())
            yield piece

    def _pieces(self) -> Iterable[bytes]:
        start = b"HTTP/1.1 %d Said\r\n" % self.status + b"".join(line + b"\r\n" for line in self.headers)
        length = len(self.body.replace(ECHO.encode(), b"k" * 108))
        match self.framing:
            case "none":
                yield start + b"\r\n" + self.body
            case "long":
                yield start + b"Content-Length: %d\r\n\r\n" % (length + 7) + self.body
            case "short":
                yield start + b"Content-Length: %d\r\n\r\n" % max(length - 3, 0) + self.body
            case "chunked":
                yield start + b"Transfer-Encoding: chunked\r\n\r\n"
                if length:
                    yield b"%x\r\n" % length + self.body + b"\r\n"
                yield b"0\r\n\r\n"
            case "bad chunk":
                yield start + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + self.body
            case "twice":
                yield start + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + self.body
            case "negative":
                yield start + b"Content-Length: -5\r\n\r\n" + self.body
            case "interim":
                yield b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3
                yield start + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % length + self.body
            case "cut head":
                yield start[: len(start) // 2]
            case _:
                yield start + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % length + self.body


@st.composite
def replies(draw: st.DrawFn, *shapes: Any) -> Reply:
    """Mostly a right status and right framing around a nearly right body: what is wrong everywhere gets nowhere."""
    body = draw(
        st.one_of(*(bent(shape) for shape in shapes)).map(lambda value: json.dumps(value).encode())
        | st.sampled_from(RAW_BODIES)
        if draw(st.integers(0, 4))
        else st.binary(max_size=50) | anything.map(lambda value: json.dumps(value).encode())
    )
    plain = draw(st.booleans())
    return Reply(
        status=200 if plain else draw(st.sampled_from(STATUSES)),
        headers=tuple(draw(st.lists(st.sampled_from(HEADERS), max_size=3))),
        body=body,
        framing="exact" if plain else draw(st.sampled_from(FRAMINGS)),
    )
