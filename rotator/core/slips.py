"""A key's value as it was found, and what went wrong on its way: where it came from decides what a slip means. Pure.

A quote is harmless in a file that a shell reads, and part of the key where Docker's `--env-file` put it into the
environment. Texts say where and what, never a character of the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from rotator.core.hygiene import Cleaned, inspect
from rotator.model.keys import never_pickled

VARIABLE = "ANTHROPIC_API_KEY"
MOST_LINES = 2000
"""Lines of a `.env` file that are looked at (law 8)."""

_LINE = re.compile(r"\ufeff?\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")
_REFERENCE = re.compile(
    r"\$\{?\w+|\$\(|\$\{\{|op://|vault:|aws-sm://|arn:aws|projects/[^/]+/secrets/|secretref:|@Microsoft|<[^>]*>?$|file:"
)
_PLACEHOLDER = re.compile(
    r"(?i)(sk-ant-)?[\W_]*(your|my|changeme|change-me|replace|todo|xxx|none$|null$|undefined$|test$)"
)


class Origin(Enum):
    ENV = "environment"
    FILE = "file"
    STDIN = "stdin"
    SECRET = "secret"  # noqa: S105 - a word, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value as it was found. `text` None: there is none, and `missing` says why, as a sentence."""

    origin: Origin
    name: str
    text: str | None = field(repr=False)
    missing: str = ""
    hint: str = ""

    __reduce__ = never_pickled

    @property
    def place(self) -> str:
        match self.origin:
            case Origin.ENV:
                return f"the environment variable {self.name}"
            case Origin.FILE:
                return f"the file {self.name}"
            case Origin.STDIN:
                return "what came on stdin"
            case Origin.SECRET:
                return f"the secret {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """`harmless`: whoever reads this place in the usual way gets the key all the same."""

    what: str
    fix: str
    harmless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A value after a look at its text alone. `cleaned` None: nothing was there, and `absent` says so."""

    reading: Reading
    cleaned: Cleaned | None
    absent: str = ""
    fix: str = ""
    slips: tuple[Slip, ...] = ()

    @property
    def spoilt(self) -> bool:
        """What is read there is not the key alone."""
        return any(not slip.harmless for slip in self.slips)


def look(reading: Reading) -> Looked:
    """Never raises."""
    if reading.text is None:
        return Looked(reading=reading, cleaned=None, absent=reading.missing, fix=reading.hint or _load(reading))
    text = _own_line_end(reading.text) if reading.origin in (Origin.FILE, Origin.STDIN) else reading.text
    if not text.strip():
        return Looked(reading=reading, cleaned=None, absent=f"{_upper(reading.place)} is empty.", fix=_load(reading))
    cleaned = inspect(text)
    if cleaned.key is not None and not cleaned.repairs:
        return Looked(reading=reading, cleaned=cleaned)
    return _look_closer(reading, text, cleaned)


def _look_closer(reading: Reading, text: str, cleaned: Cleaned) -> Looked:
    if reading.origin is Origin.FILE and (found := _in_env_file(text)) is not None:
        return _env_file(reading, *found)
    holds = field_with_key(text)
    if holds is not None:
        field_name, value = holds
        fix = (
            f"Name the field: #{field_name} at the reference's end, or `jq -r .{field_name}` on the way to a variable."
        )
        slip = Slip(what=f"It is a JSON object; the key is its field `{field_name}`.", fix=fix)
        return Looked(reading=reading, cleaned=inspect(value), slips=(slip,))
    stripped = text.strip(" \t\r\n\"'")
    if _REFERENCE.match(stripped):
        absent = f"{_upper(reading.place)} holds a reference or a template that nobody put the value into."
        return Looked(reading=reading, cleaned=None, absent=absent, fix=_RESOLVE)
    if cleaned.key is None and len(stripped) < 60 and _PLACEHOLDER.match(stripped):
        return Looked(
            reading=reading, cleaned=None, absent=f"{_upper(reading.place)} holds a placeholder.", fix=_RESOLVE
        )
    return Looked(reading=reading, cleaned=cleaned, slips=tuple(_repaired(reading, cleaned, text)))


_RESOLVE = (
    "Find the step that should have replaced it: an .env file does not expand `$NAME` under `docker run`, Kubernetes "
    "expands only `$(NAME)`, and secret references need their agent (op run, vault-env, an init container)."
)


def _repaired(reading: Reading, cleaned: Cleaned, text: str) -> Iterator[Slip]:
    from rotator.core.oddities import oddities

    if not cleaned.repairs:
        return
    odd = oddities(text)
    where = f" ({'; '.join(odd)})" if odd else ""
    yield Slip(what=f"There is more than the key{where}.", fix=_fix(reading, text))


def _fix(reading: Reading, text: str) -> str:
    quoted = text.strip()[:1] in {'"', "'"}
    if reading.origin is Origin.ENV and quoted:
        return (
            "Take the quotes out of the file: `docker run --env-file` keeps them literally; a shell, Compose "
            "and systemd remove them."
        )
    if reading.origin is Origin.ENV and text.endswith(("\n", "\r")):
        return (
            "The line end came with the value: make a Kubernetes secret with `--from-literal` or `printf %s`, not with "
            "`echo | base64`; save a .env file with LF line ends, not CRLF."
        )
    if reading.origin is Origin.SECRET:
        return "Write the value anew, the key alone: `rotate start` does, and checks it first."
    return "Copy the key again from where it is kept, and nothing else with it."


def _env_file(reading: Reading, number: int, value: str, marked: bool) -> Looked:
    said = [Slip(what=f"It is an .env file; {VARIABLE} is on line {number}.", fix="", harmless=True)]
    bare = value.strip()
    if marked:
        fix = "Save the file as UTF-8 without a byte order mark."
        said.append(Slip(what=f"A byte order mark stands before {VARIABLE}: the variable gets another name.", fix=fix))
    if bare[:1] in {'"', "'"}:
        what = "The value is quoted: a shell, Compose and systemd remove the quotes, `docker run --env-file` does not."
        said.append(Slip(what=what, fix=f"Write {VARIABLE}= and the key, without quotes.", harmless=True))
        bare = bare[1 : bare.rfind(bare[0])] if bare.rfind(bare[0]) > 0 else bare
    elif value != value.strip() and value.strip():
        what = "There is white space around the value: Docker keeps it, a shell ends the value there."
        said.append(Slip(what=what, fix=f"Write {VARIABLE}= and the key at once after it, with LF line ends."))
    inner = look(Reading(origin=Origin.ENV, name=VARIABLE, text=bare))
    if inner.cleaned is None:
        absent = f"{VARIABLE} on line {number} of {reading.name} has no value that is a key."
        return Looked(reading=reading, cleaned=None, absent=absent, fix=inner.fix, slips=tuple(said))
    return Looked(reading=reading, cleaned=inner.cleaned, slips=(*said, *inner.slips))


def _in_env_file(text: str) -> tuple[int, str, bool] | None:
    """Line number, value, and whether a byte order mark precedes the name; the last assignment wins, as in a shell."""
    lines = text.split("\n")[:MOST_LINES]
    assigned = [(number, line, _LINE.fullmatch(line.rstrip("\r"))) for number, line in enumerate(lines, start=1)]
    ours = [(number, line, found) for number, line, found in assigned if found is not None and found[1] == VARIABLE]
    if not ours:
        return None
    number, line, found = ours[-1]
    value = found[2] + ("\r" if line.endswith("\r") else "")
    return number, value, line.startswith("\ufeff")


def field_with_key(text: str) -> tuple[str, str] | None:
    """The one field of a JSON object whose value looks like a key."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    fields = value.items() if isinstance(value, dict) else ()
    keys = [(name, text) for name, text in fields if isinstance(text, str) and text.startswith("sk-ant-api")]
    return keys[0] if len(keys) == 1 and len(keys[0][0]) <= 64 and keys[0][0].isidentifier() else None


def _own_line_end(text: str) -> str:
    """A file's last line ends with one, and that is no slip."""
    return text[:-2] if text.endswith("\r\n") else text[:-1] if text.endswith("\n") else text


def _load(reading: Reading) -> str:
    match reading.origin:
        case Origin.ENV:
            return (
                f"Set {reading.name} where the program starts, not in another shell: `export` it, "
                "pass it through `docker run -e` or `environment:`, reload .envrc, restart the service."
            )
        case Origin.SECRET:
            return "Correct the reference (its field after #, its region), or write the key into the secret."
        case _:
            return "Write the key there, or name another place."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
