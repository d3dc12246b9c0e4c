"""The live view's consumers and gates: a line each, with a mark, and why it does not pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from rotator.cli.ink import ATTENTION, BAD, FAINT, GOOD, Marks, Piece, Room, clipped_inside, line
from rotator.core.plan import overlap_gates
from rotator.core.status import phase
from rotator.model.measure import Verdict
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
    said = f"and {left_out} more" + (", all of them passed" if calm == left_out else f", {calm} of them passed")
    more = line([(f"{room.marks.more} {said}", FAINT)], room.width, room.marks.more)
    return [*(rows[number] for number in sorted(keep)), Row(more, True)]


def consumer_rows(rotation: Rotation, stopped: bool, room: Room) -> list[Row]:
    """A consumer's line carries its `observe` gate: the counts, and why it does not pass."""
    planned = rotation.plan.consumers
    names = min(max((cell_len(consumer.name) for consumer in planned), default=0), room.width // 3)
    return [_consumer(rotation, stopped, consumer, names, room) for consumer in planned]


def _consumer(rotation: Rotation, stopped: bool, consumer: PlannedConsumer, names: int, room: Room) -> Row:
    gate = StepId("observe", consumer.name)
    evidence = rotation.gates.get(gate)
    passed = evidence is not None and evidence.measurement.verdict is Verdict.PASSED
    facts = evidence.measurement.facts if evidence else {}
    counts = {name: _count(facts.get(name)) for name in ("on_new", "on_old", "unknown", "terminating")}
    name = clipped_inside(consumer.name, names, room.marks.more).ljust(names)
    pieces = [_mark(rotation, stopped, gate, room.marks), (f" {name}  ", "")]
    if any(counts.values()):
        pieces += _bar(counts["on_new"], counts["on_old"], counts["unknown"], room.marks)
        pieces += [("  ", ""), *_counted(counts)]
    if not consumer.required:
        pieces.append(("  not required", FAINT))
    why = (
        "not looked at yet" if evidence is None else "" if passed and any(counts.values()) else evidence.measurement.why
    )
    pieces.append((f"  {why}" if any(counts.values()) else why, FAINT))
    return Row(line(pieces, room.width, room.marks.more), passed)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _bar(new: int, old: int, unknown: int, marks: Marks) -> list[Piece]:
    """One cell an instance; where there are too many, in proportion, but whatever exists shows in at least one cell."""
    total = new + old + unknown
    if total > _BAR:
        old, unknown = (max(round(part * _BAR / total), 1) if part else 0 for part in (old, unknown))
        new = max(_BAR - old - unknown, 1 if new else 0)
    return [(marks.on_new * new, GOOD), (marks.on_old * old, ATTENTION), (marks.unknown * unknown, BAD)]


def _counted(counts: dict[str, int]) -> list[Piece]:
    styles = {"on_new": ("new", GOOD), "on_old": ("old", ATTENTION), "unknown": ("unknown", BAD)}
    pieces: list[Piece] = [(f"{counts[name]} {word} ", style) for name, (word, style) in styles.items() if counts[name]]
    if counts["terminating"]:
        pieces.append((f"({counts['terminating']} terminating) ", FAINT))
    return pieces


def gate_rows(rotation: Rotation, stopped: bool, room: Room) -> list[Row]:
    gates = _gates_of_phase(rotation)
    width = min(max((cell_len(str(gate)) for gate in gates), default=0), room.width // 3)
    rows = []
    for gate in gates:
        evidence = rotation.gates.get(gate)
        why = evidence.measurement.why if evidence else "not measured yet"
        name = clipped_inside(str(gate), width, room.marks.more).ljust(width)
        pieces = [_mark(rotation, stopped, gate, room.marks), (f" {name}  ", ""), (why, FAINT)]
        passed = evidence is not None and evidence.measurement.verdict is Verdict.PASSED
        rows.append(Row(line(pieces, room.width, room.marks.more), passed))
    return rows


def _gates_of_phase(rotation: Rotation) -> list[StepId]:
    """The gates of the phase it is in, and any earlier one that passes no more; `observe` stands with its consumer."""
    if rotation.rolling_back is not None:
        return []
    reached = Phase[phase(rotation).upper()]
    found = [step.id for step in rotation.plan.steps if step.phase is reached and not step.effect]
    again = overlap_gates(rotation.plan.consumers) if reached is not Phase.EXPAND else ()
    lapsed = [gate for gate in again if _fails(rotation, gate) and gate not in found]
    return [gate for gate in (*lapsed, *found) if gate.verb != "observe"]


def _fails(rotation: Rotation, gate: StepId) -> bool:
    evidence = rotation.gates.get(gate)
    return evidence is None or evidence.measurement.verdict is not Verdict.PASSED


def _mark(rotation: Rotation, stopped: bool, gate: StepId, marks: Marks) -> Piece:
    """A gate that fails while time may mend it is under way; it is wrong once the rotation stopped, or for good."""
    evidence = rotation.gates.get(gate)
    if evidence is None:
        return marks.to_come, FAINT
    match evidence.measurement.verdict:
        case Verdict.PASSED:
            return marks.done, GOOD
        case Verdict.FAILED:
            lost = evidence.measurement.final or stopped
            return (marks.wrong, BAD) if lost else (marks.now, ATTENTION)
        case Verdict.INCONCLUSIVE:
            return marks.unsure, ATTENTION
        case Verdict.ERRORED:
            return marks.error, BAD
