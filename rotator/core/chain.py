"""The hash chain of one credential's log, and how its events are written down and read back.

Every event's `hash` covers its other fields and, through `prev`, all events before it, so an edited, removed or
swapped entry is found on the next read. Cutting off the newest entries cannot be found this way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NoReturn, TypeAlias

from rotator.model.canonical import JsonObject, canonical
from rotator.model.errors import JournalError
from rotator.model.event import GENESIS, Event, Kind, covered

MAX_ROW_BYTES = 1 << 20
"""Longest event, written down, in bytes. A plan with hundreds of consumers takes some 100 kB."""

COLUMNS: Final = Event._fields
"""An event is written down as a row of these, in this order."""

_SHOWN = 40  # characters of an unreadable value that an error quotes

Row: TypeAlias = Mapping[str, object]
"""One event as a backend keeps it; `data` is JSON text, `at` ISO 8601 with its offset. May hold anything."""

_DAMAGED = "Nothing was changed. Restore the journal from a backup; do not edit it by hand."
_NEWER = "A newer rotator wrote it: use that version, or a newer one."


def next_event(
    last: Event | None,
    *,
    rotation: str,
    at: datetime,
    kind: Kind,
    step: str | None,
    attempt: int,
    data: JsonObject,
    holder: str,
) -> Event:
    """The event that follows `last` (None: the credential's first). `at` must be aware.

    Raises `JournalError` where `data` cannot be written as JSON.
    """
    draft = Event(
        seq=last.seq + 1 if last else 1,
        rotation=rotation,
        at=at,
        kind=kind,
        step=step,
        attempt=attempt,
        data=data,
        holder=holder,
        prev=last.hash if last else GENESIS,
        hash="",
    )
    text = _covered(draft)  # what cannot be written must not be decided on
    _refuse_unkeepable(draft, len(text))
    return draft._replace(hash=hashlib.sha256(text).hexdigest())


def follow(rows: Sequence[Sequence[Any]], after: int) -> Sequence[Event]:
    """The events with `seq` > `after`, verified, of a log that was read from `after` itself on.

    `rows`: as a backend keeps them, each in the order of `COLUMNS`. Raises `JournalError` naming the first damaged
    sequence number, or saying that the event `after`, once there, is gone.
    """
    events = [_event(row) for row in rows]
    if after >= 1 and (not events or events[0].seq != after):
        raise _damage(after, "it was there and is gone")
    seq, prev = (events[0].seq - 1, events[0].prev) if after >= 1 else (0, GENESIS)
    for event, row in zip(events, rows, strict=True):
        _check(event, _computed_as_written(event, row), seq, prev)
        seq, prev = event.seq, event.hash
    return events[1:] if after >= 1 else events


def check_next(event: Event, last_seq: int, last_hash: str) -> None:
    """Check one event against the sequence number and the hash before it. Raises `JournalError`."""
    _check(event, _computed(event), last_seq, last_hash)


def _check(event: Event, hash_: str, last_seq: int, last_hash: str) -> None:
    if event.seq != last_seq + 1:
        raise _damage(last_seq + 1, f"it is missing; event {event.seq} stands in its place")
    if event.hash != hash_:
        raise _damage(event.seq, "it was altered after it was written")
    if event.prev != last_hash:
        raise _damage(event.seq, "it does not follow from the event before it")


def to_row(event: Event) -> dict[str, int | str | None]:
    """The event as plain columns. Raises `JournalError` where it is too large or no JSON."""
    row: dict[str, int | str | None] = {
        "seq": event.seq,
        "rotation": event.rotation,
        "at": event.at.isoformat(),
        "kind": event.kind.value,
        "step": event.step,
        "attempt": event.attempt,
        "data": _written(event),
        "holder": event.holder,
        "prev": event.prev,
        "hash": event.hash,
    }
    _refuse_unkeepable(event, _size("".join([value for value in row.values() if isinstance(value, str)])))
    return row


def _size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _refuse_unkeepable(event: Event, size: int) -> None:
    """`size`: of the event as text, in bytes."""
    if event.at.utcoffset() is None:
        raise JournalError(f"event {event.seq} cannot be journaled: its time has no time zone", _DAMAGED)
    if size > MAX_ROW_BYTES:
        raise JournalError(
            f"event {event.seq} ({event.kind.value}) is too large for the journal: {size} bytes of {MAX_ROW_BYTES}",
            "Name fewer consumers in one credential, or make their commands' output shorter.",
        )


def from_row(row: Row) -> Event:
    """The event that a row holds, its hash not checked. Whatever is wrong with the row, raises `JournalError` alone."""
    return _event(tuple(map(row.get, COLUMNS)))


def _event(row: Sequence[object]) -> Event:
    seq, rotation, at, kind, step, attempt, data, holder, prev, hash_ = row
    if type(seq) is not int or seq < 1:
        raise JournalError(f"the journal is damaged: {_shown(seq)} is no sequence number", _DAMAGED)
    if not (
        isinstance(rotation, str)
        and isinstance(at, str)
        and isinstance(kind, str)
        and (step is None or isinstance(step, str))
        and isinstance(data, str)
        and isinstance(holder, str)
        and isinstance(prev, str)
        and isinstance(hash_, str)
    ):
        raise _damage(seq, f"its {_no_text(row)} is no text")
    if len(data) + len(holder) + len(rotation) + len(at) + len(step or "") + len(prev) + len(hash_) > MAX_ROW_BYTES:
        raise _damage(seq, f"it is longer than {MAX_ROW_BYTES} characters")
    if type(attempt) is not int or attempt < 0:
        raise _damage(seq, f"its attempt is {_shown(attempt)}")
    if kind not in _KINDS:
        raise JournalError(f"event {seq} of the journal is of an unknown kind, {_shown(kind)}", _NEWER)
    return Event(seq, rotation, _time(at, seq), _KINDS[kind], step, attempt, _data(data, seq), holder, prev, hash_)


def _computed(event: Event) -> str:
    return hashlib.sha256(_covered(event)).hexdigest()


def _covered(event: Event) -> bytes:
    try:
        return event.covered()
    except (TypeError, ValueError, RecursionError) as error:
        raise _unwritable(event, error) from None


def _computed_as_written(event: Event, row: Sequence[Any]) -> str:
    """Of the row's own text: to write the event down once more would take longer than all the rest of reading it."""
    try:
        return hashlib.sha256(covered(*row[:-1])).hexdigest()
    except ValueError as error:
        raise _unwritable(event, error) from None


def _written(event: Event) -> str:
    try:
        return canonical(event.data)
    except (TypeError, ValueError, RecursionError) as error:
        raise _unwritable(event, error) from None


def _unwritable(event: Event, error: Exception) -> JournalError:
    # Only the type of the failure: its text may quote the data.
    what = f"event {event.seq} ({event.kind.value}) holds what JSON in UTF-8 cannot ({type(error).__name__})"
    return JournalError(what, _DAMAGED)


def _no_text(row: Sequence[object]) -> str:
    """The name of the first column that should hold text and does not."""
    named = zip(COLUMNS, row, strict=True)
    wrong = (name for name, value in named if not isinstance(value, str) and not (name == "step" and value is None))
    return next(name for name in wrong if name not in ("seq", "attempt"))


def _time(text: str, seq: int) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _damage(seq, f"its time is {_shown(text)}") from None
    if at.utcoffset() is None:
        raise _damage(seq, "its time has no time zone")
    return at


def _data(text: str, seq: int) -> JsonObject:
    try:
        value, end = _DECODER.raw_decode(text)
        # We write escapes for control characters alone: another one may stand for what UTF-8 cannot say.
        ours = end == len(text) and ("\\u" not in text or canonical(value) == text)
    except (ValueError, RecursionError):
        ours = False
    if not ours:
        raise _damage(seq, "its data is no JSON")
    if not isinstance(value, dict):
        raise _damage(seq, "its data is no JSON object")
    return value


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's


_KINDS: Final = {kind.value: kind for kind in Kind}

_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)
"""One for all: `json.loads` with an option builds another for every event."""


def _shown(value: object) -> str:
    # ascii(): an undecodable byte must not break the terminal that shows the error.
    return ascii(value)[:_SHOWN] if isinstance(value, str | int | None) else type(value).__name__


def _damage(seq: int, what: str) -> JournalError:
    return JournalError(f"the journal is damaged at event {seq}: {what}", _DAMAGED)
