"""What went wrong with a key's text on its way to where it was found: that decides what a slip means. Pure.

A quote is harmless in a file that a shell reads, and part of the key where Docker's `--env-file` put it into the
environment. Texts say where and what, never a character of the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rotator.core.check.sample import Origin, Sample, Slip, upper
from rotator.core.hygiene import Cleaned, inspect

_REFERENCE = re.compile(
    r"\$\{?\w+|\$\(|\$\{\{|op://|vault:|aws-sm://|arn:aws|projects/[^/]+/secrets/|secretref:|@Microsoft|<[^>]*>?$|file:"
)
_PLACEHOLDER = re.compile(
    r"(?i)(sk-ant-(?:api\d+-)?)?[\W_]*(your|my|changeme|change-me|replace|todo|xxx|none$|null$|undefined$|test$)"
)
_LONGEST_PLACEHOLDER = 60
_ALIKE = re.compile(r"sk.{1,3}ant", re.DOTALL)
"""How a key begins, its hyphen perhaps made a dash by a word processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A value after a look at its text alone. `cleaned` None: nothing was there, and `absent` says so."""

    sample: Sample
    cleaned: Cleaned | None
    absent: str = ""
    fix: str = ""
    slips: tuple[Slip, ...] = ()

    @property
    def spoilt(self) -> bool:
        """What is read there is not the key alone."""
        return any(not slip.harmless for slip in self.slips)


def look(sample: Sample) -> Looked:
    """Never raises."""
    if sample.text is None:
        return Looked(sample=sample, cleaned=None, absent=sample.missing, fix=sample.hint or _load(sample))
    text = _own_line_end(sample.text) if sample.origin in (Origin.FILE, Origin.STDIN) else sample.text
    if not text.strip():
        return Looked(sample=sample, cleaned=None, absent=f"{upper(sample.place)} is empty.", fix=_load(sample))
    cleaned = inspect(text)
    sound = cleaned.key is not None and not cleaned.repairs
    looked = Looked(sample=sample, cleaned=cleaned) if sound else _look_closer(sample, text, cleaned)
    return replace(looked, slips=(_UTF16, *looked.slips)) if sample.utf16 else looked


def _look_closer(sample: Sample, text: str, cleaned: Cleaned) -> Looked:
    if sample.origin in (Origin.FILE, Origin.STDIN) and (found := _in_env_file(sample)) is not None:
        return found
    holds = field_with_key(text)
    if holds is not None:
        field_name, value = holds
        fix = (
            f"Name the field: #{field_name} at the reference's end, or `jq -r .{field_name}` on the way to a variable."
        )
        slip = Slip(what=f"It is a JSON object; the key is its field `{field_name}`.", fix=fix)
        return Looked(sample=sample, cleaned=inspect(value), slips=(slip,))
    stripped = text.strip(" \t\r\n\"'")
    if _REFERENCE.match(stripped) and "sk-ant-api" not in stripped:
        absent = f"{upper(sample.place)} holds a reference or a template that nobody put the value into."
        return Looked(sample=sample, cleaned=None, absent=absent, fix=_RESOLVE)
    if cleaned.key is None and len(stripped) < _LONGEST_PLACEHOLDER and _PLACEHOLDER.match(stripped):
        absent = f"{upper(sample.place)} holds a placeholder."
        return Looked(sample=sample, cleaned=None, absent=absent, fix=_RESOLVE)
    return Looked(sample=sample, cleaned=cleaned, slips=tuple(_odd(sample, cleaned, text)))


_RESOLVE = (
    "Find the step that should have replaced it: an .env file does not expand `$NAME` under `docker run`, Kubernetes "
    "expands only `$(NAME)`, and secret references need their agent (op run, vault-env, an init container)."
)
_UTF16 = Slip(
    what="It is UTF-16, as PowerShell's `>` writes it: whoever reads it as UTF-8 gets a NUL after every character.",
    fix="Save it as UTF-8 without a byte order mark (PowerShell: `Set-Content -Encoding ascii`).",
)


def _odd(sample: Sample, cleaned: Cleaned, text: str) -> Iterator[Slip]:
    """What had to be taken away to get at the key; where none was got at, the characters that no key has."""
    from rotator.core.check.oddities import oddities

    if cleaned.key is not None and cleaned.repairs:
        said = ", ".join(repair.removeprefix("Removed ").removesuffix(".") for repair in cleaned.repairs)
        odd = oddities(text)
        where = f" ({'; '.join(odd)})" if odd else ""
        yield Slip(what=f"There is more than the key: {said}{where}.", fix=_fix(sample, text))
    elif cleaned.key is None and cleaned.kind is None and _ALIKE.search(text):  # some other secret is not described
        yield from (Slip(what=f"{upper(odd)}.") for odd in oddities(text))


def _fix(sample: Sample, text: str) -> str:
    quoted = text.strip()[:1] in {'"', "'"}
    if sample.origin is Origin.ENV and quoted:
        return (
            "Take the quotes out of the file: `docker run --env-file` keeps them literally; a shell, Compose "
            "and systemd remove them."
        )
    if sample.origin is Origin.ENV and text.endswith(("\n", "\r")):
        return (
            "The line end came with the value: make a Kubernetes secret with `--from-literal` or `printf %s`, not with "
            "`echo | base64`; save a .env file with LF line ends, not CRLF."
        )
    if sample.origin is Origin.SECRET:
        return "Write the value anew, the key alone: `rotate start` does, and checks it first."
    return "Copy the key again from where it is kept, and nothing else with it."


def _in_env_file(sample: Sample) -> Looked | None:
    """None where it is no such file."""
    from rotator.core.check import env_file

    file = env_file.parsed(sample.text or "")  # with its last line end: a CR counts
    if file is None:
        return None
    key = file.key
    if key is None:
        hint = f" Line {file.commented_out} sets it in a comment." if file.commented_out else ""
        absent = f"{upper(sample.place)} is an .env file that sets no ANTHROPIC_API_KEY.{hint}"
        return Looked(sample=sample, cleaned=None, absent=absent, fix=_load(sample))
    said = tuple(env_file.slips(key))
    inner = look(Sample(origin=Origin.ENV, name=key.name, text=env_file.bare(key.value)))
    if inner.cleaned is None:
        absent = f"{key.name} on line {key.line} of {sample.place} has no value that is a key."
        return Looked(sample=sample, cleaned=None, absent=absent, fix=inner.fix, slips=said)
    return Looked(sample=sample, cleaned=inner.cleaned, slips=(*said, *inner.slips))


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


def _load(sample: Sample) -> str:
    match sample.origin:
        case Origin.ENV:
            return (
                f"Set {sample.name} where the program starts, not in another shell: `export` it, "
                "pass it through `docker run -e` or `environment:`, reload .envrc, restart the service."
            )
        case Origin.SECRET:
            return "Correct the reference (its field after #, its region), or write the key into the secret."
        case _:
            return "Write the key there, or name another place."
