"""A value as it was found, before anybody mended it; and a slip: what went wrong on its way there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from rotator.model.keys import never_pickled

VARIABLE = "ANTHROPIC_API_KEY"


class Origin(Enum):
    ENV = "environment"
    FILE = "file"
    STDIN = "stdin"
    SECRET = "secret"  # noqa: S105 - a word, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`text` None: there is none, and `missing` says why, as a sentence. `utf16`: it was decoded from that."""

    origin: Origin
    name: str
    text: str | None = field(repr=False)
    missing: str = ""
    hint: str = ""
    utf16: bool = False

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

    @property
    def is_the_variable(self) -> bool:
        """Whether this is what an application's SDK would find by itself, here."""
        return self.origin is Origin.ENV and self.name == VARIABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """`harmless`: whoever reads this place in the usual way gets the key all the same. Shows nothing of the value."""

    what: str
    fix: str = ""
    harmless: bool = False


def upper(text: str) -> str:
    """As a sentence begins."""
    return text[:1].upper() + text[1:]
