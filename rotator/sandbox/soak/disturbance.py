"""What will happen to one command, drawn beforehand from the seed: a signal at an instant, and the weather."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from rotator.sandbox.fault_proxy import FAIR, Fault, Weather
from rotator.sandbox.soak.deck import Deck

COMMANDS: Final = ("start", "verify", "finish", "rollback", "resume")
_EFFECTS: Final = {
    "start": ["stage", "promote", "deploy"],
    "finish": ["disable", "archive", "tidy"],
    "rollback": ["promote", "deploy", "stage"],
}
"""What each command does to the world."""
_AIMED: Final = {"start": 0.6, "finish": 0.6, "rollback": 0.35}
"""How often an effect is struck, and not whatever comes: a rollback may have little to take back."""
_LATEST_EVENT: Final = {"start": 7, "verify": 4, "finish": 7, "rollback": 9, "resume": 6}
_LONGEST: Final = {"start": 3.2, "verify": 2.2, "finish": 4.0, "rollback": 3.5, "resume": 3.0}  # seconds
_PATIENCE: Final = 12.0  # seconds that an event or an effect is waited for
_LATE: Final = (0.0, 0.05, 0.2, 0.8)
"""Seconds after the event that is waited for, at most: an effect takes some hundredths, a deploy more."""


class Blow(Enum):
    KILL = "kill"  # SIGKILL
    STOP = "stop"  # SIGSTOP, a while, SIGCONT: a laptop that was closed
    INTERRUPT = "interrupt"  # SIGINT, as Ctrl-C sends it
    TERMINATE = "terminate"  # SIGTERM


class Meanwhile(Enum):
    """While a process is stopped."""

    NOTHING = "nothing"
    SAME = "same"  # another terminal runs the same command: it is refused, or waits for nobody
    UNLOCK = "unlock"  # a person says that the stopped one is dead, and the same command goes on
    LEASE = "lease"  # nobody says anything: its lease runs out


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The blow falls `late` after the command has written that it is about to do `effect`, or so many new `events` are
    in the journal, or else `seconds` after it began to work; where both are None, `seconds` after it was started."""

    blow: Blow | None = None
    effect: str | None = None
    events: int | None = None
    late: float = 0.0  # seconds
    seconds: float = 0.0
    stopped: float = 0.0  # seconds
    meanwhile: Meanwhile = Meanwhile.NOTHING
    twin: bool = False
    weather: Weather = FAIR
    server: str | None = None  # where the weather is: at `anthropic`, at the `store`; None: everywhere
    refused: bool = False  # for the storm's length nobody listens
    storm: float = 0.0  # seconds
    missed: Callable[[], None] = field(default=lambda: None, compare=False)  # where the command ended before the blow


CALM: Final = Plan()

Draw: TypeAlias = Callable[[random.Random, str], Plan]
"""What happens to the next command, by its name."""


class Dealer:
    """A `Draw`, with decks for each command: every signal falls on each, every effect is struck in the midst of."""

    def __init__(self) -> None:
        rare: list[Blow | None] = [Blow.STOP, Blow.INTERRUPT, Blow.TERMINATE]
        kills = {command: 4 if command == "rollback" else 8 for command in COMMANDS}
        self._blows = {command: Deck(rare, [Blow.KILL] * count, [None]) for command, count in kills.items()}
        self._effects = {command: Deck(effects) for command, effects in _EFFECTS.items()}
        self._servers = Deck([None, "anthropic", "store", "store"])
        self._faults = {server: Deck(list(Fault)) for server in (None, "anthropic", "store")}
        self._meanwhile = Deck([*Meanwhile, Meanwhile.NOTHING, Meanwhile.SAME, Meanwhile.UNLOCK, Meanwhile.UNLOCK])

    def __call__(self, source: random.Random, command: str) -> Plan:
        stormy, server = source.random() < 0.5, self._servers.deal(source)
        blow = self._blows[command].deal(source)
        effect, events = self._instant(source, command)
        anywhere = effect is None and events is None
        return Plan(
            blow=blow,
            effect=effect,
            events=events,
            late=source.uniform(0, source.choice(_LATE)),
            seconds=source.uniform(0.4, _LONGEST[command]) if anywhere else _PATIENCE,
            stopped=source.uniform(0.3, 1.5),
            meanwhile=self._meanwhile.deal(source),
            twin=source.random() < 0.07,
            weather=self._weather(source, server) if stormy else FAIR,
            server=server,
            refused=stormy and source.random() < 0.12,
            storm=source.uniform(3.0, 12.0) if stormy else 0.0,
            missed=lambda: self._blows[command].put_back(blow),
        )

    def _instant(self, source: random.Random, command: str) -> tuple[str | None, int | None]:
        chance = source.random()
        if chance < _AIMED.get(command, 0.0):
            return self._effects[command].deal(source), None
        latest = source.randint(1, _LATEST_EVENT[command])  # drawn twice: after some tries few events are left
        return None, source.randint(1, latest) if chance < 0.85 else None

    def _weather(self, source: random.Random, server: str | None) -> Weather:
        """A few sorts at a time: now and then one alone that meets two requests of three."""
        sorts = {self._faults[server].deal(source) for _ in range(source.randint(1, 3))}
        chance = source.choice([0.3, 0.5, 0.66]) / len(sorts)
        delay, hold = source.uniform(0.1, 1.5), source.uniform(0.5, 4.0)
        return Weather(chances=dict.fromkeys(sorts, chance), delay=delay, hold=hold)
