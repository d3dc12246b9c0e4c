"""What was seen, and what it means: truth tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.core import judge, silence
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus
from rotator.model.measure import Cause, Instance, Measurement, Ping, Verdict
from rotator.model.plan import StepId
from tests.unit.core_rotations import NEW, NOW, OLD

GATE, SOAK = StepId("observe", "chat"), StepId("soak")
THIRD = Fingerprint.of("third" * 22)
OK = Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="200", organization="o", workspace="w")
DEAD = Ping(verdict=Verdict.FAILED, cause=Cause.UNAUTHENTICATED, why="401")
WEATHER = Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why="529")
RECORD = KeyRecord(id="apikey_2", name="new", status=KeyStatus.ACTIVE, hint=None, workspace="w")


def seen(*said: str | None, terminating: bool = False) -> Measurement:
    instances = [Instance(id=str(n), fingerprint=one, terminating=terminating) for n, one in enumerate(said)]
    return judge.observed(GATE, instances, NEW, [OLD], wanted_is_new=True)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ((), Verdict.INCONCLUSIVE),
        ((NEW.digest,), Verdict.PASSED),
        ((NEW.digest, f"{NEW.head}...{NEW.tail}", f"{NEW.head}{NEW.tail}"), Verdict.PASSED),
        ((NEW.digest, OLD.digest), Verdict.FAILED),
        ((NEW.digest, OLD.hint), Verdict.FAILED),
        ((OLD.digest, None), Verdict.FAILED),
        ((NEW.digest, None), Verdict.INCONCLUSIVE),
        ((NEW.digest, THIRD.digest), Verdict.INCONCLUSIVE),
        ((None,), Verdict.INCONCLUSIVE),
        (("",), Verdict.INCONCLUSIVE),
        ((NEW.head,), Verdict.INCONCLUSIVE),
        ((NEW.tail,), Verdict.INCONCLUSIVE),
    ],
)
def test_every_instance_must_say_the_wanted_key(said: tuple[str | None, ...], verdict: Verdict) -> None:
    assert seen(*said).verdict is verdict


def test_a_terminating_instance_counts_like_any_other() -> None:
    found = seen(OLD.digest, terminating=True)
    assert found.verdict is Verdict.FAILED
    assert (found.facts["terminating"], found.facts["on_old"]) == (1, 1)


def test_a_third_key_is_unknown() -> None:
    assert seen(THIRD.digest, NEW.digest).facts["unknown"] == 1


def test_head_and_tail_that_fit_both_keys_prove_neither() -> None:
    twin = replace(OLD, head=NEW.head, tail=NEW.tail)
    instance = Instance(id="1", fingerprint=NEW.hint)
    found = judge.observed(GATE, [instance], NEW, [twin], wanted_is_new=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.facts["unknown"] == 1


def test_in_a_rollback_the_counts_still_say_which_key_is_which() -> None:
    found = judge.observed(GATE, [Instance(id="1", fingerprint=OLD.digest)], OLD, [NEW], wanted_is_new=False)
    assert found.verdict is Verdict.PASSED
    assert (found.facts["on_old"], found.facts["on_new"]) == (1, 0)


@pytest.mark.parametrize(
    ("pings", "wanted", "verdict"),
    [
        ((), 1, Verdict.INCONCLUSIVE),
        ((), 0, Verdict.INCONCLUSIVE),
        ((OK,), 2, Verdict.INCONCLUSIVE),
        ((OK, OK), 2, Verdict.PASSED),
        ((OK, DEAD), 2, Verdict.FAILED),
        ((WEATHER,), 1, Verdict.INCONCLUSIVE),
    ],
)
def test_so_many_pings_in_a_row_must_pass(pings: tuple[Ping, ...], wanted: int, verdict: Verdict) -> None:
    assert judge.pinged(StepId("pings"), pings, wanted, "the new key").verdict is verdict


def adopted(ping: Ping = OK, new: Fingerprint = NEW, **changes: KeyRecord | Ping | None) -> Measurement:
    old_ping, record, old = changes.get("old_ping", OK), changes.get("record", RECORD), changes.get("old")
    assert not isinstance(old_ping, KeyRecord)
    assert not isinstance(record, Ping)
    assert not isinstance(old, Ping)
    return judge.adopted(StepId("adopt"), new, OLD, ping, old_ping, record, old)


def test_a_key_that_works_beside_the_old_one_is_adopted() -> None:
    assert adopted().verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("seen", "final"),
    [
        ({"new": OLD}, True),
        ({"record": replace(RECORD, status=KeyStatus.INACTIVE)}, True),
        ({"ping": replace(OK, organization="other")}, True),
        ({"ping": replace(OK, workspace="other")}, True),
        ({"old": replace(RECORD, workspace="other")}, True),
        ({"ping": DEAD}, False),
        ({"ping": replace(DEAD, cause=Cause.FORBIDDEN)}, True),
    ],
)
def test_a_key_that_cannot_replace_the_old_one_is_refused(seen: dict[str, Any], final: bool) -> None:
    found = adopted(**seen)
    assert (found.verdict, found.final) == (Verdict.FAILED, final)


def test_the_old_keys_death_hinders_no_adoption_and_is_noted() -> None:
    found = adopted(old_ping=DEAD)
    assert found.verdict is Verdict.PASSED
    assert found.facts["old_key_works"] is False


def part(gate: str, verdict: Verdict, cause: Cause | None = None) -> Measurement:
    return Measurement(gate=gate, verdict=verdict, why="because", facts={"cause": cause.value} if cause else {})


WELL = part("observe chat", Verdict.PASSED)


@pytest.mark.parametrize(
    ("parts", "status", "over", "verdict"),
    [
        ([], KeyStatus.INACTIVE, True, Verdict.INCONCLUSIVE),
        ([WELL], KeyStatus.INACTIVE, False, Verdict.INCONCLUSIVE),
        ([WELL], KeyStatus.INACTIVE, True, Verdict.PASSED),
        ([WELL], None, True, Verdict.PASSED),
        ([WELL], KeyStatus.ACTIVE, True, Verdict.FAILED),
        ([WELL, part("observe batch", Verdict.FAILED)], KeyStatus.INACTIVE, False, Verdict.FAILED),
        ([WELL, part("probe chat", Verdict.FAILED, Cause.UNAUTHENTICATED)], None, False, Verdict.FAILED),
        ([WELL, part("pings", Verdict.FAILED, Cause.UNAUTHENTICATED)], None, True, Verdict.FAILED),
        ([WELL, part("probe chat", Verdict.FAILED, Cause.FORBIDDEN)], None, True, Verdict.INCONCLUSIVE),
        ([WELL, part("observe batch", Verdict.INCONCLUSIVE)], None, True, Verdict.INCONCLUSIVE),
        ([WELL, part("disable", Verdict.ERRORED)], None, True, Verdict.INCONCLUSIVE),
    ],
)
def test_a_soak_passes_only_at_its_end_with_everything_well(
    parts: list[Measurement], status: KeyStatus | None, over: bool, verdict: Verdict
) -> None:
    ends = NOW if over else NOW + timedelta(seconds=1)
    assert judge.soaked(SOAK, NOW, ends, parts, status).verdict is verdict


@pytest.mark.parametrize(
    ("policy", "over", "verdict"),
    [
        ("ask", False, Verdict.INCONCLUSIVE),
        ("ask", True, Verdict.INCONCLUSIVE),
        ("accept", True, Verdict.PASSED),
        ("refuse", True, Verdict.INCONCLUSIVE),
    ],
)
def test_a_quiet_window_that_has_passed_is_still_unproven(policy: str, over: bool, verdict: Verdict) -> None:
    closes = NOW if over else NOW + timedelta(seconds=1)
    window = (NOW - timedelta(minutes=1), closes)
    found = silence.unread(StepId("drain"), NOW, window, policy)  # type: ignore[arg-type]  # parametrised literal
    assert found.verdict is verdict
    assert found.facts["unproven"] is True
    assert found.final is (over and policy != "accept")


def test_a_person_who_has_not_answered_has_proven_nothing() -> None:
    assert judge.answered(GATE, "Reloaded?", None).verdict is Verdict.INCONCLUSIVE
    assert judge.answered(GATE, "Reloaded?", "ann").verdict is Verdict.PASSED
