"""A check's results as lines for a person, folded to the terminal's width."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeAlias

from rotator.core.check.diagnosis import Diagnosis, Finding
from rotator.core.check.remarks import Weight
from rotator.core.check.sample import upper
from rotator.core.check.suspects import NOT_THE_KEY

if TYPE_CHECKING:
    from rotator.cli.check_credential import CredentialCheck
    from rotator.model.canonical import JsonObject

Line: TypeAlias = tuple[str, str]
"""What a line begins with, and its text: where that is folded, it goes on beneath its own beginning."""

MOST_SHOWN = 20
"""Instances with the same key, named before the rest is only counted. `--json` has all."""
_MARKS = {"fine": "ok", "wrong": "WRONG", "unknown": "CANNOT TELL"}
_NARROWEST, _USUAL = 40, 80
"""Columns: the least that a text is folded to, and what a terminal has that does not tell."""


def key_lines(diagnosis: Diagnosis, place: str) -> Iterator[Line]:
    """The verdict first, then the causes, most likely first, each with what to do about it."""
    mark = _MARKS[diagnosis.finding.value]
    if diagnosis.finding is Finding.FINE or diagnosis.first is None:
        yield f"{mark}: ", diagnosis.summary
    elif diagnosis.first.culprit in NOT_THE_KEY:
        yield f"{mark}, not the key's fault: ", place
    else:
        yield f"{mark}: ", place
    if diagnosis.fingerprint is not None:
        yield "  key      ", f"{diagnosis.shown}, {diagnosis.fingerprint.length} characters"
    yield from _causes([suspect.to_json() for suspect in diagnosis.suspects], "  ")
    yield from (("  note     ", note) for note in diagnosis.notes)


def _causes(causes: Sequence[Mapping[str, Any]], margin: str) -> Iterator[Line]:
    for number, cause in enumerate(causes, start=1):
        yield f"{margin}{number}. ", f"{cause['certainty']}: {cause['what']}"
        yield f"{margin}     do       ", cause["fix"]
        yield from ((f"{margin}     for      ", said) for said in cause["for"])
        yield from ((f"{margin}     against  ", said) for said in cause["against"])


def one_line(diagnosis: Diagnosis) -> str:
    """For `--quiet`: what is wrong and what to do, in one line of a container's log."""
    fix = f" {diagnosis.first.fix}" if diagnosis.first else ""
    return _printable(f"rotate check: {_MARKS[diagnosis.finding.value]}: {diagnosis.summary}{fix}")


def quiet_remarks(checks: Sequence[CredentialCheck]) -> Iterator[str]:
    """For `--quiet`: a line for each remark that is more than a note."""
    for check in checks:
        for remark in check.remarks:
            if remark.weight is not Weight.NOTE:
                said = f"rotate check: {check.credential}: {remark.weight.value}: {remark.what} {remark.fix}"
                yield _printable(said.rstrip())


def credential_lines(report: Mapping[str, Any], said: set[str]) -> Iterator[Line]:
    """A credential's report (`check_credential.report`). `said`: notes that are not to be said again; grows."""
    yield "", f"{report['credential']}: {_MARKS[report['finding']]}"
    for remark in report["remarks"]:
        if remark["weight"] != "note":
            yield f"  {remark['weight']:<8} ", remark["what"]
            if remark["fix"]:
                yield "           do: ", remark["fix"]
    yield "  ", "who holds what"
    yield from _table(report["whereabouts"])
    yield "  ", "would a rotation work"
    yield from _readiness(report["readiness"])
    if report["key"] is not None:
        yield "  ", "the current key"
        yield "    ", report["key"]["summary"].removeprefix(f"{upper(report['key']['checked'])}: ")
        yield from _causes(report["key"]["causes"], "    ")
    for remark in report["remarks"]:
        note = f"{remark['what']} {remark['fix']}".rstrip()
        if remark["weight"] == "note" and note not in said:
            said.add(note)
            yield "  note     ", note


def _table(rows: Sequence[JsonObject]) -> Iterator[Line]:
    """Each place with its labels; instances that hold the same key stand together."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        group = (str(row["where"]), str(row["role"]), str(row["note"] or row["key"] or "-"))
        groups.setdefault(group, []).extend([str(row["instance"])] if row["instance"] is not None else [])
    width = max((len(role) for _, role, _ in groups), default=0)
    place = None
    for (where, role, key), instances in groups.items():
        if where != place:
            yield "    ", where
            place = where
        named = ", ".join(instances[:MOST_SHOWN])
        more = f" and {len(instances) - MOST_SHOWN} more" if len(instances) > MOST_SHOWN else ""
        yield f"      {role:<{width}}  ", f"{key}  {named}{more}".rstrip()


def _readiness(needs: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """What works in a line for each part; what does not, and what was not tried, each with its reason."""
    for part in dict.fromkeys(need["part"] for need in needs):
        mine = [need for need in needs if need["part"] == part]
        good = [need["what"] for need in mine if need["answer"] == "yes"]
        yield "    ", part
        if good:
            yield "      yes        ", ", ".join(good)
        for answer in ("no", "not tried"):
            some = [need for need in mine if need["answer"] == answer]
            for why in dict.fromkeys(need["why"] for need in some):
                what = ", ".join(need["what"] for need in some if need["why"] == why)
                yield f"      {answer:<10} ", what + (f": {why}" if why else "")


def folded(lines: Iterable[Line]) -> Iterator[str]:
    """As they are printed: broken between words on a terminal, whole in a file or a pipe."""
    width = _width()
    for lead, text in lines:
        clean = _printable(text)
        if width is None:
            yield lead + clean
            continue
        room = max(width - len(lead), _NARROWEST)
        pieces = wrap(clean, room, break_long_words=False, break_on_hyphens=False) or [""]
        yield lead + pieces[0]
        yield from (" " * len(lead) + piece for piece in pieces[1:])


def _width() -> int | None:
    """The terminal's columns; None where stdout is none."""
    try:
        return (os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL) if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None


def _printable(text: str) -> str:
    """A file's name, or another system's words, must not steer the terminal, nor fail to be encoded."""
    return "".join(char if char.isprintable() else " " for char in text)
