"""What is wrong with a document: collected, then reported all at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from rotator.model.errors import ConfigError

Place: TypeAlias = tuple[str | int, ...]
"""A place inside a document: the keys and indices that lead there."""

MOST_SHOWN = 50
"""More problems than this help nobody; the rest is counted."""
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1; None where there is no such line. `hint` is what to write instead."""

    place: Place
    line: int | None
    text: str
    hint: str = ""


def spelled(place: Place) -> str:
    """`credentials.prod-chat.consumers[0].wave`; parts that are no plain words are quoted and cut."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN.fullmatch(part) else ascii(part[:40]))
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = get_close_matches(word[:80].lower().replace("-", "_"), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def refusal(origin: str, problems: list[Problem], hint: str) -> ConfigError:
    """One error for all of them, in the order of the file. `hint` is used where a single problem brings none."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: (problem.line or 0, spelled(problem.place)))
    if len(ordered) == 1:
        only = ordered[0]
        return ConfigError(_line(origin, only), only.hint or hint)
    lines = [f"{origin} has {len(ordered)} problems:"]
    for problem in ordered[:MOST_SHOWN]:
        lines.append(f"  {_line(origin, problem)}" + (f" ({problem.hint.rstrip('.')})" if problem.hint else ""))
    if len(ordered) > MOST_SHOWN:
        lines.append(f"  and {len(ordered) - MOST_SHOWN} more")
    return ConfigError("\n".join(lines), hint)


def _line(origin: str, problem: Problem) -> str:
    where = origin if problem.line is None else f"{origin}:{problem.line}"
    path = spelled(problem.place)
    return f"{where}: {path}: {problem.text}" if path else f"{where}: {problem.text}"
