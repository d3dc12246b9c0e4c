"""One rotation as operators drive it through bad days: the same command again, and again, until it has ended."""

from __future__ import annotations

import json
import random
from typing import Final

from rotator.model.canonical import Json
from rotator.model.keys import KeyText
from rotator.sandbox.soak.command import Commands
from rotator.sandbox.soak.disturbance import CALM, Draw, draw
from rotator.sandbox.soak.ledger import Ledger
from rotator.sandbox.soak.tally import Tally
from rotator.sandbox.world_files import CREDENTIAL

TRIES: Final = 40  # commands until a rotation counts as unfinished
_STORMY: Final = 18  # of them are disturbed at most: then everything heals
_YES: Final = ["--approve", "disable,archive", "--accept-unproven", "--by", "soak", "--reason", "the soak says yes"]
_AFTER: Final = {"start": "verify", "verify": "finish", "finish": "finish", "resume": "finish", "rollback": "rollback"}
_DONE, _USAGE, _WAITING, _APPROVAL, _HELD, _OUTSIDE = 0, 2, 3, 4, 7, 10
_SAME: Final = (_WAITING, _APPROVAL, _HELD, _OUTSIDE)


class Driver:
    def __init__(
        self, commands: Commands, ledger: Ledger, tally: Tally, source: random.Random, drawn: Draw = draw
    ) -> None:
        self._commands, self._ledger, self._tally = commands, ledger, tally
        self._source, self._drawn = source, drawn

    def rotate(self, key: KeyText, *, kills: int) -> str:
        """Drive one rotation to its end; `kills`: when so many have been counted, the weather stays fair.

        Returns how it ended: the kind of its last event, or `unfinished`.
        """
        began, turn = self._ledger.seq(), self._turning_point()
        command, vain = "start", 0
        for number in range(TRIES):
            calm = number >= _STORMY or self._tally.counts["kills"] >= kills
            self._tally.counts["tries"] += 1
            words = _words(command, as_json=self._source.random() < 0.3)
            code, _ = self._commands.run(words, key, CALM if calm else self._drawn(self._source, command))
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

    def _turning_point(self) -> str | None:
        """One rotation in four is rolled back, after this command was run once, however that ended."""
        return self._source.choice(["start", "verify", "finish"]) if self._source.random() < 0.25 else None

    def _advised(self) -> str | None:
        """The command that `rotate status` names."""
        _, said = self._commands.run(["status", CREDENTIAL, "--json"], None)
        try:
            report: Json = json.loads(said)
        except ValueError:
            return None
        words = str(report.get("next", "")).split() if isinstance(report, dict) else []
        return words[1] if len(words) > 1 and words[1] in _AFTER else None


def _words(command: str, *, as_json: bool) -> list[str]:
    words = [command, CREDENTIAL]
    words += ["--key-file", "-"] if command == "start" else _YES if command == "finish" else []
    return [*words, "--json"] if as_json else words
