"""One round of `rotate check`, ready to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.cli.check_credential import report as credential_report
from rotator.cli.check_key import place
from rotator.cli.check_key import report as key_report
from rotator.cli.check_lines import Line, credential_lines, folded, key_lines, one_line, quiet_remarks
from rotator.cli.results import show, show_json
from rotator.cli.screen import write
from rotator.core.check import whereabouts
from rotator.core.check.diagnosis import Finding
from rotator.core.check.readiness import Answer
from rotator.core.check.remarks import Weight
from rotator.model.canonical import Json, digest

if TYPE_CHECKING:
    from rotator.cli.check_credential import CredentialCheck
    from rotator.cli.check_key import Checked
    from rotator.model.errors import OutsideError

_GRAVEST = (Finding.WRONG, Finding.UNKNOWN, Finding.FINE)


@dataclass(frozen=True, slots=True)
class Result:
    """`told` is what it is compared by: equal ones mean that nothing has changed."""

    finding: Finding
    report: Json
    lines: Sequence[Line]
    brief: Sequence[str]
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a result is shown."""

    quiet: bool
    json: bool

    def show(self, result: Result, at: str = "") -> None:
        """`at`: a time to begin with, for a round of several."""
        if self.json:
            show_json(result.report)
        elif self.quiet:
            for line in result.brief:
                write(f"{at}{line}")
        else:
            for line in folded([*([("", at.rstrip())] if at else []), *result.lines]):
                show(line)


def of_key(checked: Checked) -> Result:
    diagnosis = checked.diagnosis
    causes = [f"{one.culprit.value} {one.certainty.name}" for one in diagnosis.suspects]
    fine = diagnosis.finding is Finding.FINE
    return Result(
        finding=diagnosis.finding,
        report=key_report(checked),
        lines=list(key_lines(diagnosis, place(checked.symptoms.looked))),
        brief=[] if fine else [one_line(diagnosis)],
        told=digest([diagnosis.finding.value, str(diagnosis.fingerprint), *causes]),
    )


def of_credentials(checks: Sequence[CredentialCheck], *, many: bool) -> Result:
    """`many`: the report is a list, even of one."""
    reports = [credential_report(check) for check in checks]
    findings = {check.finding for check in checks}
    said: set[str] = set()
    return Result(
        finding=next((finding for finding in _GRAVEST if finding in findings), Finding.FINE),
        report=reports if many else reports[0],
        lines=[line for report in reports for line in credential_lines(report, said)],
        brief=list(quiet_remarks(checks)),
        told=digest([_told(check) for check in checks]),
    )


def _told(check: CredentialCheck) -> Json:
    """Without what changes by itself: ages, instances that come and go with the same key."""
    rows = whereabouts.rows(check.whereabouts)
    causes = check.key.diagnosis.suspects if check.key else ()
    return [
        check.credential,
        [[remark.weight.value, remark.code] for remark in check.remarks if remark.weight is not Weight.NOTE],
        [[one.culprit.value, one.certainty.name] for one in causes],
        [[need.part, need.what] for need in check.needs if need.answer is Answer.NO],
        sorted({f"{row['where']} {str(row['role']).partition(',')[0]} {row['key']}" for row in rows}),
    ]


def unknown(error: OutsideError) -> Result:
    said = f"{error.message} {error.hint}".rstrip()
    report = {"finding": Finding.UNKNOWN.value, "summary": error.message, "fix": error.hint}
    brief = [f"rotate check: CANNOT TELL: {said}"]
    return Result(Finding.UNKNOWN, report, [("CANNOT TELL: ", said)], brief, digest([error.code, error.message]))
