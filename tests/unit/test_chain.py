from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.chain import MAX_ROW_BYTES, check_next, follow, from_row, next_event, to_row
from rotator.model.canonical import digest
from rotator.model.errors import JournalError
from rotator.model.event import GENESIS, Event, Kind, covered
from tests.unit.core_rotations import rows

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def after(last: Event | None, **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "rotation": "r1",
        "at": AT,
        "kind": Kind.INTENDED,
        "step": "stage aws",
        "attempt": 1,
        "data": {"a": [1]},
        "holder": "ann",
    }
    return next_event(last, **{**fields, **changes})


def log(count: int) -> list[Event]:
    events: list[Event] = []
    for _ in range(count):
        events.append(after(events[-1] if events else None))
    return events


def test_events_count_from_one_and_chain_from_genesis() -> None:
    first, second = log(2)
    assert (first.seq, first.prev) == (1, GENESIS)
    assert (second.seq, second.prev) == (2, first.hash)
    assert follow(rows([first, second]), 0) == [first, second]
    assert follow([], 0) == []


def test_the_hash_is_the_digest_of_all_other_fields() -> None:
    event = after(None, data={"текст": '"\\\n\x01🔑', "n": [1.5, None, True]}, step=None, holder='a "b" \\')
    fields = {name: value for name, value in to_row(event).items() if name != "hash"}
    assert event.hash == digest({**fields, "data": event.data})
    assert follow(rows([event]), 0) == [event]


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": "r2"},
        {"at": AT.replace(hour=13)},
        {"kind": Kind.APPLIED},
        {"step": None},
        {"attempt": 2},
        {"data": {"a": [2]}},
        {"holder": "bob"},
        {"hash": "0" * 64},
    ],
)
def test_a_change_to_any_field_is_found_and_names_its_event(change: dict[str, Any]) -> None:
    events = log(3)
    events[1] = events[1]._replace(**change)
    with pytest.raises(JournalError, match="at event 2: it was altered"):
        follow(rows(events), 0)


def test_a_missing_event_is_named() -> None:
    events = log(4)
    with pytest.raises(JournalError, match="at event 3: it is missing"):
        follow(rows([*events[:2], events[3]]), 0)
    with pytest.raises(JournalError, match="at event 1: it is missing"):
        follow(rows(events[1:]), 0)


def test_an_event_forged_with_a_fitting_hash_breaks_the_chain_behind_it() -> None:
    events = log(3)
    forged = events[1]._replace(holder="mallory")
    events[1] = forged._replace(hash=forged.computed_hash())
    with pytest.raises(JournalError, match="at event 3: it does not follow"):
        follow(rows(events), 0)


def test_swapped_events_are_found() -> None:
    first, second, third = log(3)
    with pytest.raises(JournalError, match="at event 2"):
        follow(rows([first, third, second]), 0)


def test_a_reader_that_goes_on_checks_the_event_that_it_goes_on_from() -> None:
    events = log(3)
    assert follow(rows(events[1:]), 2) == events[2:]
    with pytest.raises(JournalError, match="at event 2: it was altered"):
        follow(rows([events[1]._replace(holder="bob"), events[2]]), 2)
    with pytest.raises(JournalError, match="at event 2: it was there and is gone"):
        follow([], 2)


def test_a_row_reads_back_as_the_event() -> None:
    event = after(None, data={"текст": "🔑", "n": None})
    assert from_row(to_row(event)) == event


@pytest.mark.parametrize("data", [{"n": float("nan")}, {"s": "\ud800"}, {"o": object()}])
def test_data_that_is_no_json_is_refused_before_it_is_written(data: dict[str, Any]) -> None:
    with pytest.raises(JournalError, match=r"event 1 \(intended\) holds what JSON in UTF-8 cannot"):
        after(None, data=data)


def test_an_event_too_large_is_refused_with_both_sizes() -> None:
    with pytest.raises(JournalError, match=f"too large for the journal: .* of {MAX_ROW_BYTES}"):
        after(None, data={"x": "y" * MAX_ROW_BYTES})


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(JournalError, match="no time zone"):
        after(None, at=AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("seq", "one", "'one' is no sequence number"),
        ("seq", None, "None is no sequence number"),
        ("seq", 0, "0 is no sequence number"),
        ("seq", True, "no sequence number"),
        ("rotation", 5, "event 1: its rotation is no text"),
        ("step", b"x", "event 1: its step is no text"),
        ("at", "yesterday", "event 1: its time is 'yesterday'"),
        ("at", "2026-01-01T00:00:00", "event 1: its time has no time zone"),
        ("attempt", "x", "event 1: its attempt is 'x'"),
        ("attempt", -1, "event 1: its attempt is -1"),
        ("attempt", 1.5, "event 1: its attempt is float"),
        ("data", None, "event 1: its data is no text"),
        ("data", "{", "event 1: its data is no JSON"),
        ("data", "[]", "event 1: its data is no JSON object"),
        ("data", '{"a": NaN}', "event 1: its data is no JSON"),
        ("data", "[" * 100_000, "event 1: its data is no JSON"),
        ("data", '{"a": ' + "9" * 5000 + "}", "event 1: its data is no JSON"),
        ("data", "x" * (MAX_ROW_BYTES + 1), "event 1: it is longer than"),
        ("holder", 1.0, "event 1: its holder is no text"),
        ("hash", None, "event 1: its hash is no text"),
        ("kind", "teleported", "event 1 of the journal is of an unknown kind, 'teleported'"),
    ],
)
def test_a_row_that_holds_nonsense_is_a_journal_error(column: str, value: object, says: str) -> None:
    with pytest.raises(JournalError, match=says) as caught:
        from_row({**to_row(after(None)), column: value})
    assert caught.value.hint


def test_an_unknown_kind_points_to_a_newer_version() -> None:
    with pytest.raises(JournalError) as caught:
        from_row({**to_row(after(None)), "kind": "teleported"})
    assert "newer rotator" in caught.value.hint


def test_a_surrogate_that_got_into_a_row_is_damage() -> None:
    data = '{"a":"\\uD800"}'
    fields: list[Any] = list({**to_row(after(None)), "data": data}.values())[:-1]
    forged = (*fields, hashlib.sha256(covered(*fields)).hexdigest())
    with pytest.raises(JournalError, match="event 1: its data is no JSON"):
        follow([forged], 0)


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()


@given(st.dictionaries(st.sampled_from(sorted(to_row(after(None)))), anything))
def test_no_row_raises_anything_but_a_journal_error(changes: dict[str, object]) -> None:
    try:
        follow([tuple({**to_row(after(None)), **changes}.values())], 0)
    except JournalError as error:
        str(error).encode()  # and its text can be shown


@pytest.mark.parametrize("column", ["rotation", "at", "step", "data", "holder", "prev", "hash"])
def test_a_row_that_is_longer_than_any_that_is_written_is_damage_whichever_column_it_is(column: str) -> None:
    with pytest.raises(JournalError, match="event 1: it is longer than"):
        from_row({**to_row(after(None)), column: "x" * (MAX_ROW_BYTES + 1)})


def test_a_row_of_just_the_longest_length_is_read() -> None:
    row = to_row(after(None, data={"a": ""}))
    texts = ("rotation", "at", "step", "data", "holder", "prev", "hash")
    room = MAX_ROW_BYTES - sum(len(str(row[column])) for column in texts)
    assert from_row({**row, "data": f'{{"a":"{"x" * room}"}}'}).data == {"a": "x" * room}
    with pytest.raises(JournalError, match="longer than"):
        from_row({**row, "data": f'{{"a":"{"x" * (room + 1)}"}}'})


def test_the_largest_event_that_is_kept_is_one_of_just_so_many_bytes() -> None:
    room = MAX_ROW_BYTES - len(after(None, data={"a": ""}).covered())
    assert after(None, data={"a": "x" * room}).seq == 1
    with pytest.raises(JournalError, match="too large"):
        after(None, data={"a": "x" * (room + 1)})


@pytest.mark.parametrize("text", ["x" * MAX_ROW_BYTES, "é" * (MAX_ROW_BYTES // 2)], ids=["ascii", "two bytes each"])
def test_no_row_is_made_of_an_event_that_is_too_large(text: str) -> None:
    event = after(None)._replace(data={"a": text})
    with pytest.raises(JournalError, match="too large"):
        to_row(event)
    with pytest.raises(JournalError, match="holds what JSON in UTF-8 cannot"):
        to_row(event._replace(data={"o": object()}))  # type: ignore[dict-item]  # what a caller got wrong


def test_a_log_is_gone_on_with_from_its_very_first_event() -> None:
    events = log(3)
    assert follow(rows(events), 1) == events[1:]
    with pytest.raises(JournalError, match="at event 1: it was there and is gone"):
        follow([], 1)


def test_one_event_is_checked_against_the_one_before_it() -> None:
    first, second = log(2)
    check_next(second, 1, first.hash)
    with pytest.raises(JournalError, match="at event 2: it does not follow"):
        check_next(second, 1, GENESIS)


def test_an_event_without_an_attempt_is_one() -> None:
    assert from_row(to_row(after(None, attempt=0))).attempt == 0


def test_a_log_whose_text_cannot_be_hashed_is_damage() -> None:
    row = [*to_row(after(None, holder="ann")).values()]
    row[7] = "\ud800"
    with pytest.raises(JournalError, match=r"event 1 .* holds what JSON in UTF-8 cannot"):
        follow([row], 0)
