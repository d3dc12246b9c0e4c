"""Where a process stood when it was struck, by the log alone: kills that all fall in start-up prove nothing."""

from __future__ import annotations

from typing import Final

from rotator.sandbox.soak.ledger import Ledger, Row

STARTING: Final = "starting"
INSIDE: Final = "inside"
UNDOING: Final = "inside the undo of"


def instant(ledger: Ledger, pid: int, command: str) -> str:
    """`inside X`: its intent is written, its end is not. `after …`: between effects, in a gate, or in a wait."""
    last = ledger.last()
    if last is not None and last.pid == pid:
        return _after(last)
    if ledger.lease_pid() == pid:
        return f"at work, nothing written yet: {command}"
    return f"{STARTING} {command}"


def inside(row: Row | None, pid: int, verb: str) -> bool:
    """Whether this process has just intended this effect, or its undoing."""
    return row is not None and (row.kind, row.verb, row.pid) == ("intended", verb, pid)


def _after(row: Row) -> str:
    if row.kind != "intended":
        return f"after {row}"
    return f"{UNDOING if row.data.get('undo') else INSIDE} {row.verb}"
