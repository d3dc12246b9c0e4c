"""One frame of the live view: a rotation, the time and a terminal's size → text. Pure, so it is tested without one.

From the top, below a rule that parts it from the log: which rotation, where in its three phases, both keys;
the consumers; the gates; what it waits for; traffic.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.text import Text

from rotator.cli.ink import (
    ATTENTION,
    BAD,
    FAINT,
    GOOD,
    STRONG,
    Marks,
    Piece,
    Room,
    folded,
    lasting,
    line,
)
from rotator.cli.rows import Row, consumer_rows, gate_rows, trimmed
from rotator.core.status import old_status, phase, waiting
from rotator.model.decision import Ask, Decision, Do, Stop, Undo, Wait
from rotator.model.plan import Phase
from rotator.model.rotation import Outcome, Rotation

_WHY_LINES: Final = 3
"""Lines for what it waits for: a question to a person is a whole sentence, and must be read."""

_SPINS: Final = 4
"""Turns of the spinner in a second: how often the view is drawn."""

_FAILED: Final = re.compile(r"\b(?:failed:?\s+0*[1-9][\d,.]*|0*[1-9][\d,.]*\s+failed\b(?!:?\s*\d))")
"""In a line about traffic: a count of failures that is not zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A snapshot of everything that a frame shows. `doing`: the sentence of an effect that is under way."""

    rotation: Rotation
    decision: Decision | None = None
    doing: str = ""
    traffic: tuple[str, ...] = ()
    over: bool = False
    """The last frame: nothing turns any more."""


def frame(shown: Shown, now: datetime, room: Room) -> Text:
    """The whole view: no line wider than the room; where it is too low, consumers and gates that pass are left out."""
    head = _head(shown, room)
    stopped = isinstance(shown.decision, Stop)
    consumers, gates = consumer_rows(shown.rotation, stopped, room), gate_rows(shown.rotation, stopped, room)
    tail = [Text(), *_waiting(shown, now, room), *_traffic(shown, room)]
    if room.height is not None:
        space = room.height - len(head) - len(tail) - 3  # two empty lines, and one for the cursor
        gates = trimmed(gates, max(space - len(consumers), space // 2, 1), room)
        consumers = trimmed(consumers, max(space - len(gates), 1), room)
    rows = [*head, *_block(consumers), *_block(gates), *tail]
    return Text("\n", no_wrap=True, overflow="crop").join(rows)


def _block(rows: Sequence[Row]) -> list[Text]:
    return [Text(), *(row.text for row in rows)] if rows else []


# --- the head: which rotation, its phases, its keys


def _head(shown: Shown, room: Room) -> list[Text]:
    rotation, more = shown.rotation, room.marks.more
    title = [
        (rotation.plan.credential, STRONG),
        (f"  rotation {rotation.id}", ""),
        (f"  playbook {rotation.plan.playbook.name}", FAINT),
        (f"  to the key of {rotation.plan.right}" if rotation.plan.right else "", FAINT),
    ]
    return [
        line([(room.marks.rule * room.width, FAINT)], room.width, more),
        line(title, room.width, more),
        line(_phases(rotation, room.marks), room.width, more),
        *(line(pieces, room.width, more) for pieces in _keys(rotation)),
    ]


def _phases(rotation: Rotation, marks: Marks) -> list[Piece]:
    if rotation.outcome is Outcome.ABANDONED:
        return [(f"{marks.wrong} ABANDONED", BAD)]
    if rotation.outcome is Outcome.ROLLED_BACK:
        return [(f"{marks.done} ROLLED BACK", GOOD)]
    current = phase(rotation)
    if current == "rollback":
        return [(f"{marks.now} ROLLBACK", f"{STRONG} {ATTENTION}"), ("  to the old key", FAINT)]
    reached = Phase[current.upper()]
    pieces: list[Piece] = []
    for each in Phase:
        if pieces:
            pieces.append((f" {marks.rule * 2} ", FAINT))
        if each < reached or rotation.outcome is Outcome.COMPLETED:
            pieces.append((f"{marks.done} {each.name}", GOOD))
        elif each == reached:
            pieces.append((f"{marks.now} {each.name}", STRONG))
        else:
            pieces.append((f"{marks.to_come} {each.name}", FAINT))
    return pieces


def _keys(rotation: Rotation) -> list[list[Piece]]:
    lines: list[list[Piece]] = []
    if rotation.old is not None:
        state = old_status(rotation)
        style = {"active": GOOD, "refused": BAD}.get(state, FAINT)
        lines.append([("old key  ", FAINT), (f"{rotation.old.fingerprint}  ", ""), (state, style)])
    if rotation.new is not None:
        lines.append([("new key  ", FAINT), (f"{rotation.new.fingerprint}  ", ""), ("active", GOOD)])
    else:
        lines.append([("new key  ", FAINT), ("not adopted yet", FAINT)])
    return lines


# --- what it waits for, and traffic


def _waiting(shown: Shown, now: datetime, room: Room) -> list[Text]:
    marks = room.marks
    mark, style, why, ends = _state(shown, now, marks)
    head = f"{ends} {marks.dot} {why}" if ends and why else ends or why
    first, *rest = folded(head, room.width - 2, _WHY_LINES, marks.more)
    return [
        line([(f"{mark} ", style), (first, STRONG)], room.width, marks.more),
        *(line([("  ", ""), (each, STRONG)], room.width, marks.more) for each in rest),
    ]


def _state(shown: Shown, now: datetime, marks: Marks) -> tuple[str, str, str, str]:
    """Its mark and the mark's style, what it says, and the countdown."""
    rotation, decision = shown.rotation, shown.decision
    if rotation.outcome is not Outcome.OPEN:
        ends = (rotation.ended_at or now) - rotation.opened_at
        said = f"{rotation.outcome.value.replace('_', ' ')} after {lasting(ends)}"
        return (marks.wrong, BAD, said, "") if rotation.outcome is Outcome.ABANDONED else (marks.done, GOOD, said, "")
    turn = int(now.timestamp() * _SPINS) % len(marks.spinner)
    spinner, style = (marks.dot, FAINT) if shown.over else (marks.spinner[turn], ATTENTION)
    found = waiting(rotation, decision) if decision is not None else None
    why = str(found["why"]) if found else ""
    match decision:
        case _ if shown.doing:
            return spinner, style, shown.doing, ""
        case Ask():
            return marks.unsure, ATTENTION, f"waiting for a person: {why}", ""
        case Stop(exit_code, said, _):
            return (marks.wrong, BAD, said, "") if exit_code else (marks.done, GOOD, said, "")
        case Wait(look_at, until, _):
            return spinner, style, why, _countdown(look_at, until, now, shown.over)
        case Do(step):
            until = datetime.fromisoformat(str(found["until"])) if found and found["until"] else None
            return spinner, style, why or f"{step}", _countdown(now, until, now, shown.over)
        case Undo(step, _):
            return spinner, style, f"taking back: {step}", ""
    return spinner, style, "going on", ""


def _countdown(look_at: datetime, until: datetime | None, now: datetime, over: bool) -> str:
    if until is not None:
        if over:
            return f"until {until:%Y-%m-%d %H:%M:%S} UTC"
        return f"ends in {lasting(until - now)}" if until > now else ""
    soon = look_at - now
    return f"looks again in {lasting(soon)}" if soon >= timedelta(seconds=1) and not over else ""


def _traffic(shown: Shown, room: Room) -> list[Text]:
    rows = []
    for text in shown.traffic:
        row = line([(text, "")], room.width, room.marks.more)
        row.highlight_regex(_FAILED, BAD)
        rows.append(row)
    return [Text(), *rows] if rows else []
