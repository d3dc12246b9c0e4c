"""A YAML file → plain data that remembers its lines. Safe against hostile files: size, depth, number of values are
bounded, aliases and tags are refused, and no exception but `ConfigError` leaves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from rotator.core.exposure import exposes_key
from rotator.loader.plain import EXPOSED, PlainReader
from rotator.loader.problems import Place, Problem, refusal
from rotator.model.errors import ConfigError

LARGEST = 1 << 20
"""Bytes of a file: a thousand times a long `rotate.yaml`."""
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
    data, reader = _read(text, origin)
    exposed = [problem for problem in reader.problems if problem.hint is EXPOSED]
    if exposed:
        raise refusal(origin, exposed, EXPOSED)
    return Document(origin, data, reader.lines, tuple(reader.problems))


def _refuse_keys_in(text: str, origin: str) -> None:
    """Comments count too, and this comes before anything that could quote the text."""
    found = [
        Problem((), number, "this line holds the text of a key", EXPOSED)
        for number, line in enumerate(text.splitlines(), start=1)
        if exposes_key(line)
    ]
    if found:
        raise refusal(origin, found, EXPOSED)


def _fast(text: str) -> PlainReader | None:
    """With libyaml's parser, many times faster. None: PyYAML has none here, or its own parser is to say.

    libyaml takes some tabs, `?` and `!` that PyYAML refuses: a file with those is read in one way everywhere.
    """
    if not yaml.__with_libyaml__ or "?" in text or "!" in text or not text.replace("\n", "").isprintable():
        return None
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # it comes from a module in C, without stubs

    return PlainReader(CParser(text))


def _read(text: str, origin: str) -> tuple[object, PlainReader]:
    reader = _fast(text)
    if reader is not None:
        with suppress(yaml.YAMLError, ValueError, ArithmeticError, LookupError):
            found = reader.document()
            if found is not None:
                return found[0], reader
    try:
        reader = PlainReader(yaml.SafeLoader(text))  # its words and lines are what a refusal says
        found = reader.document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise refusal(origin, [Problem((), line, _plainly(str(error.problem)))], _SYNTAX) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refusal(origin, [Problem((), line, "a character that YAML does not allow")], _SYNTAX) from None
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError):  # PyYAML's scanner lets some of these through
        raise ConfigError(f"{origin} cannot be read as YAML", _SYNTAX) from None
    if found is None:
        raise ConfigError(f"{origin} is empty", "rotate init")
    return found[0], reader


def _plainly(problem: str) -> str:
    if "'\\t'" in problem:
        return "a tab where only spaces may stand"
    return problem if problem.isprintable() else "not YAML"
