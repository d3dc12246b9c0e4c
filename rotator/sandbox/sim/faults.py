"""The kinds of fault, where each may strike, and how a seed draws a handful of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final, TypeAlias

EFFECTS: Final = frozenset({"stage", "promote", "restore", "discard", "deploy", "set_status"})
"""The verbs that change the world."""

_OUTSIDE: Final = frozenset({"issuer", "store", "watch", "deploy", "probe"})

Reach: TypeAlias = Callable[[str, str], bool]
"""Whether a fault may strike at this port (`store`) and verb (`promote`)."""


def _outside(port: str, verb: str) -> bool:
    return port in _OUTSIDE


def _effect(port: str, verb: str) -> bool:
    return verb in EFFECTS


def _retires(port: str, verb: str) -> bool:
    return verb == "set_status"


def _records(port: str, verb: str) -> bool:
    return port == "issuer" and verb != "ping"


def _reads(port: str, verb: str) -> bool:
    return port == "store" and verb in ("read", "holder")


def _observes(port: str, verb: str) -> bool:
    return port == "watch"


def _appends(port: str, verb: str) -> bool:
    return port == "journal" and verb == "append"


def _deploys(port: str, verb: str) -> bool:
    return port == "deploy"


def _turns_back(port: str, verb: str) -> bool:
    return verb in ("restore", "discard")


def _copies(port: str, verb: str) -> bool:
    return port == "store" and verb in ("promote", "restore", "lagging")


def _vital(port: str, verb: str) -> bool:
    """The operations between which a process may be interrupted with consequences."""
    return verb in EFFECTS or verb in ("append", "sleep", "observe", "ping", "record")


@dataclass(frozen=True, slots=True)
class Kind:
    """`lasts`: seconds of virtual time that it may go on for; empty: it strikes once. `up_to`: how late it strikes."""

    reach: Reach
    lasts: tuple[int, ...] = ()
    up_to: int = 40


_FIRST: Final[dict[str, Kind]] = {
    # requests and replies
    "request_lost": Kind(_outside, up_to=120),
    "reply_lost": Kind(_effect, up_to=10),
    "reply_lost_at_retirement": Kind(_retires, up_to=3),
    "throttled": Kind(_outside, (5, 60, 600), 120),
    "refused": Kind(_outside, (60, 600), 120),
    "slow_reply": Kind(_outside, (1, 60), 120),
    "stale_read": Kind(_reads, (3, 30, 300), 12),
    "records_down": Kind(_records, (60, 600), 8),
    # watchers: what they say is not what is so
    "watch_lags": Kind(_observes, (60, 600), 15),
    "watch_flaps": Kind(_observes, (60, 600), 15),
    "watch_pessimist": Kind(_observes, (60, 600), 15),
    "watch_optimist": Kind(_observes, (600, 86_400), 4),
    "watch_blind": Kind(_observes, (60, 600), 15),
    # the fleet
    "rollout_stuck": Kind(_deploys, (300, 3600), 3),
    "rollout_fails": Kind(_deploys, (), 3),
    "instance_late": Kind(_vital, (), 100),
    "fleet_scales": Kind(_vital, (), 100),
    # keys
    "old_key_dies": Kind(_vital, (), 150),
    "new_key_dies": Kind(_vital, (), 150),
    "key_limit": Kind(_records, (3600,), 6),
    # time and processes
    "clock_jump": Kind(_vital, (), 150),
    "killed_before": Kind(_vital, (), 150),
    "killed_after": Kind(_vital, (), 150),
    "killed_before_effect": Kind(_effect, (), 10),
    "killed_after_effect": Kind(_effect, (), 10),
    "killed_before_retirement": Kind(_retires, (), 3),
    "killed_after_retirement": Kind(_retires, (), 3),
    "paused": Kind(_effect, (), 10),
    "paused_at_retirement": Kind(_retires, (), 3),
    "interleaved": Kind(_vital, (), 150),
    # the journal
    "journal_lost_before": Kind(_appends, (), 50),
    "journal_lost_after": Kind(_appends, (), 50),
    "journal_full": Kind(_appends, (10, 600), 50),
    # people
    "secret_edited": Kind(_vital, (), 150),
    "key_edited": Kind(_vital, (), 150),
    "plan_edited": Kind(_vital, (), 100),
    "pending_taken": Kind(_vital, (), 40),
    "status_toggled": Kind(_vital, (), 150),
}

_MORE: Final[dict[str, Kind]] = {
    "server_errors": Kind(_outside, (60, 3600), 120),
    "reply_lost_for_long": Kind(_effect, (60, 3600), 10),
    "watch_empty": Kind(_observes, (60, 600), 15),
    "replicas_lag": Kind(_copies, (30, 600), 4),
    "woken_in_soak": Kind(_retires, (), 1),
    "clock_back": Kind(_vital, (), 100),
    "killed_before_turning": Kind(_turns_back, (), 3),
    "killed_after_turning": Kind(_turns_back, (), 3),
    "playbook_edited": Kind(_vital, (), 100),
}
"""Drawn apart from the others, so that a seed that once broke a law still means what it meant."""

KINDS: Final = _FIRST | _MORE

PERSISTENT: Final = frozenset(
    {"key_edited", "secret_edited", "pending_taken", "new_key_dies", "old_key_dies", "status_toggled"}
)
"""What somebody did for good: after these a person may have to abandon a rotation, and is no liveness violation."""


_TWO_AT_ONCE: Final = 0.1
"""Of the worlds have two operators all the time, and not for a moment only."""

_MEETINGS: Final = 5
"""How often they meet, where the rotation lasts so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`at`: it strikes at that operation of those that it can reach; `lasts`: seconds; `choice`: its own fortune."""

    kind: str
    at: int
    lasts: int
    consumer: str
    choice: float

    def __str__(self) -> str:
        lasts = f" for {self.lasts}s" if self.lasts else ""
        return f"{self.kind} at operation {self.at}{lasts} ({self.consumer}, {self.choice:.3f})"


def draw_faults(random: Random, consumers: tuple[str, ...]) -> tuple[Fault, ...]:
    """A random subset: most worlds have a few faults, some have none and some have many."""
    count = random.choice((0, 1, 1, 2, 2, 3, 3, 4, 6))
    names = list(_FIRST)
    return tuple(draw_fault(random, random.choice(names), consumers) for _ in range(count))


def draw_more(random: Random, consumers: tuple[str, ...]) -> tuple[Fault, ...]:
    """Further faults, in every second world; `random`: another stream than that of `draw_faults`."""
    names = [random.choice(list(_MORE)) for _ in range(random.choice((0, 0, 0, 1, 1, 2)))]
    if random.random() < _TWO_AT_ONCE:
        names += ["interleaved"] * _MEETINGS
    return tuple(draw_fault(random, name, consumers) for name in names)


def draw_fault(random: Random, name: str, consumers: tuple[str, ...]) -> Fault:
    kind = KINDS[name]
    return Fault(
        kind=name,
        at=random.randrange(kind.up_to),
        lasts=random.choice(kind.lasts) if kind.lasts else 0,
        consumer=random.choice(consumers),
        choice=random.random(),
    )


@dataclass(slots=True)
class FaultState:
    """One fault's life in one run."""

    fault: Fault
    seen: int = 0
    until: datetime | None = None
    struck: int = 0
