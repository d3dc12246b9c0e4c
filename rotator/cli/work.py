"""What start, verify, finish, rollback and resume have in common: hold the log, go on, ask, say how it ended."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import FrameType
from typing import NoReturn

import typer

from rotator.cli import failure, prompts
from rotator.cli.announce import announce
from rotator.cli.prompts import me as me  # the commands take it from here
from rotator.cli.results import show, show_json
from rotator.cli.screen import Screen, open_screen
from rotator.cli.signals import Handler, Interrupted, heard
from rotator.cli.table import drain_lines
from rotator.cli.words import ending
from rotator.core.decide import decide
from rotator.core.owed import Debt, owed
from rotator.core.plan import SOAK
from rotator.core.status import keys_stand, phase, status, waiting
from rotator.engine import Run, Yes, advance
from rotator.model.config import Credential
from rotator.model.decision import Ask, Exit, Stop, Wait
from rotator.model.errors import GateOpen, RotatorError, UsageError
from rotator.model.measure import Verdict
from rotator.model.rotation import Outcome, Rotation
from rotator.session import Session
from rotator.steps import Ports
from rotator.wiring import Workplace, open_workplace, with_key_id


def said(by: str | None, reason: str | None, what: str) -> Yes:
    """A yes that was given on the command line: it needs a name and a reason."""
    if not by or not reason or not by.strip() or not reason.strip():
        raise UsageError(f"{what} needs a name and a reason, for the journal", "add --by WHO --reason WHY")
    return Yes(by=by, reason=reason)


class Desk:
    """One command's work on one credential."""

    def __init__(self, name: str, config: str | None, *, json: bool, key_id: str | None = None) -> None:
        self.json = json
        self.place: Workplace = open_workplace(config)
        self.credential: Credential = with_key_id(self.place.credential(name), key_id)
        self.screen: Screen = open_screen(json=json)
        self.session: Session = self.place.session(name, self.screen.listen)

    @property
    def rotation(self) -> Rotation | None:
        return self.session.rotation

    def open_rotation(self, command: str) -> Rotation:
        """The open rotation. Raises `UsageError` where there is none."""
        name = self.credential.name
        if self.rotation is None or self.rotation.outcome is not Outcome.OPEN:
            how = "" if self.rotation is None else f" (the last one is {self.rotation.outcome.value.replace('_', ' ')})"
            raise UsageError(f"no rotation of {name} is open{how}: nothing to {command}", f"rotate start {name}")
        return self.rotation

    def forward(self, rotation: Rotation) -> Rotation:
        """The rotation, where it goes forward. Raises `UsageError` where it is being rolled back."""
        if rotation.rolling_back is not None:
            raise UsageError(f"rotation {rotation.id} is being rolled back", f"rotate rollback {self.credential.name}")
        return rotation

    def refuse_attesting_ahead(self, rotation: Rotation) -> None:
        """Without an Admin key, a yes to `archive` is the word of somebody who has done it: not given beforehand."""
        soaked = rotation.gates.get(SOAK)
        if rotation.plan.managed or (soaked is not None and soaked.measurement.verdict is Verdict.PASSED):
            return
        raise UsageError(
            "without an Admin key you delete the old key in the Console yourself, after its soak: "
            "there is nothing to say yes to yet",
            f"rotate finish {self.credential.name} --approve disable --by WHO --reason WHY",
        )

    def refuse_unproven(self, rotation: Rotation) -> None:
        """`finish` takes away: it does not begin before every gate of the overlap has held."""
        where = phase(rotation)
        if where == "contract" or rotation.reenabled is not None:
            return
        held = waiting(rotation, decide(rotation, self.place.clock.now()))
        undone = "the new key is not deployed everywhere yet" if where == "expand" else "it was not verified yet"
        why = f": {held['why'] if held else undone}"
        command = "start" if where == "expand" else "verify"
        raise GateOpen(
            f"it is not proven yet that the old key can go{why}", f"rotate {command} {rotation.plan.credential}"
        )

    @cached_property
    def ports(self) -> Ports:
        return self.place.ports(self.credential)

    def go_on(self, run: Run) -> Ask | Stop | Wait:
        """Advance, asking the person at the terminal where one is there. Inside `with session`."""
        notifier = self.place.notifier()
        while True:
            end = advance(self.session, self.ports, run, notifier)
            if not isinstance(end, Ask) or self.json:
                return end
            known = len(self.session.events)
            with self.screen.paused():
                answered = prompts.answer(self.session, end)
            self.session.refresh()  # the question may have stood for hours, and been answered from elsewhere
            if not answered and len(self.session.events) == known:
                return end

    def finish(self, end: Ask | Stop | Wait) -> NoReturn:
        """Say how it ended and what comes next; leave with the exit code."""
        self.screen.close()
        name, now = self.credential.name, self.place.clock.now()
        earlier = self.session.earlier
        report = status(name, self.rotation, now, earlier)
        debts = owed([*earlier, self.rotation], now) if self.rotation else []
        if self.json:
            show_json(report)
        else:
            show(f"{name}: {ending(end)}")
            show(f"  keys: {keys_stand(self.rotation)}")
            if not isinstance(end, Stop) or end.exit is not Exit.DONE:
                for line in drain_lines(report):
                    show(line)
            for debt in debts:
                show(f"  owed: {debt}")
            if isinstance(end, Stop) and end.hint:
                show(f"  hint: {end.hint}")
            following = _next(end, name, str(report["next"]))
            if following:
                show(f"  next: {following}")
        announce(self.session, self.place)
        raise typer.Exit(int(code(end, owing=self._owing(debts))))

    def _owing(self, debts: Sequence[Debt]) -> bool:
        """A phase that is done is done, whatever earlier rotations left; one that has ended answers for all of them."""
        rotation = self.rotation
        if rotation is None or rotation.outcome is not Outcome.OPEN:
            return bool(debts)
        return any(debt.rotation == rotation.id for debt in debts)


def code(end: Ask | Stop | Wait, *, owing: bool) -> Exit:
    match end:
        case Wait():
            return Exit.WAITING
        case Ask():
            return Exit.APPROVAL
        case Stop(exit_code):
            return Exit.OWED if owing and exit_code is Exit.DONE else exit_code


def _next(end: Ask | Stop | Wait, name: str, command: str) -> str:
    """The command to type, with what there is to know about typing it; `command` where the end names none."""
    match end:
        case Wait():
            return f"{command}, after that time (or `rotate tick` from cron, or --watch)"
        case Ask(what) if what in ("disable", "archive"):
            return f"{command} at a terminal, where it asks; or {command} --approve {what} --by WHO --reason WHY"
        case Stop(next=words) if words.startswith("rotate "):
            return words
        case Stop(next=words) if words and " " not in words:
            return f"rotate {words} {name}"
        case _:
            return command


@contextmanager
def desk(name: str, config: str | None, *, json: bool, key_id: str | None = None) -> Iterator[Desk]:
    """A command's frame: whatever goes wrong inside is said with where the keys stand and what to type."""
    opened: Desk | None = None
    with plainly(lambda: opened.rotation if opened else None, json=json, known=lambda: opened is not None):
        opened = Desk(name, config, json=json, key_id=key_id)
        try:
            yield opened
        finally:
            opened.screen.close()


@contextmanager
def plainly(
    rotation: Callable[[], Rotation | None], *, json: bool, known: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Errors and interruptions as the contract has them: never a traceback for what a person can mend."""
    caught: list[int] = []
    with heard(_handlers(caught)):
        try:
            yield
        except (Exception, KeyboardInterrupt, Interrupted) as error:  # what is not said here is raised again
            if isinstance(error, KeyboardInterrupt):
                caught.append(int(signal.SIGINT))
            if caught:  # whatever came of it: getpass makes an error of its own out of a terminal that was closed
                raise typer.Exit(
                    _interrupted(caught[0], rotation() if known() else None, json=json, known=known())
                ) from None
            if not isinstance(error, RotatorError):
                raise
            raise typer.Exit(failure.report(error, rotation(), json=json, keys_known=known())) from None


def _interrupted(number: int, rotation: Rotation | None, *, json: bool, known: bool) -> int:
    """Say it, and return the exit code that shells give to a signal."""
    what = f"interrupted by {signal.Signals(number).name}: what was begun is journaled, and the same command goes on"
    keys = keys_stand(rotation) if known else "No key was touched by this command."
    failure.tell("interrupted", what, keys, shlex.join(["rotate", *sys.argv[1:]]), json=json)
    return 128 + number


def _handlers(caught: list[int]) -> dict[int, Handler]:
    """A signal that is ignored stays ignored: `nohup` means it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        raise Interrupted(number)

    wanted = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    return dict.fromkeys(wanted, interrupt)
