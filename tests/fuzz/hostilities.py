"""What a server may do to whoever asks it: one script a kind, whoever it stands in for."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, Final, TypeAlias

from tests.aws_world import make_key
from tests.fuzz.replies import deep

Pieces: TypeAlias = Callable[[str], Iterable[bytes]]
"""Another host's URL → what is sent. A redirect leads there."""

OK: Final = b"HTTP/1.1 200 OK\r\n"
OTHERS_KEY: Final = make_key().reveal()
"""Stands in answers, as some gateways quote what they were given. Nobody may tell it."""
_STEERING: Final = "\x1b[2J\u202e\r\n\0"
_TALK: Final = f"{OTHERS_KEY} {_STEERING}" + "y" * 100_000
_PIECE_SECONDS: Final = 0.02


_AWS: Final = (
    *(
        "ARN",
        "CreatedDate",
        "DeletedDate",
        "PrimaryRegion",
        "ReplicationStatus",
        "RotationEnabled",
        "RotationLambdaARN",
    ),
    *("SecretString", "Tags", "VersionId", "VersionIdsToStages", "VersionStages", "__type", "message"),
)


def answer(body: bytes, status: int = 200, *headers: bytes) -> bytes:
    head = b"HTTP/1.1 %d X\r\n" % status + b"".join(header + b"\r\n" for header in headers)
    return head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def _says(value: object, status: int = 200) -> Pieces:
    return lambda away: [answer(json.dumps(value).encode(), status)]


def _sends(*pieces: bytes) -> Pieces:
    return lambda away: pieces


def _drips(start: bytes, piece: bytes) -> Pieces:
    def drip(away: str) -> Iterator[bytes]:
        yield start
        for _ in range(2000):
            time.sleep(_PIECE_SECONDS)
            yield piece

    return drip


def _streams(start: bytes, piece: bytes) -> Pieces:
    """A gigabyte, as fast as it is taken."""

    def stream(away: str) -> Iterator[bytes]:
        yield start
        yield from repeat(piece, (1 << 30) // len(piece))

    return stream


def _leads_away(status: int) -> Pieces:
    return lambda away: [_on(f"{away}/v1/x", status)]


def _on(where: str, status: int = 307) -> bytes:
    return answer(b"", status, b"Location: " + where.encode())


def _everywhere(value: Any) -> dict[str, Any]:
    """All fields that anybody reads of AWS's and Vault's answers, each with this in it."""
    return dict.fromkeys((*_AWS, "data", "auth", "errors", "capabilities", "key", "instances"), value)


def _inside(value: Any) -> dict[str, Any]:
    """The outermost form is right, what is in it is not."""
    vault = {"data": value, "metadata": value, "options": value, "type": value, "ttl": value, "creation_ttl": value}
    auth = {"client_token": value, "lease_duration": value, "renewable": value}
    aws = {"VersionIdsToStages": {"v": value}, "Tags": [value], "ReplicationStatus": [value], "ARN": "arn:x"}
    return {**aws, "data": vault, "auth": auth, "errors": [value], "VersionId": "v", "SecretString": value}


def _steering() -> dict[str, Any]:
    """What a stranger may have written into tags, metadata and a pending version."""
    names = ("rotator_version", "rotator_rotation", "rotator_by", "rotator_key")
    said = {**dict.fromkeys(names, _TALK), "rotator_at": "2026-11-23T12:00:00Z", "api_key": "another"}
    tags = [{"Key": f"rotator:{name}", "Value": _TALK} for name in ("rotation", "by", "version")]
    return {
        "ARN": _TALK,
        "PrimaryRegion": "eu-west-1",
        "VersionIdsToStages": {_TALK: ["AWSPENDING"], "v": ["AWSCURRENT"]},
        "Tags": [*tags, {"Key": "rotator:at", "Value": "2026-11-23T12:00:00Z"}],
        "ReplicationStatus": [{"Region": _TALK, "Status": "Failed", "StatusMessage": _TALK}],
        "VersionId": _TALK,
        "SecretString": '{"KEY": "another"}',
        "data": {"data": said, "metadata": {"version": 3, "custom_metadata": said, "created_time": _TALK}},
    }


_CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"
_LONG: Final = b"x" * (1 << 20)

_NO_OBJECTS: Final[tuple[object, ...]] = ([], None, "text")
_WRONG: Final[tuple[object, ...]] = (5, None, [5], {"a": {}}, 1e308, "\ud800")
HOSTILITIES: Final[dict[str, Pieces]] = {
    **{f"no object: {value!r}": _says(value) for value in _NO_OBJECTS},
    **{f"missing fields, {status}": _says({}, status) for status in (200, 201, 404)},
    **{f"everything is {value!r}": _says(_everywhere(value)) for value in _WRONG},
    **{f"inside is {value!r}": _says(_inside(value)) for value in _WRONG},
    "an error that quotes and steers, 400": _says({"__type": _TALK, "message": _TALK, "errors": [_TALK]}, 400),
    "an error that quotes and steers, 403": _says({"__type": "X", "message": _TALK, "errors": [_TALK]}, 403),
    "an error of wrong types": _says({"__type": ["x"], "message": {"a": 1}, "errors": {"b": 2}}, 400),
    "right in form, with texts that steer": _says(_steering()),
    "a status that is none": _says({}, 999),
    "1 GB claimed": _sends(OK + b"Content-Length: 1073741824\r\n\r\n{"),
    "1 GB streamed": _streams(OK + b"Content-Length: 1073741824\r\n\r\n", _LONG),
    "endless without a length": _streams(OK + b"\r\n", _LONG),
    "endless chunks": _streams(_CHUNKED, b"100000\r\n" + _LONG + b"\r\n"),
    "one chunk of 16 TB": _streams(_CHUNKED + b"fffffffffff\r\n", _LONG),
    "a chunk's length without end": _streams(_CHUNKED, b"0" * (1 << 20)),
    "a header without end": _streams(OK + b"X: ", _LONG),
    "headers without end": _streams(OK, b"X: y\r\n" * 1000),
    "a packed bomb": _sends(answer(gzip.compress(b" " * (20 << 20), 1), 200, b"Content-Encoding: gzip")),
    "silence": _drips(b"", b""),
    "a head that drips": _drips(OK + b"X-Long: ", b"a"),
    "early hints for ever": _drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a body that drips": _drips(OK + b"Content-Length: 100000\r\n\r\n{", b" "),
    "a body without a length that drips": _drips(OK + b"\r\n{}", b" "),
    "chunks that drip": _drips(_CHUNKED, b"1\r\n \r\n"),
    "trailers that drip": _drips(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "no UTF-8": _sends(answer(b'{"SecretString": "\xff", "VersionId": "v", "data": {"\xfe": 1}}')),
    "no UTF-8 at all": _sends(answer(b"\xff\xfe\x00{\x00")),
    "deep": _sends(answer(deep(100_000))),
    "deep and open": _sends(answer(b"[" * 1_000_000)),
    "deep objects": _sends(answer(b'{"data":' * 100_000)),
    **{f"leads to another host, {status}": _leads_away(status) for status in (301, 302, 303, 307, 308)},
    "leads to another host by a user's name": lambda away: [_on(away.replace("//", "//127.0.0.1@"))],
    "leads to another host by a backslash": lambda away: [_on(away + "\\@127.0.0.1/v1/x")],
    "leads to another host without a scheme": lambda away: [_on(away.removeprefix("http:"))],
    "leads nowhere": _sends(answer(b"", 307, b"Location: //[")),
    "leads in circles": _sends(answer(b"", 307, b"Location: /v1/round")),
    "pages without end": _says({"NextToken": "n", "Marker": "m", "IsTruncated": True, "has_more": True, "next": "n"}),
    "XML": _sends(answer(b"<?xml version='1.0'?><GetSecretValueResponse><a/></GetSecretValueResponse>")),
    "XML that unfolds": _sends(
        answer(
            b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY a0 'aaaaaaaaaa'>"
            + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
            + b"]><a>&a9;</a>"
        )
    ),
    "XML of 100,000 levels": _sends(answer(b"<a>" * 100_000)),
    "a page of a gateway": _sends(answer(b"<html>Sign in</html>", 200, b"Content-Type: text/html; charset=utf-7")),
    "cut in mid-body": _sends(OK + b'Content-Length: 500\r\n\r\n{"SecretString": "hal'),
    "cut in mid-chunk": _sends(_CHUNKED + b'1f4\r\n{"data": {"da'),
    "cut in mid-head": _sends(b"HTTP/1.1 200 OK\r\nConte"),
    "closed at once": _sends(),
    "no HTTP": _sends(b"\x16\x03\x01\x02\x00\x01\x00" * 100),
}
