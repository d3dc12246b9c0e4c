"""The key's line in an `.env` file, and what those who read such files make of it. Pure.

A shell, Compose and dotenv libraries, systemd and `docker run --env-file` read the same line in different ways:
https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/ (quotes, comments),
https://docs.docker.com/reference/cli/docker/container/run/#env (none of either), systemd.exec(5), `EnvironmentFile=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rotator.core.check.sample import VARIABLE, Slip

MOST_LINES = 2000
"""Lines that are looked at (law 8)."""
_LONGEST_NAME = 64
_LINE = re.compile(r"(\ufeff?)\s*(export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_COMMENT = re.compile(r"\s+#.*", re.DOTALL)
_COMMENTED = re.compile(rf"\s*#\s*(?:export\s+)?{VARIABLE}\s*=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """One line `NAME=value`. `value`: as it stands there, quotes, comment and carriage return included."""

    line: int
    name: str
    value: str = field(repr=False)
    marked: bool
    """A byte order mark precedes the name."""
    exported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """`key` None: nothing in it is named as, or looks like, a key of Anthropic's."""

    key: Assigned | None
    commented_out: int | None
    """The line, if any, where the variable is set in a comment."""


def parsed(text: str) -> EnvFile | None:
    """None where the text is no `.env` file. The last assignment of the variable counts, as in a shell."""
    lines = text.split("\n")[:MOST_LINES]
    found = [_assigned(number, line) for number, line in enumerate(lines, start=1)]
    assigned = [one for one in found if one is not None]
    ours = [one for one in assigned if one.name == VARIABLE]
    if ours:
        return EnvFile(key=ours[-1], commented_out=None)
    commented = next((number for number, line in enumerate(lines, start=1) if _COMMENTED.match(line)), None)
    if commented is None and not _reads_as_one(lines, assigned):
        return None
    alike = [one for one in assigned if "sk-ant-" in one.value]
    return EnvFile(key=alike[0] if len(alike) == 1 else None, commented_out=commented)


def _assigned(number: int, line: str) -> Assigned | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    mark, exported, name, value = found.groups()
    return Assigned(line=number, name=name, value=value, marked=bool(mark), exported=exported is not None)


def _reads_as_one(lines: Sequence[str], assigned: Sequence[Assigned]) -> bool:
    said = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    named = all(len(one.name) <= _LONGEST_NAME for one in assigned)
    return bool(assigned) and named and len(said) == len(assigned) and (len(lines) > 1 or "sk-ant-" in lines[0])


def bare(value: str) -> str:
    """What a shell makes of it: without quotes, and without the comment after it."""
    text = value.strip()
    quote = text[:1]
    if quote in {'"', "'"}:
        end = text.find(quote, 1)
        return text[1:end] if end > 0 else text
    return _COMMENT.sub("", text, count=1)


def slips(key: Assigned) -> Iterator[Slip]:
    """What is worth knowing of the line, the harmless first."""
    yield Slip(what=f"It is an .env file; {key.name} is on line {key.line}.", harmless=True)
    if key.name != VARIABLE:
        yield Slip(
            what=f"The SDK looks for {VARIABLE}.",
            fix=f"See to it that {key.name} is what is read.",
            harmless=True,
        )
    if key.exported:
        what = "`export` stands before the name: `docker run --env-file` and systemd do not take such a line."
        yield Slip(what=what, fix="Leave it out, unless a shell alone reads the file.", harmless=True)
    text = key.value.strip()
    quoted = text[:1] in {'"', "'"}
    if quoted:
        what = "The value is quoted: a shell, Compose and systemd remove the quotes, `docker run --env-file` does not."
        yield Slip(what=what, fix=f"Write {key.name}= and the key, without quotes.", harmless=True)
    if _COMMENT.search(text):
        what = "A comment follows the value: `docker run --env-file` and systemd take it for a part of the key."
        yield Slip(what=what, fix="Put the comment on a line of its own.", harmless=True)
    yield from _spoiling(key)


def _spoiling(key: Assigned) -> Iterator[Slip]:
    if key.marked:
        fix = "Save the file as UTF-8 without a byte order mark."
        yield Slip(what=f"A byte order mark stands before {key.name}: the variable gets another name.", fix=fix)
    if key.value.endswith("\r"):
        what = "The line ends in CR LF: a shell takes the carriage return for a part of the key."
        yield Slip(what=what, fix="Save the file with LF line ends (`dos2unix`).")
    value = key.value.rstrip("\r")
    if value.strip() and value != value.strip():
        what = "There is white space around the value: Docker keeps it, a shell ends the value there."
        yield Slip(what=what, fix=f"Write {key.name}= and the key at once after it.")
