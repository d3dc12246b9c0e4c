"""One rotation as operators drive it through bad days: the same command again, and again, until it has ended."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rotator.model.canonical import Json
from rotator.model.keys import KeyText
from rotator.sandbox.soak.command import LONGEST, Commands
from rotator.sandbox.soak.deck import Deck
from rotator.sandbox.soak.disturbance import CALM, Draw, Plan
from rotator.sandbox.soak.ledger import Ledger
from rotator.sandbox.soak.tally import Tally
from rotator.sandbox.world_files import CREDENTIAL

TRIES: Final = 40  # commands until a rotation counts as unfinished
_STORMY: Final = 18  # of them are disturbed at most: then everything heals
_STORMY_BY_USAGE: Final = 6  # and so many tries to finish one that reads usage: it waits for whole minutes
_YES: Final = ["--approve", "disable,archive", "--by", "soak", "--reason", "the soak says yes"]
_AFTER: Final = {"start": "verify", "verify": "finish", "finish": "finish", "resume": "finish", "rollback": "rollback"}
_DONE, _USAGE, _WAITING, _APPROVAL, _HELD, _OUTSIDE = 0, 2, 3, 4, 7, 10
_SAME: Final = (_WAITING, _APPROVAL, _HELD, _OUTSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What sort of rotation it is. `turn`: it is rolled back after this command was run once, however that ended."""

    leaked: bool = False
    usage: bool = False  # the Admin key may read usage by key, and silence has to be proven by it
    turn: str | None = None

    def __str__(self) -> str:
        words = ["leak"] * self.leaked + ["usage"] * self.usage
        return " ".join([*words, f"back after {self.turn}"] if self.turn else words)


PLAIN: Final = Course()


class Courses:
    """Eleven in a deck, in a drawn order: five are turned back, three are of a leaked key, one goes by usage."""

    def __init__(self) -> None:
        straight = [*[PLAIN] * 3, Course(leaked=True), Course(leaked=True), Course(usage=True)]
        back = [Course(turn=command) for command in ("start", "verify", "finish", "finish")]
        self._deck = Deck(straight, back, [Course(leaked=True, turn="start")])

    def __call__(self, source: random.Random) -> Course:
        return self._deck.deal(source)


class Driver:
    def __init__(
        self,
        commands: Commands,
        ledger: Ledger,
        tally: Tally,
        source: random.Random,
        drawn: Draw,
        leak: Path,
    ) -> None:
        """`leak`: the playbook for a leaked key."""
        self._commands, self._ledger, self._tally = commands, ledger, tally
        self._source, self._drawn, self._leak = source, drawn, leak

    def rotate(self, key: KeyText, course: Course, enough: Callable[[], bool]) -> str:
        """Drive one rotation to its end; once it is `enough`, the weather stays fair.

        Returns how it ended: the kind of its last event, or `unfinished`.
        """
        began, turn = self._ledger.seq(), course.turn
        command, vain, finishing = "start", 0, 0
        for number in range(TRIES):
            finishing += command == "finish"
            calm = number >= _STORMY or enough() or (course.usage and finishing > _STORMY_BY_USAGE)
            self._tally.counts["tries"] += 1
            words = self._words(command, course)
            code, _ = self._commands.run(words, key, CALM if calm else self._plan(command, course))
            last = self._ledger.last()
            if last is not None and last.seq > began and not self._ledger.open():
                return last.kind
            if turn == command and self._ledger.open():
                command, turn, vain = "rollback", None, 0
            elif code == _DONE and self._ledger.open():
                command, vain = _AFTER[command], 0
            elif code >= 0 and last is not None and last.seq > began:
                vain += 1
                if code not in _SAME or vain % 3 == 0:  # a person would read what the tool says
                    command = self._advised() or command
        return "unfinished"

    def _plan(self, command: str, course: Course) -> Plan:
        plan = self._drawn(self._source, command)
        waits = course.usage and command == "finish" and (plan.effect is not None or plan.events is not None)
        return replace(plan, seconds=LONGEST) if waits else plan

    def _advised(self) -> str | None:
        """The command that `rotate status` names."""
        _, said = self._commands.run(["status", CREDENTIAL, "--json"], None)
        try:
            report: Json = json.loads(said)
        except ValueError:
            return None
        words = str(report.get("next", "")).split() if isinstance(report, dict) else []
        return words[1] if len(words) > 1 and words[1] in _AFTER else None

    def _words(self, command: str, course: Course) -> list[str]:
        words = [command, CREDENTIAL]
        if command == "start":
            words += ["--key-file", "-"] + (["--playbook", str(self._leak)] if course.leaked else [])
        elif command == "finish":
            words += _YES if course.usage else [*_YES, "--accept-unproven"]
        return [*words, "--json"] if self._source.random() < 0.3 else words
