"""Everything of `rotate check` that needs a network or a configuration: once, or again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import typer

from rotator.cli.check_bundle import write_bundle
from rotator.cli.check_credential import CredentialCheck, check_credential, current_keys
from rotator.cli.check_credential import report as credential_report
from rotator.cli.check_key import CODES, Checked, admin_from_environment, offline, online, read
from rotator.cli.check_key import report as key_report
from rotator.cli.check_lines import credential_lines, key_lines, one_line, quiet_remarks
from rotator.cli.check_secret import read_secret
from rotator.cli.results import show, show_json
from rotator.cli.screen import write
from rotator.cli.work import plainly
from rotator.core.diagnosis import Finding
from rotator.core.holders import Holders
from rotator.core.remarks import Remark, Weight
from rotator.model.canonical import Json, digest
from rotator.model.errors import ConfigError, OutsideError, UsageError
from rotator.model.keys import Fingerprint
from rotator.wiring import Workplace, open_workplace, without_config

_GRAVEST = (Finding.WRONG, Finding.UNKNOWN, Finding.FINE)


@dataclass(frozen=True, slots=True)
class What:
    """What the command's words ask to be looked at."""

    name: str | None
    key_file: str | None
    variable: str | None
    secret: str | None
    all: bool
    offline: bool
    bundle: str | None

    @property
    def one_key(self) -> bool:
        return any(source is not None for source in (self.key_file, self.variable, self.secret))


@dataclass(frozen=True, slots=True)
class Result:
    """One check, ready to be shown. `told` is what it is compared by: equal ones mean that nothing has changed."""

    finding: Finding
    report: Json
    lines: Sequence[str]
    brief: Sequence[str]
    told: str


def run(what: What, config: str | None, *, every: str | None, quiet: bool, json: bool) -> NoReturn:
    """Check and leave with the exit code; with `every` (a duration) go on until Ctrl-C."""
    with plainly(lambda: None, json=json):
        _refuse_nonsense(what, watching=every is not None)
        place = _place(what, config)
        if every is not None:
            _watch(place, what, every, quiet=quiet, json=json)
        try:
            result = _once(place, what)
        except OutsideError as error:  # the store that holds the key, or the journal, cannot be asked
            result = _unknown(error)
        _show(result, quiet=quiet, json=json)
        raise typer.Exit(CODES[result.finding])
    raise AssertionError("every way out of a check is an exit")


def _refuse_nonsense(what: What, *, watching: bool) -> None:
    sources = [source for source in (what.key_file, what.variable, what.secret) if source is not None]
    if len(sources) > 1:
        raise UsageError("--key-file, --env and --secret exclude each other", "rotate check --help")
    if not sources and what.name is None and not what.all:
        raise UsageError(
            "nothing was named that could be checked",
            "rotate check CREDENTIAL, --all, --env ANTHROPIC_API_KEY, --key-file FILE or --secret REF",
        )
    if what.all and (sources or what.name or what.bundle):
        raise UsageError("--all checks every credential, and goes with none of these words", "rotate check --all")
    if what.offline and (what.secret is not None or not sources):
        raise UsageError("--offline reaches no store: only --key-file and --env can be looked at", "leave it out")
    if watching and what.key_file == "-":
        raise UsageError("stdin can be read once only", "name a file for --watch")
    if watching and what.bundle:
        raise UsageError("--bundle writes one file of one check", "leave out --watch")


def _place(what: What, config: str | None) -> Workplace:
    if what.name is not None or what.all or config is not None:
        return open_workplace(config)
    try:
        return open_workplace(None)
    except ConfigError:  # a key can be looked at without any configuration, or beside a broken one
        return without_config()


def _once(place: Workplace, what: What) -> Result:
    if what.one_key:
        return _of_key(_checked(place, what), what)
    if not what.all:
        assert what.name is not None  # noqa: S101 - refused above otherwise
        place.credential(what.name)  # an unknown name is known before anything is read
        return _of_credentials([_credential(place, what.name, current_keys(place), hint=True)], what)
    names, currents = sorted(place.config.credentials), current_keys(place)
    return _of_credentials([_credential(place, name, currents, hint=name == names[0]) for name in names], what)


def _checked(place: Workplace, what: What) -> Checked:
    credential = place.credential(what.name) if what.name is not None else None
    reading = read_secret(place, what.secret) if what.secret is not None else read(what.key_file, what.variable)
    if what.offline:
        return offline(reading)
    admin_key = place.admin_key(credential) if credential is not None else admin_from_environment()
    return online(reading, place.clock, admin_key, None)


def _credential(
    place: Workplace, name: str, currents: Mapping[str, Fingerprint | None], *, hint: bool
) -> CredentialCheck:
    credential = place.credential(name)
    try:
        return check_credential(place, credential, currents, hint=hint)
    except OutsideError as error:  # one credential that cannot be looked at does not hide the others
        remark = Remark(weight=Weight.UNKNOWN, code=error.code, what=error.message, fix=error.hint)
        nothing = Holders(credential=name, secrets=(), consumers=(), elsewhere={}, open=False)
        return CredentialCheck(credential=name, holders=nothing, key=None, trials=(), remarks=(remark,))


def _of_key(checked: Checked, what: What) -> Result:
    _bundle(checked, what)
    diagnosis = checked.diagnosis
    causes = [f"{one.culprit.value} {one.certainty.name}" for one in diagnosis.suspects]
    fine = diagnosis.finding is Finding.FINE
    return Result(
        finding=diagnosis.finding,
        report=key_report(checked),
        lines=list(key_lines(diagnosis)),
        brief=[] if fine else [one_line(diagnosis)],
        told=digest([diagnosis.finding.value, str(diagnosis.fingerprint), *causes]),
    )


def _of_credentials(checks: Sequence[CredentialCheck], what: What) -> Result:
    if checks[0].key is not None:
        _bundle(checks[0].key, what)
    reports = [credential_report(check) for check in checks]
    findings = {check.finding for check in checks}
    grave = [remark for check in checks for remark in check.remarks if remark.weight is not Weight.NOTE]
    rows = [[row["where"], row["role"], row["key"]] for check in reports for row in check["holders"]]  # type: ignore[union-attr,index,call-overload]  # our own report, made two lines above
    return Result(
        finding=next((finding for finding in _GRAVEST if finding in findings), Finding.FINE),
        report=reports if what.all else reports[0],
        lines=[line for check in reports for line in credential_lines(check)],
        brief=list(quiet_remarks(checks)),
        told=digest([[remark.code for remark in grave], rows]),
    )


def _unknown(error: OutsideError) -> Result:
    said = f"CANNOT TELL: {error.message} {error.hint}".rstrip()
    report = {"finding": Finding.UNKNOWN.value, "summary": error.message, "fix": error.hint}
    return Result(Finding.UNKNOWN, report, [said], [f"rotate check: {said}"], digest([error.code, error.message]))


def _bundle(checked: Checked, what: What) -> None:
    if what.bundle is None:
        return
    if not checked.symptoms.trials:
        raise UsageError("nothing was sent to Anthropic, so there is nothing for a bundle", "leave out --bundle")
    write_bundle(what.bundle, checked)
    write(f"What support asks for is in {what.bundle}. It holds no secret.")


def _show(result: Result, *, quiet: bool, json: bool) -> None:
    if json:
        show_json(result.report)
        return
    if quiet:
        for line in result.brief:
            write(line)
        return
    for line in result.lines:
        show(line)


def _watch(place: Workplace, what: What, every: str, *, quiet: bool, json: bool) -> NoReturn:
    """Shows the first check, then only those that differ from the one before; whoever `notify:` names is told."""
    from rotator.loader import parse_duration

    try:
        interval = parse_duration(every)
    except ValueError as wrong:
        raise UsageError(f"--every: {wrong}", "--every 1m") from None
    notifier = place.notifier()
    before: Result | None = None
    while True:
        try:
            result = _once(place, what)
        except OutsideError as error:
            result = _unknown(error)
        if before is None or result.told != before.told:
            _show(result, quiet=quiet, json=json)
            if before is not None:
                notifier.tell(f"rotate check: {result.finding.value}", "\n".join(result.brief) or "All is well again.")
        before = result
        place.clock.sleep(interval)
