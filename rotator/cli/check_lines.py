"""A check's results as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rotator.core.diagnosis import Diagnosis
from rotator.core.remarks import Weight
from rotator.core.suspects import Certainty

if TYPE_CHECKING:
    from rotator.cli.check_credential import CredentialCheck
    from rotator.model.canonical import JsonObject

_MARKS = {"fine": "ok", "wrong": "WRONG", "unknown": "CANNOT TELL"}


def key_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The verdict first, then the causes, most likely first."""
    yield f"{_MARKS[diagnosis.finding.value]}: {diagnosis.summary}"
    if diagnosis.fingerprint is not None:
        yield f"  key      {diagnosis.fingerprint}, {diagnosis.fingerprint.length} characters"
    for number, suspect in enumerate(diagnosis.suspects, start=1):
        yield f"  {number}. {_certainty(suspect.certainty)}: {suspect.what}"
        yield from (f"       for      {said}" for said in suspect.speaks_for)
        yield from (f"       against  {said}" for said in suspect.against)
        yield f"       do       {suspect.fix}"
    yield from (f"  note     {note}" for note in diagnosis.notes)


def one_line(diagnosis: Diagnosis) -> str:
    """For `--quiet`: what is wrong and what to do, in one line of a container's log."""
    fix = f" {diagnosis.first.fix}" if diagnosis.first else ""
    return f"rotate check: {_MARKS[diagnosis.finding.value]}: {diagnosis.summary}{fix}"


def quiet_remarks(checks: Sequence[CredentialCheck]) -> Iterator[str]:
    """For `--quiet`: a line for each remark that is more than a note."""
    for check in checks:
        for remark in check.remarks:
            if remark.weight is not Weight.NOTE:
                yield f"rotate check: {check.credential}: {remark.weight.value}: {remark.what} {remark.fix}".rstrip()


def _certainty(certainty: Certainty) -> str:
    return certainty.name.lower()


def credential_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """A credential's report (`check_credential.report`)."""
    yield f"{report['credential']}: {_MARKS[report['finding']]}"
    remarks = [one for one in report["remarks"] if one["weight"] != "note"]
    for remark in remarks:
        yield f"  {remark['weight']:<8} {remark['what']}"
        if remark["fix"]:
            yield f"           do: {remark['fix']}"
    yield "  who holds what"
    yield from _table(report["holders"])
    yield "  would a rotation work"
    yield from _tried(report["readiness"])
    if report["key"] is not None:
        yield "  the current key"
        yield f"    {report['key']['summary']}"
        for cause in report["key"]["causes"]:
            yield f"    {cause['certainty']}: {cause['what']}"
            yield from (f"      for      {said}" for said in cause["for"])
            yield from (f"      against  {said}" for said in cause["against"])
    for remark in report["remarks"]:
        if remark["weight"] == "note":
            yield f"  note     {remark['what']} {remark['fix']}".rstrip()


def _table(rows: Sequence[JsonObject]) -> Iterator[str]:
    cells = [(str(row["where"]), str(row["role"]), str(row["note"] or row["key"] or "-")) for row in rows]
    widths = [max((len(cell[column]) for cell in cells), default=0) for column in (0, 1)]
    for where, role, key in cells:
        yield f"    {where:<{widths[0]}}  {role:<{widths[1]}}  {key}"


def _tried(trials: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What works in a line for each part; what does not, and what was not tried, each with its reason."""
    for part in dict.fromkeys(trial["part"] for trial in trials):
        mine = [trial for trial in trials if trial["part"] == part]
        good = [trial["what"] for trial in mine if trial["answer"] == "yes"]
        yield f"    {part}"
        if good:
            yield f"      yes        {', '.join(good)}"
        for answer in ("no", "not tried"):
            some = [trial for trial in mine if trial["answer"] == answer]
            for why in dict.fromkeys(trial["why"] for trial in some):
                what = ", ".join(trial["what"] for trial in some if trial["why"] == why)
                yield f"      {answer:<10} {what}" + (f": {why}" if why else "")
