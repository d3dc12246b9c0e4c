"""The check at a container's start: one key's text, no network, and no import that is not needed for it.

`early` stands before typer, whose reading of any option imports pydantic (typer 0.29, `_coercion.py`) and costs more
than the check. It takes exactly the words below; with any other it steps aside, and typer reads the same words.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from rotator.cli.check_key import CODES, offline, place, read, report
from rotator.core.check.diagnosis import Finding

_FLAGS = frozenset({"--offline", "--quiet", "-q", "--json"})
_VALUES = frozenset({"--env", "--key-file"})


def look(key_file: str | None, variable: str | None, *, quiet: bool, json: bool) -> int:
    """The exit code. JSON whenever it was asked for; `quiet` in text: one line on stderr, none where all is well."""
    checked = offline(read(key_file, variable))
    diagnosis = checked.diagnosis
    if json:
        from rotator.cli.results import show_json

        show_json(report(checked))
    elif not quiet:
        from rotator.cli.check_lines import folded, key_lines
        from rotator.cli.results import show

        for line in folded(key_lines(diagnosis, place(checked.symptoms.looked))):
            show(line)
    elif diagnosis.finding is not Finding.FINE:
        from rotator.cli.check_lines import one_line

        with suppress(OSError, ValueError):  # a terminal that has gone away
            sys.stderr.write(one_line(diagnosis) + "\n")
            sys.stderr.flush()
    return CODES[diagnosis.finding]


def early(words: Sequence[str]) -> int | None:
    """The exit code of `rotate check` with these further words; None where typer is to read them."""
    if "--offline" not in words or any("sk-ant-" in word for word in words):
        return None
    if None in (sys.stdin, sys.stdout, sys.stderr):
        return None
    given: dict[str, str] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if name in _VALUES and name not in given:
            found = value if equals else next(left, "")
            if not found or (found.startswith("-") and found != "-"):
                return None
            given[name] = found
        elif word not in _FLAGS:
            return None
    if len(given) != 1:
        return None
    quiet, json = "--quiet" in words or "-q" in words, "--json" in words
    return look(given.get("--key-file"), given.get("--env"), quiet=quiet, json=json)
