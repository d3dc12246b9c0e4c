"""Recognises a key's text where none may stand (law 6), so that it can be refused or blacked out. Pure."""

from __future__ import annotations

import re

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
