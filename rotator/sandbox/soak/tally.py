"""What the soak counted, as lines for a person and as JSON for a machine."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rotator.model.canonical import Json, JsonObject

_SHOWN: Final = 20  # findings of one sort that are printed

COUNTED: Final = (
    "kills",
    "stops",
    "interrupts",
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


@dataclass(slots=True)
class Tally:
    """`bad`: each sort of finding that must not be, word for word; empty lists are what the soak is for."""

    counts: Counter[str] = field(default_factory=Counter)
    killed_after: Counter[str] = field(default_factory=Counter)
    """Kills by the journal's last event at that moment: which instants were really met."""
    codes: Counter[str] = field(default_factory=Counter)
    """Commands by name and exit code."""
    bad: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in BAD})
    failed_requests: int = 0
    requests: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, sort: str, what: str) -> None:
        """A finding; the same words count once."""
        with self._lock:
            if what not in self.bad[sort]:
                self.bad[sort].append(what)

    @property
    def clean(self) -> bool:
        return not any(self.bad.values()) and not self.failed_requests

    def to_json(self) -> JsonObject:
        findings: dict[str, Json] = {name: list(found) for name, found in self.bad.items()}
        numbers: dict[str, Json] = {name: len(found) for name, found in self.bad.items()}
        return {
            "clean": self.clean,
            **{name: self.counts[name] for name in COUNTED},
            **numbers,
            "failed_requests": self.failed_requests,
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "faults": {name: count for name, count in sorted(self.counts.items()) if name.startswith("fault ")},
            "killed_after": dict(self.killed_after.most_common()),
            "codes": dict(sorted(self.codes.items())),
            "findings": findings,
        }

    def lines(self) -> list[str]:
        rows = [(name, self.counts[name]) for name in COUNTED]
        rows += [(name, len(found)) for name, found in self.bad.items()]
        rows += [("failed_requests", self.failed_requests), ("requests", self.requests)]
        said = [f"{name.replace('_', ' '):<34}{count:>8}" for name, count in rows]
        said += [f"{name:<34}{count:>8}" for name, count in sorted(self.counts.items()) if name.startswith("fault ")]
        said.append(f"{'seconds':<34}{self.seconds:>8.0f}")
        said.append("killed after: " + ", ".join(f"{what} {n}" for what, n in self.killed_after.most_common()))
        said.append("exit codes:   " + ", ".join(f"{what} {n}" for what, n in sorted(self.codes.items())))
        for name, found in self.bad.items():
            said += [f"{name}: {words}" for words in found[:_SHOWN]]
        return said
