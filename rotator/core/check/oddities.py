"""Names the characters that no key has, with their places: a person cannot see a zero-width space. Pure.

Only what is surely no part of a key is named: never an ASCII letter, digit, `_` or `-`, and of other letters only that
they are there, for the text may be some other secret.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from rotator.core.hygiene import invisible

MOST_NAMED = 5
"""Characters named before the rest is only counted."""
MOST_READ = 64 * 1024
"""Characters looked at (law 8)."""

_PLAIN = {"\n": "a line end (LF)", "\r": "a carriage return (CR)", "\t": "a tab", " ": "a space", "\x00": "a NUL"}
_QUOTES = {'"': "a double quote", "'": "a single quote", "`": "a back quote"}


def oddities(text: str) -> tuple[str, ...]:
    """`ZERO WIDTH SPACE (U+200B) at character 17 of 109`, first come first named; places are counted from 1."""
    found = list(_found(text[:MOST_READ]))
    places: dict[str, list[int]] = {}
    for place, name in found[:MOST_NAMED]:
        places.setdefault(name, []).append(place)
    named = [f"{name} at {_listed(at)} of {len(text)}" for name, at in places.items()]
    if len(found) > MOST_NAMED:
        named.append(f"{len(found) - MOST_NAMED} more")
    return tuple(named)


def _listed(places: Sequence[int]) -> str:
    *first, last = [str(place) for place in places]
    return f"characters {', '.join(first)} and {last}" if first else f"character {last}"


def _found(text: str) -> Iterator[tuple[int, str]]:
    for place, char in enumerate(text, start=1):
        if not ("!" <= char <= "~") or char in _QUOTES:
            yield place, _name(char)


def _name(char: str) -> str:
    if char in _PLAIN or char in _QUOTES:
        return _PLAIN.get(char) or _QUOTES[char]
    kind, point = unicodedata.category(char), f"U+{ord(char):04X}"
    if kind[0] in "LNM" and not invisible(char):
        return "a letter or digit that is not ASCII"
    if char == "\ufeff":
        return f"a byte order mark ({point})"
    if char == "\ufffd":
        return "bytes that are no UTF-8"
    return f"{unicodedata.name(char, 'a control character')} ({point})"
