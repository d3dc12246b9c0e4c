"""A YAML parser's events → plain data, noting lines and problems; a tree of nodes in between took most of the time.

Bounded while it reads: aliases (the "billion laughs"), depth and mass are refused before they can be built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from rotator.core.exposure import exposes_key
from rotator.loader.problems import Place, Problem

DEEPEST = 32
MOST_NODES = 50_000
"""Bounds the time that the parser takes."""
EXPOSED = (
    "Remove it, and treat that key as exposed: rotate it with `--playbook leak`. Name its place instead (`env:NAME`)."
)
_YAML = "tag:yaml.org,2002:"
_TEXT = frozenset(_YAML + kind for kind in ("str", "timestamp", "value"))
_RESOLVER: Final[Any] = Resolver()  # untyped in the stubs
_MADE: Final[dict[str, Callable[[Any], object]]] = {
    _YAML + "null": lambda _: None,
    _YAML + "bool": SafeConstructor().construct_yaml_bool,
    _YAML + "int": SafeConstructor().construct_yaml_int,
    _YAML + "float": SafeConstructor().construct_yaml_float,
}


class Events(Protocol):
    """Any of PyYAML's parsers."""

    def get_event(self) -> Any: ...


class PlainReader:
    """`lines`: place → line, from 1; `problems`: what plain data cannot hold, or may not."""

    def __init__(self, events: Events) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._get = events.get_event
        self._nodes = self._depth = 0

    def document(self) -> tuple[object] | None:
        """The one document's value; None where there is no document. Raises what the parser raises."""
        self._get()  # the stream's start
        if isinstance(self._get(), yaml.StreamEndEvent):
            return None
        value = self._value(self._next(), ())
        self._get()  # the document's end
        event = self._get()
        if not isinstance(event, yaml.StreamEndEvent):
            raise yaml.MarkedYAMLError(
                problem="a second document (`---`): one file holds one", problem_mark=event.start_mark
            )
        return (value,)

    def _next(self) -> Any:
        """The event that begins the next node, or ends the collection that is open."""
        event = self._get()
        if isinstance(event, yaml.CollectionEndEvent):
            return event
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases (`&`, `*`) are not supported: write it out", problem_mark=event.start_mark
            )
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise yaml.MarkedYAMLError(problem=f"more than {MOST_NODES} values", problem_mark=event.start_mark)
        if self._depth >= DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {DEEPEST}", problem_mark=event.start_mark)
        return event

    def _value(self, event: Any, place: Place) -> object:
        self.lines[place] = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _YAML + ("map" if mapping else "seq")):
            self._problem(event, place, "YAML tags (`!…`) are not supported")
            self._skip(event)
            return None
        self._depth += 1
        value = self._mapping(place) if mapping else self._sequence(place)
        self._depth -= 1
        return value

    def _sequence(self, place: Place) -> list[object]:
        result: list[object] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            result.append(self._value(event, (*place, len(result))))
        return result

    def _mapping(self, place: Place) -> dict[str, object]:
        result: dict[str, object] = {}
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            name = self._key(key, place)
            value = self._next()
            if name is None:
                self._skip(value)
                continue
            here = (*place, name)
            if name in result:
                self._problem(key, here, f"this key is already there, in line {self.lines[here]}")
                self._skip(value)
                continue
            result[name] = self._value(value, here)
            self.lines[here] = _line(key)
        return result

    def _key(self, event: Any, place: Place) -> str | None:
        """None, and a problem, where it is no text."""
        tag = _tag(event) if isinstance(event, yaml.ScalarEvent) else ""
        if tag in _TEXT:
            return self._text(event, place)
        merge = tag == _YAML + "merge"
        why = "merge keys (`<<`) are not supported" if merge else "a key that is not text: put it in quotes"
        self._problem(event, place, why)
        self._skip(event)
        return None

    def _skip(self, event: Any) -> None:
        """Read to the end of a node that is not wanted."""
        if isinstance(event, yaml.CollectionStartEvent):
            self._depth += 1
            while not isinstance(part := self._next(), yaml.CollectionEndEvent):
                self._skip(part)
            self._depth -= 1

    def _scalar(self, event: Any, place: Place) -> object:
        tag = _tag(event)
        if tag in _TEXT:
            return self._text(event, place)
        make = _MADE.get(tag)
        if make is None:
            self._problem(event, place, "YAML tags (`!…`) are not supported")
            return None
        try:
            return make(yaml.ScalarNode(tag, event.value))
        except (ValueError, LookupError, ArithmeticError):
            self._problem(event, place, "this number or boolean cannot be read")
            return None

    def _text(self, event: Any, place: Place) -> str:
        text = str(event.value)
        if exposes_key(text) or (text.strip().startswith("sk-ant-") and "." not in text and "…" not in text):
            self.problems.append(
                Problem(place, _line(event), "this is the text of a key, or of a part of one", EXPOSED)
            )
        elif not text.replace("\n", "").replace("\t", "").isprintable() and not _harmless(text):
            self._problem(event, place, "a control character, or half of one, stands in this text")
        return text

    def _problem(self, event: Any, place: Place, text: str) -> None:
        self.problems.append(Problem(place, _line(event), text))


def _tag(event: Any) -> str:
    if event.tag in (None, "!"):
        return str(_RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit))
    return str(event.tag)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _harmless(text: str) -> bool:
    """Unusual spaces are unprintable by Python's word, but neither move a cursor nor break an encoding."""
    return all(char.isprintable() or (char.isspace() and char > "\xa0") or char in "\n\t" for char in text)
