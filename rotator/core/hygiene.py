"""What people paste where a key is asked for. Repairs what is harmless and says so; refuses what is surely wrong.

Facts: Key formats. Formats drift, so an unusual key is only warned about. No message shows a character of what was
pasted: only names of known prefixes and lengths.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from rotator.model.keys import KeyText

MAX_PASTED = 64 * 1024
"""Characters looked at (law 8). A key has 108; what is longer than this is a file pasted by mistake."""
SHORTEST = 40
"""Below this many characters it is no key at all; between it and the usual 108 it is only unusual."""

_MAX_PASSES = 8
"""Repairs uncover each other (a quoted header line in quotes). What needs more passes than this was no mere slip."""
_USUAL = re.compile(r"sk-ant-api\d{2,4}-[A-Za-z0-9_-]{93}AA")
_API_KEY = re.compile(r"sk-ant-api\d{2,4}-")
_USUAL_CHARACTERS = re.compile(r"[A-Za-z0-9_-]+")
_ASSIGNMENT = re.compile(r"(?:export\s+)?ANTHROPIC_API_KEY['\"]?\s*[=:]\s*|export\s+", re.IGNORECASE)
_ANY_ASSIGNMENT = re.compile(
    r"(?:export\s+|set\s+(?:-\w+\s+)*|\$env:)?\w+['\"]?\s*[=:](?!/)\s*"  # sh, cmd and PowerShell, JSON, YAML
    r"|set\s+-\w+\s+\w+\s+",  # fish
    re.IGNORECASE,
)
_HEADER = re.compile(r"(?:authorization|x-api-key)\s*:\s*", re.IGNORECASE)
_BEARER = re.compile(r"bearer\s+", re.IGNORECASE)
_BRACKETED_PASTE = re.compile(r"\x1b\[20[01]~")
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_QUOTES = "\"'`“”„‟‘’‚‛«»‹›"
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    chr(point) for point in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
"""Drawn as nothing, though Unicode does not call them format characters: fillers and variation selectors."""


class Kind(Enum):
    """What it is in place of an API key of Anthropic's."""

    ADMIN = "admin"
    OAUTH = "oauth"
    OPENROUTER = "openrouter"
    OPENAI = "openai"  # or a gateway's own: many begin so
    CLOUD = "cloud"  # AWS, Bedrock, Google
    JSON = "json"  # the object that the key is a field of
    BASE64 = "base64"  # of a key


_OTHERS: tuple[tuple[re.Pattern[str], Kind, str], ...] = (
    (re.compile(r"sk-ant-admin"), Kind.ADMIN, "an Anthropic Admin key (sk-ant-admin…), which cannot run inference"),
    (re.compile(r"sk-ant-oat"), Kind.OAUTH, "an OAuth access token (sk-ant-oat…), not an API key"),
    (re.compile(r"sk-ant-ort"), Kind.OAUTH, "an OAuth refresh token (sk-ant-ort…), not an API key"),
    (re.compile(r"sk-or-"), Kind.OPENROUTER, "an OpenRouter key (sk-or-…)"),
    (re.compile(r"sk-proj-"), Kind.OPENAI, "an OpenAI key (sk-proj-…)"),
    (re.compile(r"sk-(?!ant-)"), Kind.OPENAI, "an OpenAI key (sk-…)"),
    (re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}"), Kind.CLOUD, "an AWS access key id (AKIA… or ASIA…)"),
    (re.compile(r"ABSK"), Kind.CLOUD, "an Amazon Bedrock API key (ABSK…)"),
    (re.compile(r"ya29\."), Kind.CLOUD, "a Google Cloud access token (ya29.…)"),
    (
        re.compile(r"\{[^}]*\"(?:private_key|client_email)\""),
        Kind.CLOUD,
        "a Google Cloud service-account file",
    ),
    (re.compile(r"[{\[]"), Kind.JSON, "JSON, and a key is one of its fields"),
    (re.compile(r"c2stYW50"), Kind.BASE64, "a key in base64 (c2stYW50…), not yet decoded"),
)


def sendable(key: KeyText) -> bool:
    """Whether the key can stand in a header at all. An HTTP library's own refusal would quote the key in its text."""
    return _SENDABLE.fullmatch(key.reveal()) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Exactly one of `key` and `refusal` is there. Every text is a whole sentence for a person."""

    key: KeyText | None
    repairs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    kind: Kind | None = None
    """Of what is refused, where it is known."""


def inspect(pasted: str) -> Cleaned:
    """The key in what was pasted, or why there is none. Never raises; a key of the usual form is left as it is."""
    if _USUAL.fullmatch(pasted):  # nearly always, and then nothing is left to look for
        return Cleaned(key=KeyText(pasted))
    if len(pasted) > MAX_PASTED:
        return Cleaned(key=None, refusal=f"This is no key: {len(pasted)} characters, where a key has 108.")
    text, repairs = _repair(pasted)
    if text is None:
        return Cleaned(key=None, repairs=repairs, refusal="There is too much around the key. Paste the key alone.")
    refusal, kind = _refusal(text)
    if refusal is not None:
        return Cleaned(key=None, repairs=repairs, refusal=refusal, kind=kind)
    return Cleaned(key=KeyText(text), repairs=repairs, warnings=_warnings(text))


def invisible(char: str) -> bool:
    """Whether the character is drawn as nothing at all, not even as a space."""
    return unicodedata.category(char) == "Cf" or char in _UNSEEN


def _repair(pasted: str) -> tuple[str | None, tuple[str, ...]]:
    """What is left when no repair changes it any more, None where that does not come; and what was done."""
    text, said = pasted, dict[str, None]()
    for _ in range(_MAX_PASSES):
        if said and _USUAL.fullmatch(text):  # what most repairs end in; no other would change it
            return text, tuple(said)
        before = text
        for repair, words in _REPAIRS:
            repaired = repair(text)
            if repaired != text:
                text = repaired
                said[words] = None
        if text == before:
            return text, tuple(said)
    return None, tuple(said)


def _without_invisible(text: str) -> str:
    pasted = _BRACKETED_PASTE.sub("", text) if "\x1b" in text else text
    return pasted if pasted.isascii() else "".join(char for char in pasted if not invisible(char))


def _without_quotes(text: str) -> str:
    return text.strip(_QUOTES)


def _without_header(text: str) -> str:
    found = _HEADER.match(text)
    return text[found.end() :] if found else text


def _without_assignment(text: str) -> str:
    """Of the variable that everybody uses; of another one only where a key follows."""
    found = _ASSIGNMENT.match(text)
    if found is None:
        found = _ANY_ASSIGNMENT.match(text)
        if found is None or "sk-ant-" not in text[found.end() :]:
            return text
    return text[found.end() :]


def _without_bearer(text: str) -> str:
    found = _BEARER.match(text)
    return text[found.end() :] if found else text


def _without_separator(text: str) -> str:
    return text.rstrip(",;")


_REPAIRS = (
    (_without_invisible, "Removed invisible characters."),
    (str.strip, "Removed white space or line ends around the key."),
    (_without_quotes, "Removed quotes around the key."),
    (_without_header, "Removed the name of the header in front of the key."),
    (_without_assignment, "Removed the name of the variable in front of the key."),
    (_without_bearer, "Removed the word Bearer in front of the key."),
    (_without_separator, "Removed a comma or semicolon after the key."),
)


def _refusal(text: str) -> tuple[str | None, Kind | None]:
    """Why this is surely not an API key of Anthropic's, None where it may be one; and what it is, if that is known."""
    if _USUAL.fullmatch(text):
        return None, None
    if not text:
        return "Nothing was pasted.", None
    for pattern, kind, name in _OTHERS:
        if pattern.match(text):
            return f"This is {name}. An Anthropic API key begins with sk-ant-api.", kind
    return _broken(text), None


def _broken(text: str) -> str | None:
    length = len(text)
    if text.count("sk-ant-") > 1:
        half = length // 2
        twice = text[:half].strip() == text[-half:].strip()
        what = "The key was pasted twice" if twice else "More than one key was pasted"
        return f"{what}: {length} characters, where one key has 108."
    if "..." in text or "…" in text or "**" in text:
        return f"This is the masked form of a key ({length} characters). The Console shows the whole key only once."
    if any(char.isspace() for char in text):
        return f"There is white space inside ({length} characters): cut in two lines, or more than the key was pasted."
    if not text.isascii():
        return f"There are characters in it that no key has (not ASCII; {length} characters). Copy it again."
    if not text.isprintable():
        return f"There are control characters in it ({length} characters). Copy it again."
    if length < SHORTEST:
        return f"This is too short for a key: {length} characters, where a key has 108."
    return None


def _warnings(text: str) -> tuple[str, ...]:
    if _USUAL.fullmatch(text):
        return ()
    warnings = []
    begins = _API_KEY.match(text)
    if begins is None:
        warnings.append("The key does not begin as Anthropic's API keys do (sk-ant-api…).")
    elif len(text) != begins.end() + 95:
        warnings.append(f"The key has an unusual length: {len(text)} characters, usual are {begins.end() + 95}.")
    if not _USUAL_CHARACTERS.fullmatch(text):
        warnings.append("The key has characters that Anthropic's keys do not have (usual: letters, digits, _ and -).")
    elif not text.endswith("AA"):
        warnings.append("The key has an unusual end: usual is AA.")
    return tuple(warnings)
