"""A YAML file → plain data that remembers its lines. Safe against hostile files: size, depth, number of nodes are
bounded, aliases (the "billion laughs") and tags are refused, and no exception but `ConfigError` leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from rotator.core.exposure import exposes_key
from rotator.loader.problems import Place, Problem, refusal
from rotator.model.errors import ConfigError

LARGEST = 1 << 20
"""Bytes of a file: a thousand times a long `rotate.yaml`."""
DEEPEST = 32
MOST_NODES = 50_000
"""Bounds the time that the parser takes."""
_YAML = "tag:yaml.org,2002:"
_TEXT = frozenset(_YAML + kind for kind in ("str", "timestamp", "value"))
_EXPOSED = (
    "Remove it, and treat that key as exposed: rotate it with `--playbook leak`. Name its place instead (`env:NAME`)."
)
_SYNTAX = "Indent with spaces only; put text with special characters in quotes."


@dataclass(frozen=True, slots=True)
class Document:
    """`data`: dicts with text keys, lists, text, numbers, booleans, None. `lines`: place → line, from 1."""

    origin: str
    data: object
    lines: Mapping[Place, int]
    problems: tuple[Problem, ...]

    def line(self, place: Place) -> int | None:
        """The line of the place, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


def read_document(path: Path) -> Document:
    """Read and parse a file. Raises `ConfigError` where that cannot be done, or where it holds a key's text."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "rotate init") from None
    except ValueError:
        raise ConfigError("the path holds a NUL character", "") from None
    return parse_document(raw, str(path))


def parse_document(raw: bytes, origin: str) -> Document:
    if len(raw) > LARGEST:
        raise ConfigError(f"{origin} is larger than {LARGEST >> 20} MiB", "This is surely not the file that was meant.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{origin}:{line}: not UTF-8 text", "Save the file as UTF-8.") from None
    _refuse_keys_in(text, origin)
    root = _compose(text, origin)
    reader = _Reader()
    data = reader.value(root, ())
    exposed = [problem for problem in reader.problems if problem.hint is _EXPOSED]
    if exposed:
        raise refusal(origin, exposed, _EXPOSED)
    return Document(origin, data, reader.lines, tuple(reader.problems))


def _refuse_keys_in(text: str, origin: str) -> None:
    """Comments count too, and this comes before anything that could quote the text."""
    found = [
        Problem((), number, "this line holds the text of a key", _EXPOSED)
        for number, line in enumerate(text.splitlines(), start=1)
        if exposes_key(line)
    ]
    if found:
        raise refusal(origin, found, _EXPOSED)


class _Bounds(Composer):
    """Composes nodes only; refuses aliases, depth and mass while doing so."""

    nodes = 0
    depth = 0
    peek_event: Any  # the parser's, which the stubs leave untyped

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases (`&`, `*`) are not supported: write it out", problem_mark=event.start_mark
            )
        self.nodes += 1
        self.depth += 1
        if self.nodes > MOST_NODES:
            raise yaml.MarkedYAMLError(problem=f"more than {MOST_NODES} values", problem_mark=event.start_mark)
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {DEEPEST}", problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class _Bounded(_Bounds, yaml.SafeLoader):
    """With PyYAML's own parser: its words and lines are what a refusal says."""


def _fast(text: str) -> yaml.Node | None:
    """With libyaml's parser, many times faster. None: PyYAML has none here, or the other parser is to say.

    libyaml takes some tabs, `?` and `!` that PyYAML refuses: a file with those is read in one way everywhere.
    """
    if not yaml.__with_libyaml__ or "?" in text or "!" in text or not text.replace("\n", "").isprintable():
        return None
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # it comes from a module in C, without stubs

    class Fast(_Bounds, CParser, Resolver):
        def __init__(self) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

    try:
        return Fast().get_single_node()
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError):
        return None


def _compose(text: str, origin: str) -> yaml.Node:
    try:
        root = _fast(text) or _Bounded(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise refusal(origin, [Problem((), line, _plainly(str(error.problem)))], _SYNTAX) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refusal(origin, [Problem((), line, "a character that YAML does not allow")], _SYNTAX) from None
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError):  # PyYAML's scanner lets some of these through
        raise ConfigError(f"{origin} cannot be read as YAML", _SYNTAX) from None
    if root is None:
        raise ConfigError(f"{origin} is empty", "rotate init")
    return root


def _plainly(problem: str) -> str:
    if "'\\t'" in problem:
        return "a tab where only spaces may stand"
    if problem.startswith("but found another document"):
        return "a second document (`---`): one file holds one"
    return problem if problem.isprintable() else "not YAML"


class _Reader:
    """Turns nodes into plain data, noting lines and problems."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, place: Place) -> object:
        self.lines[place] = _line(node)
        if isinstance(node, yaml.MappingNode) and node.tag == _YAML + "map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == _YAML + "seq":
            return [self.value(item, (*place, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        self._problem(node, place, "YAML tags (`!…`) are not supported")
        return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _TEXT:
                merge = isinstance(key, yaml.ScalarNode) and key.tag == _YAML + "merge"
                why = "merge keys (`<<`) are not supported" if merge else "a key that is not text: put it in quotes"
                self._problem(key, place, why)
                continue
            name = self._text(key, place)
            here = (*place, name)
            if name in result:
                first = self.lines[here]
                self._problem(key, here, f"this key is already there, in line {first}")
                continue
            result[name] = self.value(value, here)
            self.lines[here] = _line(key)
        return result

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> object:
        if node.tag in _TEXT:
            return self._text(node, place)
        kind = node.tag.removeprefix(_YAML)
        maker: Any = yaml.SafeLoader("")  # its constructors use nothing of it but themselves
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return maker.construct_yaml_bool(node)
                case "int":
                    return maker.construct_yaml_int(node)
                case "float":
                    return maker.construct_yaml_float(node)
        except (ValueError, LookupError, ArithmeticError):
            self._problem(node, place, "this number or boolean cannot be read")
            return None
        self._problem(node, place, "YAML tags (`!…`) are not supported")
        return None

    def _text(self, node: yaml.ScalarNode, place: Place) -> str:
        text = str(node.value)
        if exposes_key(text) or (text.strip().startswith("sk-ant-") and "." not in text and "…" not in text):
            self.problems.append(
                Problem(place, _line(node), "this is the text of a key, or of a part of one", _EXPOSED)
            )
        elif not text.replace("\n", "").replace("\t", "").isprintable() and not _harmless(text):
            self._problem(node, place, "a control character, or half of one, stands in this text")
        return text

    def _problem(self, node: yaml.Node, place: Place, text: str) -> None:
        self.problems.append(Problem(place, _line(node), text))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _harmless(text: str) -> bool:
    """Unusual spaces are unprintable by Python's word, but neither move a cursor nor break an encoding."""
    return all(char.isprintable() or (char.isspace() and char > "\xa0") or char in "\n\t" for char in text)
