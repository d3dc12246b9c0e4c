"""The text of a secret: a bare key, or a JSON object one field of which is the key.

A JSON text is never parsed and written anew: only the value's own characters are replaced, so that every other field,
and every space between them, stays as it was, byte for byte.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field

from rotator.model.errors import Refused
from rotator.model.keys import KeyText, never_pickled

_SPACE = " \t\n\r"  # RFC 8259, section 2
_NEAR = 0.6
"""How alike two field names must be for one to be suggested for the other (difflib's ratio)."""


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of the outermost object; `start` and `end` delimit its value in the text."""

    name: str
    start: int
    end: int
    value: object = field(repr=False)


class Document:
    """The whole text of one version. Holds keys, so it shows nothing of itself."""

    __slots__ = ("_field", "_place", "_text")

    def __init__(self, text: str, field: str | None, place: str) -> None:
        """`field` None: the text itself is the key. `place` names the secret in refusals."""
        self._text = text
        self._field = field
        self._place = place

    @classmethod
    def first(cls, key: KeyText, field: str | None, place: str) -> Document:
        """What a secret without any version begins with."""
        text = key.reveal() if field is None else json.dumps({field: key.reveal()})
        return cls(text, field, place)

    def reveal(self) -> str:
        """The text itself: for the store's write, for nothing else."""
        return self._text

    def key(self) -> KeyText | None:
        """The key; None where the field is absent or empty.

        Raises `Refused` where the text is not what the reference says it is.
        """
        if self._field is None:
            self._refuse_object()
            return KeyText(self._text) if self._text else None
        # Where a name occurs more than once nearly every parser, Python's included, takes the last.
        values = [member.value for member in self._named()]
        return KeyText(str(values[-1])) if values and values[-1] else None

    def with_key(self, key: KeyText) -> Document:
        """The same text with another key. Raises `Refused` where there is no such field to put it in."""
        if self._field is None:
            self._refuse_object()
            return Document(key.reveal(), None, self._place)
        members = self._named()
        if not members:
            raise Refused(
                f"The secret {self._place} has no field {self._field!r}.",
                self._nearest() or "Correct the field after # in rotate.yaml, or add the field to the secret.",
            )
        text, quoted = self._text, json.dumps(key.reveal())
        # Every occurrence, last first: a consumer whose parser takes the first of two must not be left behind.
        for member in reversed(members):
            text = text[: member.start] + quoted + text[member.end :]
        return Document(text, self._field, self._place)

    def same_surroundings(self, other: Document) -> bool:
        """Whether everything but the key is the same, byte for byte."""
        return self._surroundings() == other._surroundings()

    def _surroundings(self) -> tuple[str, ...]:
        if self._field is None:
            return ()
        pieces, at = [], 0
        for member in self._named():
            pieces.append(self._text[at : member.start])
            at = member.end
        return (*pieces, self._text[at:])

    def _named(self) -> list[_Member]:
        members = [member for member in self._members() if member.name == self._field]
        if any(not isinstance(member.value, str) for member in members):
            raise Refused(
                f"The field {self._field!r} of the secret {self._place} is not a string.",
                "A key is a string: name the field that holds it after # in rotate.yaml.",
            )
        return members

    def _members(self) -> list[_Member]:
        if not isinstance(_parsed(self._text), dict):
            raise Refused(
                f"The secret {self._place} is not a JSON object, so it has no field {self._field!r}.",
                "If the whole secret is the key, remove the # and the field from its reference in rotate.yaml.",
            )
        return _members(self._text)

    def _refuse_object(self) -> None:
        if isinstance(_parsed(self._text), dict):
            raise Refused(
                f"The secret {self._place} is a JSON object, and its reference names no field of it.",
                "Add # and the name of the field that holds the key; without it every other field would be lost.",
            )

    def _nearest(self) -> str:
        names = [member.name for member in self._members()]
        near = difflib.get_close_matches(self._field or "", names, n=1, cutoff=_NEAR)
        return f"It has a field {near[0]!r}: correct the field after # in rotate.yaml." if near else ""

    def __repr__(self) -> str:
        return f"Document({self._place})"

    __reduce__ = never_pickled


def _parsed(text: str) -> object:
    """The value, or None where the text is no JSON. The parser's own error is dropped: it holds the whole text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _members(text: str) -> list[_Member]:
    """The outermost object's members, in order, duplicates included. `text` is known to be a valid object."""
    decoder = json.JSONDecoder()
    members = []
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        value, end = decoder.raw_decode(text, start)
        members.append(_Member(name, start, end, value))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def member_text(text: str, *names: str) -> str | None:
    """The text of a member of nested JSON objects, exactly as it is written there; None where there is no such one."""
    for name in names:
        if not isinstance(_parsed(text), dict):
            return None
        found = [text[member.start : member.end] for member in _members(text) if member.name == name]
        if not found:
            return None
        text = found[-1]
    return text
