from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from rotator.core import chain
from rotator.core.report import build, text, verify
from rotator.core.report_page import page
from rotator.engine import Yes
from rotator.model.canonical import digest
from rotator.model.errors import JournalError
from rotator.model.event import Event, Kind
from rotator.model.plan import Phase
from rotator.opening import open_rotation
from rotator.orders import abandon, approve, roll_back
from rotator.sandbox.memory_world import NAME, MemoryWorld
from rotator.session import Session
from tests.unit.core_rotations import log
from tests.unit.engine_world import BOTH, quick, run, started
from tests.unit.json_schema import misfits

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/report.schema.json").read_text())
ANN = Yes(by="ann | the <auditor>", reason="because\nof a\\line")


def reported(world: MemoryWorld, rotation: str | None = None) -> Mapping[str, Any]:
    return of(world.journal.read(NAME), rotation, world)


def of(events: Sequence[Event], rotation: str | None = None, world: MemoryWorld | None = None) -> Mapping[str, Any]:
    now = world.clock.now() if world else events[-1].at
    return cast("Mapping[str, Any]", build(events, rotation or events[-1].rotation, now))


@cache
def completed() -> MemoryWorld:
    world = started(quick())
    run(world, yes=BOTH)
    return world


def abandoned() -> MemoryWorld:
    world = started(quick())
    with world.session() as session:
        abandon(session, ANN)
    return world


def rolled_back() -> MemoryWorld:
    world = started(quick())
    run(world, order=lambda session: roll_back(session, ANN))
    return world


def made_equal() -> MemoryWorld:
    world = MemoryWorld(strays=1)
    world.agree()
    return world


def small() -> bytes:
    """The smallest log that there is: opened, and nothing else."""
    return text(of(log([]))).encode()


def broken(data: bytes) -> bool:
    try:
        verify(data)
    except JournalError as error:
        return bool(error.message and error.hint)
    return False


@pytest.mark.parametrize("world", [completed, abandoned, rolled_back, made_equal])
def test_a_report_verifies_and_is_as_the_published_schema_says(world: Any) -> None:
    report = reported(world())
    assert json.loads(text(report)) == json.loads(text(verify(text(report).encode())))
    assert list(misfits(json.loads(text(report)), SCHEMA, SCHEMA)) == []


def test_a_rotation_before_the_rotation_is_reported_as_what_it_is() -> None:
    world = made_equal()
    report = reported(world)
    assert report["rotation"]["trigger"]["kind"] == "drift"
    assert report["plan"]["right"] == next(iter(world.stores))
    assert "| trigger | places that held another key than the right one |" in page(report)
    assert len(report["debts"]) == 1


def test_the_schema_foresees_nothing_that_a_report_does_not_hold() -> None:
    assert set(SCHEMA["properties"]) == set(reported(completed()))
    assert list(misfits({**json.loads(small()), "more": 1}, SCHEMA, SCHEMA)) == ["$: more is not foreseen"]


def test_any_changed_byte_of_a_report_is_found() -> None:
    data = small()
    survived = [place for place in range(len(data)) if not broken(with_byte(data, place, data[place] ^ 1))]
    assert survived == []


def test_any_bit_of_a_whole_rotations_report_counts() -> None:
    data = text(reported(completed())).encode()
    places = range(0, len(data), len(data) // 60)
    survived = [
        (place, bit)
        for number, place in enumerate(places)
        for bit in [1 << number % 8]
        if not broken(with_byte(data, place, data[place] ^ bit))
    ]
    assert survived == []


def test_a_byte_that_was_added_or_taken_away_is_found() -> None:
    data = small()
    for place in range(0, len(data), 97):
        assert broken(data[:place] + b" " + data[place:])
        assert broken(data[:place] + data[place + 1 :])
    assert broken(data + b"\n")
    assert broken(data[:-1])
    assert broken(b"")
    assert broken(b"[" * 100_000)


def with_byte(data: bytes, place: int, byte: int) -> bytes:
    return data[:place] + bytes([byte]) + data[place + 1 :]


def forged(report: Mapping[str, Any], **changes: Any) -> bytes:
    """As by somebody who knows how the digest is made."""
    body = {key: value for key, value in {**report, **changes}.items() if key != "digest"}
    return text({**body, "digest": digest(body)}).encode()


def test_a_part_that_does_not_follow_from_the_events_is_found_even_with_a_digest_that_fits() -> None:
    report = reported(completed())
    assert not broken(forged(report))
    for part in ("gates", "effects", "approvals", "overrides", "requests", "debts", "events"):
        assert broken(forged(report, **{part: [*report[part], {"what": "ever"}]})), part
        assert not report[part] or broken(forged(report, **{part: report[part][:-1]})), part
    for part in ("rotation", "plan", "keys", "log"):
        assert broken(forged(report, **{part: {**report[part], "id": "another"}})), part


@pytest.mark.parametrize("value", [None, [], {}, "x", -1, True, 1e300, "9999-12-31T23:59:59+00:00"])
def test_whatever_stands_anywhere_in_a_file_is_refused_in_words_and_never_a_crash(value: Any) -> None:
    report = json.loads(small())
    for path in [*_paths(report)]:
        changed = json.loads(small())
        inner = changed
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        broken(forged(changed))  # whole or not: it says so
    assert broken(text({**report, "credential": "\ud800"}).encode())


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield (*before, name)
        yield from _paths(inner, (*before, name))


def test_a_debt_cannot_be_taken_out_of_a_report() -> None:
    report = reported(abandoned())
    assert broken(forged(report, debts=[]))


def test_an_event_that_was_edited_is_found_where_its_hash_was_not() -> None:
    report = reported(completed())
    events = [dict(event) for event in report["events"]]
    events[3]["holder"] = "somebody else"
    with pytest.raises(JournalError, match="damaged at event 4"):
        verify(forged(report, events=events))


def test_what_is_no_report_is_refused_with_a_word_about_why() -> None:
    with pytest.raises(JournalError, match="no JSON"):
        verify(page(reported(completed())).encode())
    with pytest.raises(JournalError, match="no report of rotate's"):
        verify(text({"format": "something"}).encode())
    with pytest.raises(JournalError, match="of version 2"):
        verify(text({"format": "rotator-report", "version": 2}).encode())


def test_a_report_says_who_approved_what_on_which_evidence() -> None:
    report = reported(completed())
    assert [(one["what"], one["by"]) for one in report["approvals"]] == [("disable", "tester"), ("archive", "tester")]
    disable = next(effect for effect in report["effects"] if effect["step"] == "disable")
    assert disable["state"] == "applied"
    assert disable["events"][0]["approved_by"] == "tester"
    assert disable["events"][0]["evidence_digest"] == report["approvals"][0]["evidence_digest"]
    assert "pings" in disable["events"][0]["rests_on"]
    assert report["keys"]["old"]["status"] == "archived"
    assert {gate["verdict"] for gate in report["gates"]} == {"passed"}
    assert report["rotation"]["trigger"]["kind"] == "planned"
    assert report["requests"]


def test_that_silence_was_not_proven_stays_in_the_report_when_it_is_owed_no_more() -> None:
    world = started(MemoryWorld(managed=False))
    world.go_on(yes={})
    events = [*world.journal.read(NAME)]
    done = [
        *events,
        _next(events[-1], Kind.INTENDED, "disable", {}),
    ]
    done.append(_next(done[-1], Kind.APPLIED, "disable", {"by": "a person, in the Console"}))
    done.append(_next(done[-1], Kind.MEASURED, "soak", {"verdict": "passed", "why": "", "facts": {}}))
    report = of(done)
    assert [one["kind"] for one in report["overrides"]] == ["gate drain"]
    assert report["debts"] == []
    assert not broken(text(report).encode())


def _next(last: Event, kind: Kind, step: str | None, data: Mapping[str, Any]) -> Event:
    return chain.next_event(
        last, rotation=last.rotation, at=last.at, kind=kind, step=step, attempt=1, data=data, holder=last.holder
    )


def test_each_rotation_of_a_log_has_a_report_of_its_own_that_verifies_without_the_others() -> None:
    world = abandoned()
    first = world.journal.read(NAME)[0].rotation
    key, _ = world.issuer.issue(name="third")
    world.clock.advance(timedelta(days=1))
    run(world, order=lambda session: reopened(session, world), key=key, horizon=Phase.OVERLAP)
    debt = reported(world, first)["debts"][0]
    assert debt["closed"] is None
    approve(world.session(), f"settled:{debt['id']}", ANN)
    report, second = reported(world, first), reported(world)
    assert report["debts"][0]["closed"] == f"settled by {ANN.by}: {ANN.reason}"
    assert second["log"]["prev"] == report["log"]["head"]
    assert not broken(text(report).encode())
    assert not broken(text(second).encode())


def reopened(session: Session, world: MemoryWorld) -> None:
    open_rotation(session, world.ports(), world.plan, "tester")


def test_an_event_that_holds_what_looks_like_a_key_is_never_reported() -> None:
    key = "sk-ant-" + "x" * 60
    events = log([(Kind.HELD, None, {"why": f"said {key}"})])
    with pytest.raises(JournalError, match="event 2 of the journal holds what looks like a key") as caught:
        of(events)
    assert key not in str(caught.value) + caught.value.hint


def test_no_key_is_in_a_report_or_on_its_page() -> None:
    world = completed()
    report = reported(world)
    for key in (world.old.reveal(), world.new.reveal()):
        assert key not in text(report) + page(report)
