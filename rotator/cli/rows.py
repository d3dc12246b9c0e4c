"""The live view's consumers and gates: a line each, with a mark, and why it does not pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from rotator.cli.ink import ATTENTION, BAD, FAINT, GOOD, Marks, Piece, Room, clipped_inside, line
from rotator.core.plan import overlap_gates
from rotator.core.status import phase
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import Phase, PlannedConsumer, StepId
from rotator.model.rotation import Rotation

_BAR: Final = 10
"""Widest bar, in cells; one cell an instance, up to this many."""


@dataclass(frozen=True, slots=True)
class Row:
    text: Text
    calm: bool
    """Passed: the first to be left out where there is no room."""


def trimmed(rows: list[Row], most: int, room: Room) -> list[Row]:
    if len(rows) <= most:
        return rows
    keep = sorted(range(len(rows)), key=lambda number: (rows[number].calm, number))[: most - 1]
    left_out = len(rows) - len(keep)
    calm = sum(row.calm for row in rows) - sum(rows[number].calm for number in keep)
    passed = ", all of them passed" if calm == left_out else f", {calm} of them passed" if calm else ""
    said = f"and {left_out} more{passed}"
    more = line([(f"{room.marks.more} {said}", FAINT)], room.width, room.marks.more)
    return [*(rows[number] for number in sorted(keep)), Row(more, True)]


_COUNTS: Final = (("on_new", "new", GOOD), ("on_old", "old", ATTENTION), ("unknown", "unknown", BAD))


def consumer_rows(rotation: Rotation, stopped: bool, room: Room) -> list[Row]:
    """A consumer's line carries its `observe` gate: the counts, and why it does not pass."""
    planned = rotation.plan.consumers
    names = min(max((cell_len(consumer.name) for consumer in planned), default=0), room.width // 3)
    bars = min(max((sum(_counts(_measured(rotation, consumer))) for consumer in planned), default=0), _BAR)
    return [_consumer(rotation, stopped, consumer, (names, bars), room) for consumer in planned]


def _consumer(rotation: Rotation, stopped: bool, consumer: PlannedConsumer, widths: tuple[int, int], room: Room) -> Row:
    (names, bars), marks = widths, room.marks
    measured = _measured(rotation, consumer)
    pieces = [
        _mark(measured, stopped, marks),
        (f" {_padded(clipped_inside(consumer.name, names, marks.more), names)}  ", ""),
    ]
    if counts := _counts(measured):
        pieces += [*_bar(counts, marks), (" " * (bars - min(sum(counts), _BAR) + 2), "")]
        pieces += [
            (f"{count} {word}  ", style) for count, (_, word, style) in zip(counts, _COUNTS, strict=True) if count
        ]
    if not consumer.required:
        pieces.append(("(not required)  ", FAINT))
    pieces.append((_why(measured), FAINT))
    return Row(line(pieces, room.width, marks.more), _passed(measured))


def _measured(rotation: Rotation, consumer: PlannedConsumer) -> Measurement | None:
    evidence = rotation.gates.get(StepId("observe", consumer.name))
    return evidence.measurement if evidence else None


def _counts(measured: Measurement | None) -> list[int]:
    """Instances on the new key, on the old one, unknown; empty where none was counted."""
    found = [measured.facts.get(name) for name, _, _ in _COUNTS] if measured else []
    counts = [count if isinstance(count, int) else 0 for count in found]
    return counts if any(counts) else []


def _why(measured: Measurement | None) -> str:
    """What the counts do not say already: which instances it waits for, or why nothing was counted."""
    if measured is None:
        return "not looked at yet"
    if not _counts(measured):
        return measured.why
    names = measured.facts.get("waiting_for")
    waits = "waits for " + ", ".join(map(str, names)) if isinstance(names, list) and names else ""
    ending = measured.facts.get("terminating")
    return "  ".join(text for text in (f"({ending} terminating)" if ending else "", waits) if text)


def _bar(counts: list[int], marks: Marks) -> list[Piece]:
    """One cell an instance; where there are too many, in proportion, but whatever exists shows in at least one cell."""
    cells = counts
    if sum(counts) > _BAR:
        cells = [max(round(count * _BAR / sum(counts)), 1) if count else 0 for count in counts]
        cells[cells.index(max(cells))] += _BAR - sum(cells)
    drawn = (marks.on_new, marks.on_old, marks.unknown)
    return [(mark * cell, style) for mark, cell, (_, _, style) in zip(drawn, cells, _COUNTS, strict=True)]


def gate_rows(rotation: Rotation, stopped: bool, room: Room) -> list[Row]:
    """The gates of the phase it is in, each with its verdict's mark and why."""
    gates = _gates_of_phase(rotation)
    width = min(max((cell_len(str(gate)) for gate in gates), default=0), room.width // 3)
    rows = []
    for gate in gates:
        evidence = rotation.gates.get(gate)
        measured = evidence.measurement if evidence else None
        name = _padded(clipped_inside(str(gate), width, room.marks.more), width)
        why = measured.why if measured else "not measured yet"
        pieces = [_mark(measured, stopped, room.marks), (f" {name}  ", ""), (why, FAINT)]
        rows.append(Row(line(pieces, room.width, room.marks.more), _passed(measured)))
    return rows


def _gates_of_phase(rotation: Rotation) -> list[StepId]:
    """The gates of the phase it is in, and any earlier one that passes no more; `observe` stands with its consumer."""
    if rotation.rolling_back is not None:
        return []
    reached = Phase[phase(rotation).upper()]
    found = [step.id for step in rotation.plan.steps if step.phase is reached and not step.effect]
    again = overlap_gates(rotation.plan.consumers) if reached is not Phase.EXPAND else ()
    holding = {gate for gate, evidence in rotation.gates.items() if _passed(evidence.measurement)}
    lapsed = [gate for gate in again if gate not in holding and gate not in found]
    return [gate for gate in (*lapsed, *found) if gate.verb != "observe"]


def _passed(measured: Measurement | None) -> bool:
    return measured is not None and measured.verdict is Verdict.PASSED


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _mark(measured: Measurement | None, stopped: bool, marks: Marks) -> Piece:
    """A gate that does not pass while time may mend it is under way; its verdict counts once the rotation stopped."""
    if measured is None:
        return marks.to_come, FAINT
    settled = stopped or measured.final
    match measured.verdict:
        case Verdict.PASSED:
            return marks.done, GOOD
        case Verdict.ERRORED:
            return marks.error, BAD
        case Verdict.FAILED if settled:
            return marks.wrong, BAD
        case Verdict.INCONCLUSIVE if settled:
            return marks.unsure, ATTENTION
    return marks.now, ATTENTION
