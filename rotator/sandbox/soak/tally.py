"""What the soak counted, and what it must have met; as JSON for a machine."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.fault_proxy import Fault
from rotator.sandbox.soak.disturbance import Blow
from rotator.sandbox.soak.instants import INSIDE, UNDOING

COUNTED: Final = (
    "kills",
    "stops",
    "interrupts",  # SIGINT and SIGTERM
    "twins",  # the same command at two terminals at once
    "takeovers",  # of a stopped process's rotation, by `rotate unlock` or by its lease running out
    "storms",  # commands under network faults
    "rotations",
    "completed",
    "rolled_back",
    "tries",
    "deploys_repeated_after_a_kill",
    "status_set_again_after_a_lost_answer",
)
BAD: Final = ("unfinished", "hung", "bugs", "duplicates", "law_violations")

ENOUGH: Final = 100
"""From so many kills on, what was never met fails the run: it was not tested."""

STRUCK: Final = ("start", "verify", "finish", "rollback")
FAULTS: Final = (*(fault.value for fault in Fault), "refused")
SERVERS: Final = ("anthropic", "aws", "vault")
PROVEN: Final = "drain proven by usage"
FOUND_DONE: Final = "intent found open, effect done"  # by the next look: struck between the effect and its journaling
FOUND_ABSENT: Final = "intent found open, effect absent"  # struck between the intent and the effect
WANTED: Final = (
    *(f"{blow.value} in {command}" for blow in (Blow.KILL, Blow.STOP, Blow.INTERRUPT) for command in STRUCK),
    *(f"{fault} at {server}" for fault in FAULTS for server in SERVERS),
    *(f"{ended} on {store}" for ended in ("completed", "rolled_back") for store in ("aws", "vault")),
    *(f"completed after a leak on {store}" for store in ("aws", "vault")),
    PROVEN,
    FOUND_DONE,
    FOUND_ABSENT,
)
"""What a run of `ENOUGH` kills must have met."""
WANTED_INSIDE: Final = (
    *(f"{INSIDE} {effect}" for effect in ("stage", "promote", "deploy", "disable", "archive")),
    *(f"{UNDOING} {effect}" for effect in ("promote", "deploy")),
)
"""And where kills must have struck."""


@dataclass(slots=True)
class Tally:
    """`bad`: each sort of finding that must not be, word for word; empty lists are what the soak is for."""

    counts: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    """Blows by command, faults by server, ends by store."""
    killed: Counter[str] = field(default_factory=Counter)
    """Kills by the instant at which they struck (`instants.py`)."""
    codes: Counter[str] = field(default_factory=Counter)
    """Commands by name and exit code."""
    bad: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in BAD})
    failed_requests: int = 0
    requests: int = 0
    seconds: float = 0.0
    interrupted: int = 0
    """The number of the signal that ended the soak, 0: none did."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, sort: str, what: str) -> None:
        """A finding; the same words count once."""
        with self._lock:
            if what not in self.bad[sort]:
                self.bad[sort].append(what)

    def add(self, other: Tally, name: str) -> None:
        """Another lane's; its findings bear its name."""
        for mine, its in (
            (self.counts, other.counts),
            (self.met, other.met),
            (self.killed, other.killed),
            (self.codes, other.codes),
        ):
            mine.update(its)
        for sort, found in other.bad.items():
            for what in found:
                self.find(sort, f"{name}: {what}")
        self.failed_requests += other.failed_requests
        self.requests += other.requests

    @property
    def never_met(self) -> list[str]:
        """What was not tested, though there were enough kills."""
        if self.counts["kills"] < ENOUGH:
            return []
        missing = [what for what in WANTED if not self.met[what]]
        return missing + [f"killed {where}" for where in WANTED_INSIDE if not self.killed[where]]

    @property
    def clean(self) -> bool:
        return not any(self.bad.values()) and not self.failed_requests and not self.never_met

    def to_json(self) -> JsonObject:
        findings: dict[str, Json] = {name: list(found) for name, found in self.bad.items()}
        numbers: dict[str, Json] = {name: len(found) for name, found in self.bad.items()}
        return {
            "clean": self.clean,
            "interrupted": bool(self.interrupted),
            **{name: self.counts[name] for name in COUNTED},
            **numbers,
            "failed_requests": self.failed_requests,
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "met": {**{name: self.met[name] for name in WANTED}, **dict(sorted(self.met.items()))},
            "never_met": list(self.never_met),
            "killed": dict(self.killed.most_common()),
            "codes": dict(sorted(self.codes.items())),
            "findings": findings,
        }
