"""What will happen to one command, drawn beforehand from the seed: a signal at an instant, and the weather."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from rotator.sandbox.fault_proxy import FAIR, Fault, Weather

_LATEST_EVENT: Final = {"start": 7, "verify": 4, "finish": 7, "rollback": 9, "resume": 6}
_LONGEST: Final = {"start": 3.2, "verify": 2.2, "finish": 4.0, "rollback": 3.5, "resume": 3.0}  # seconds


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
    """The blow falls right after so many new `events` in the journal (None: whatever is there), or after `seconds`."""

    blow: Blow | None = None
    events: int | None = None
    seconds: float = 0.0
    stopped: float = 0.0  # seconds
    meanwhile: Meanwhile = Meanwhile.NOTHING
    twin: bool = False
    weather: Weather = FAIR
    refused: bool = False  # for the storm's length nobody listens
    storm: float = 0.0  # seconds


CALM: Final = Plan()

Draw: TypeAlias = Callable[[random.Random, str], Plan]
"""What happens to the next command, by its name."""


def draw(source: random.Random, command: str) -> Plan:
    blow = source.choices([*Blow, None], weights=[69, 11, 7, 5, 8])[0]
    latest = source.randint(1, _LATEST_EVENT[command])  # drawn twice: after some tries few events are left
    events = source.randint(1, latest) if source.random() < 0.7 else None
    stormy = source.random() < 0.4
    return Plan(
        blow=blow,
        events=events,
        seconds=source.uniform(0.4, _LONGEST[command]) if events is None else _LONGEST[command],
        stopped=source.uniform(0.3, 1.5),
        meanwhile=source.choices(list(Meanwhile), weights=[4, 3, 4, 1])[0],
        twin=source.random() < 0.07,
        weather=_weather(source) if stormy else FAIR,
        refused=stormy and source.random() < 0.2,
        storm=source.uniform(2.0, 9.0) if stormy else 0.0,
    )


def _weather(source: random.Random) -> Weather:
    """A few sorts at a time: now and then one alone that meets every second request."""
    sorts = source.sample(list(Fault), source.randint(1, 4))
    chance = source.choice([0.1, 0.2, 0.6]) / len(sorts) * source.choice([1, 1.5])
    return Weather(chances=dict.fromkeys(sorts, chance), delay=source.uniform(0.1, 1.5), hold=source.uniform(0.5, 4.0))
