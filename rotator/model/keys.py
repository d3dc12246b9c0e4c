"""A key: its text, which is never shown, and its fingerprint, which always may be (law 6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NoReturn

from rotator.model.canonical import JsonObject

_DOMAIN = b"rotator:v1:"
_HEAD, _TAIL, _DIGEST = 16, 4, 12
_SHORTEST_SHOWN = 40
"""Below this length head and tail would give away too much of the text: they are left empty."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What everything but memory and the stores knows of a key (law 6).

    `head` is the first 16 characters, `tail` the last 4, `length` in characters, `digest` the first
    12 hex digits of SHA-256 over `rotator:v1:` + key. Two keys are the same when their digests are.
    """

    head: str
    tail: str
    length: int
    digest: str

    @classmethod
    def of(cls, text: str) -> Fingerprint:
        shown = len(text) >= _SHORTEST_SHOWN
        hashed = hashlib.sha256(_DOMAIN + text.encode("utf-8", "surrogatepass")).hexdigest()
        return cls(
            head=text[:_HEAD] if shown else "",
            tail=text[-_TAIL:] if shown else "",
            length=len(text),
            digest=hashed[:_DIGEST],
        )

    @property
    def hint(self) -> str:
        """The form of Anthropic's `partial_key_hint`: head, three dots, tail."""
        return f"{self.head}...{self.tail}"

    def matches(self, reported: str) -> bool:
        """Whether a consumer that reported `reported` means this key: 12 hex digits, or head and tail."""
        said = reported.strip()
        if said.lower() == self.digest:
            return True
        return (
            bool(self.head)
            and len(said) >= len(self.head) + len(self.tail)
            and said.startswith(self.head)
            and said.endswith(self.tail)
            and _only_dots(said[len(self.head) : -len(self.tail)])
        )

    def to_json(self) -> JsonObject:
        return {"head": self.head, "tail": self.tail, "length": self.length, "digest": self.digest}

    @classmethod
    def from_json(cls, value: JsonObject) -> Fingerprint:
        return cls(str(value["head"]), str(value["tail"]), int(str(value["length"])), str(value["digest"]))

    def __str__(self) -> str:
        return f"{self.head or '(short)'}...{self.tail} [{self.digest}]"


def _only_dots(between: str) -> bool:
    return between.strip(".…*") == ""


def never_pickled(holder: object) -> NoReturn:
    """The `__reduce__` of whatever may hold a key's text (law 6)."""
    raise TypeError("a key's text is never pickled (law 6)")


class KeyText:
    """The text of a key, in memory only. Shows its fingerprint wherever it is printed; refuses to be pickled."""

    __slots__ = ("_text", "fingerprint")

    def __init__(self, text: str) -> None:
        self._text = text
        self.fingerprint = Fingerprint.of(text)

    def reveal(self) -> str:
        """The text itself: for a store's write and for a request's header, for nothing else."""
        return self._text

    def __repr__(self) -> str:
        return f"KeyText({self.fingerprint})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyText) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    __reduce__ = never_pickled


class KeyStatus(Enum):
    """Anthropic's status of a key. Facts: Admin API."""

    ACTIVE = "active"
    INACTIVE = "inactive"  # disabled: can be undone
    ARCHIVED = "archived"  # final
    EXPIRED = "expired"  # can only be archived


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What the issuer's books say of a key. Carries no text."""

    id: str
    name: str
    status: KeyStatus
    hint: str | None
    workspace: str | None  # None: the key is scoped to the whole organisation
    created_at: datetime | None = None
    expires_at: datetime | None = None
    personal: bool = False  # it belongs to one user, and dies with them


class Label(Enum):
    """The role of a version of a secret."""

    PENDING = "pending"
    CURRENT = "current"
    PREVIOUS = "previous"

    __hash__ = object.__hash__  # as of `Kind`


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a secret, read from its store. `key` is None where the field is not in it."""

    id: str
    key: KeyText | None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wrote a pending version: written beside it, so that another operator can see it."""

    rotation: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The pending version that a store holds now. `claim` is None where another tool made it."""

    version_id: str
    claim: Claim | None
    since: datetime | None
    detail: str = ""  # what the store knows of its origin, for the refusal's text
