"""The hash chain of one credential's log, and how its events are written down and read back.

Every event's `hash` covers its other fields and, through `prev`, all events before it, so an edited, removed or
swapped entry is found on the next read. Cutting off the newest entries cannot be found this way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NoReturn, TypeAlias

from rotator.model.canonical import JsonObject, canonical
from rotator.model.errors import JournalError
from rotator.model.event import GENESIS, Event, Kind

MAX_ROW_BYTES = 1 << 20
"""Longest event, written down, in bytes. A plan with hundreds of consumers takes some 100 kB."""

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
    covered = _covered(draft)  # what cannot be written must not be decided on
    _refuse_unkeepable(draft, len(covered))
    return replace(draft, hash=hashlib.sha256(covered).hexdigest())


def verify(events: Iterable[Event], after: Event | None) -> None:
    """Check that the events follow `after` (None: they begin the log) and one another, unaltered.

    Raises `JournalError` naming the first damaged sequence number.
    """
    seq, prev = (after.seq, after.hash) if after else (0, GENESIS)
    if after and after.hash != _computed(after):
        _altered(after.seq)
    for event in events:
        check_next(event, seq, prev)
        seq, prev = event.seq, event.hash


def follow(events: Sequence[Event], after: int) -> Sequence[Event]:
    """The events with `seq` > `after`, verified, of a log that was read from `after` itself on.

    Raises `JournalError` where the chain is damaged, or where the event `after`, once there, is gone.
    """
    if after < 1:
        verify(events, None)
        return events
    if not events or events[0].seq != after:
        raise _damage(after, "it was there and is gone")
    verify(events[1:], events[0])
    return events[1:]


def check_next(event: Event, last_seq: int, last_hash: str) -> None:
    """Check one event against the sequence number and the hash before it. Raises `JournalError`."""
    if event.seq != last_seq + 1:
        raise _damage(last_seq + 1, f"it is missing; event {event.seq} stands in its place")
    if event.hash != _computed(event):
        _altered(event.seq)
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
    _refuse_unkeepable(event, sum(_size(value) for value in row.values() if isinstance(value, str)))
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
    """The event that a row holds. Whatever is wrong with the row, raises `JournalError` and nothing else."""
    seq = row.get("seq")
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
        raise JournalError(f"the journal is damaged: {_shown(seq)} is no sequence number", _DAMAGED)
    step = row.get("step")
    return Event(
        seq=seq,
        rotation=_text(row, "rotation", seq),
        at=_time(row, seq),
        kind=_kind(row, seq),
        step=None if step is None else _text(row, "step", seq),
        attempt=_count(row, seq),
        data=_data(row, seq),
        holder=_text(row, "holder", seq),
        prev=_text(row, "prev", seq),
        hash=_text(row, "hash", seq),
    )


def _computed(event: Event) -> str:
    return hashlib.sha256(_covered(event)).hexdigest()


def _covered(event: Event) -> bytes:
    try:
        return event.covered()
    except (TypeError, ValueError, RecursionError) as error:
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


def _text(row: Row, column: str, seq: int) -> str:
    value = row.get(column)
    if not isinstance(value, str):
        raise _damage(seq, f"its {column} is no text")
    if len(value) > MAX_ROW_BYTES:
        raise _damage(seq, f"its {column} is longer than {MAX_ROW_BYTES} characters")
    return value


def _count(row: Row, seq: int) -> int:
    value = row.get("attempt")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _damage(seq, f"its attempt is {_shown(value)}")
    return value


def _time(row: Row, seq: int) -> datetime:
    text = _text(row, "at", seq)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _damage(seq, f"its time is {_shown(text)}") from None
    if at.utcoffset() is None:
        raise _damage(seq, "its time has no time zone")
    return at


_KINDS: Final = {kind.value: kind for kind in Kind}


def _kind(row: Row, seq: int) -> Kind:
    text = _text(row, "kind", seq)
    try:
        return _KINDS[text]
    except KeyError:
        raise JournalError(f"event {seq} of the journal is of an unknown kind, {_shown(text)}", _NEWER) from None


def _data(row: Row, seq: int) -> JsonObject:
    text = _text(row, "data", seq)
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise _damage(seq, "its data is no JSON") from None
    if not isinstance(value, dict):
        raise _damage(seq, "its data is no JSON object")
    return value


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)
"""One for all: `json.loads` with an option builds another for every event."""


def _shown(value: object) -> str:
    # ascii(): an undecodable byte must not break the terminal that shows the error.
    return ascii(value)[:_SHOWN] if isinstance(value, str | int | None) else type(value).__name__


def _altered(seq: int) -> NoReturn:
    raise _damage(seq, "it was altered after it was written")


def _damage(seq: int, what: str) -> JournalError:
    return JournalError(f"the journal is damaged at event {seq}: {what}", _DAMAGED)
