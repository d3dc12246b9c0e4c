"""Recognises a key's text where none may stand (law 6), so that it can be refused or blacked out. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.model.keys import Fingerprint

_BARE = re.compile(r"sk-ant-[A-Za-z0-9_-]{14,}")
"""More than the 16 first and 4 last characters that a fingerprint may show: 7 + 14 = 21 characters in one run."""


def exposes_key(text: str) -> bool:
    """Whether the text holds what looks like a key, an Admin key or an OAuth token of Anthropic's.

    The forms of a fingerprint (12 hex digits; head and tail, with dots or stars or nothing between) are none.
    """
    return _BARE.search(text) is not None


def redact(text: str) -> str:
    """The text with everything that looks like a key replaced."""
    return _BARE.sub("sk-ant-[redacted]", text)


def plain(text: str, most: int) -> str:
    """One line of at most so many characters, without a key, none of which steers a terminal: what others wrote."""
    return "".join(char if char.isprintable() else " " for char in redact(text)[:most])


def modest(fingerprint: Fingerprint) -> Fingerprint:
    """Without head and tail, unless the text begins as Anthropic's keys do: else it may be any secret at all."""
    return fingerprint if fingerprint.head.startswith("sk-ant-") else replace(fingerprint, head="", tail="")


def told(fingerprint: Fingerprint) -> str:
    """For a person: `sk-ant-api03-R2D...igAA [0123456789ab]`, or the digest alone."""
    return str(fingerprint) if fingerprint.head else f"[{fingerprint.digest}]"
