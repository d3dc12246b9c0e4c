"""Everything of `rotate check` that needs a network or a configuration: once, or again and again."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import NoReturn

import typer

from rotator.cli.check_bundle import write_bundle
from rotator.cli.check_credential import CredentialCheck, check_credential
from rotator.cli.check_key import CODES, Checked, admin_from_environment, offline, online, read
from rotator.cli.check_result import Result, Shown, of_credentials, of_key, unknown
from rotator.cli.check_secret import read_secret
from rotator.cli.check_watch import watch
from rotator.cli.check_whereabouts import current_keys
from rotator.cli.failure import tell
from rotator.cli.screen import write
from rotator.cli.signals import Interrupted
from rotator.cli.work import plainly
from rotator.model.errors import ConfigError, OutsideError, UsageError
from rotator.wiring import Workplace, open_workplace, without_config


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


def run(what: What, config: str | None, *, every: str | None, quiet: bool, json: bool) -> NoReturn:
    """Check and leave with the exit code; with `every` (a duration) go on until Ctrl-C."""
    shown = Shown(quiet=quiet, json=json)
    with plainly(lambda: None, json=json):
        try:
            _refuse_nonsense(what, watching=every is not None)
            place = _place(what, config)
            if every is not None:
                watch(place, lambda: _once(place, what), every, shown)
            result = _once(place, what)
        except (KeyboardInterrupt, Interrupted) as stop:
            raise typer.Exit(_interrupted(stop, watching=every is not None, json=json)) from None
        shown.show(result)
        raise typer.Exit(CODES[result.finding])
    raise AssertionError("every way out of a check is an exit")


def _interrupted(stop: BaseException, *, watching: bool, json: bool) -> int:
    """Nothing was begun, so nothing is to be said; and of a watch it is the usual end."""
    number = stop.number if isinstance(stop, Interrupted) else int(signal.SIGINT)
    if not watching:
        what = f"interrupted by {signal.Signals(number).name}: a check changes nothing"
        tell("interrupted", what, "No key was touched by this command.", "", json=json)
    return 128 + number


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
    try:
        return _looked_at(place, what)
    except OutsideError as error:  # the store that holds the key cannot be asked
        return unknown(error)


def _looked_at(place: Workplace, what: What) -> Result:
    if what.one_key:
        checked = _checked(place, what)
        _bundle(checked, what)
        return of_key(checked)
    if not what.all:
        assert what.name is not None  # noqa: S101 - refused above otherwise
        check = check_credential(place, place.credential(what.name), current_keys(place))
        _bundle(check.key, what)
        return of_credentials([check], many=False)
    currents, checks = current_keys(place), list[CredentialCheck]()
    for name in sorted(place.config.credentials):
        offered = any(remark.code == "federation" for check in checks for remark in check.remarks)
        checks.append(check_credential(place, place.credential(name), currents, offer=not offered))
    return of_credentials(checks, many=True)


def _checked(place: Workplace, what: What) -> Checked:
    credential = place.credential(what.name) if what.name is not None else None
    sample = read_secret(place, what.secret) if what.secret is not None else read(what.key_file, what.variable)
    if what.offline:
        return offline(sample)
    admin_key = place.admin_key(credential) if credential is not None else admin_from_environment()
    return online(sample, place.clock, admin_key, None)


def _bundle(checked: Checked | None, what: What) -> None:
    if what.bundle is None:
        return
    if checked is None or not checked.symptoms.trials:
        raise UsageError("nothing was sent to Anthropic, so there is nothing for a bundle", "leave out --bundle")
    if checked.symptoms.trials[0].accepted:
        write("Anthropic accepts the key, so there is nothing for support to look at: no bundle was written.")
        return
    write_bundle(what.bundle, checked)
    write(f"What support asks for is in {what.bundle}. It holds no secret.")
