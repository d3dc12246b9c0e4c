"""Law 7's four conditions and the drain gate's verdicts: the truth table, exhaustively, and each sentence once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Literal

import pytest

from rotator.core import drain, silence
from rotator.core.drain import CONTROL, LAG, LENGTH, OPENED, Weighed, Window
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Approval
from rotator.model.usage import Minute, Source, Usage

MINUTE = timedelta(minutes=1)
OPENS = datetime(2026, 11, 23, 14, 1, 20, tzinfo=UTC)
FROM = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
"""The first whole minute after the last deploy."""
NEEDED = 30 * MINUTE
GATE = StepId("drain")
WINDOW = Window(opened=OPENS, quiet_for=15 * MINUTE, cadence=NEEDED, slowest="batch", lag=5 * MINUTE)
YES = Approval(what="unproven", by="ann", reason="holiday", at=OPENS, plan_digest="", evidence_digest="")


def minute(after: int, volume: int = 3) -> Minute:
    return Minute(
        at=FROM + after * MINUTE,
        volume=volume,
        models=frozenset({"claude-haiku-5-5"}),
        workspaces=frozenset({"wrkspc_01"}),
    )


def reading(
    read_after: int = 60,
    complete_after: int | None = 60,
    old: tuple[Minute, ...] = (),
    new: tuple[Minute, ...] = (minute(5),),
    source: Source = Source.ANALYTICS,
    since: datetime = FROM - MINUTE,
) -> Usage:
    return Usage(
        source=source,
        since=since,
        read_at=FROM + read_after * MINUTE,
        complete_until=None if complete_after is None else FROM + complete_after * MINUTE,
        minutes={"old": old, "new": new},
    )


def weighed(usage: Usage, window: Window = WINDOW) -> Weighed:
    return drain.weigh(window, usage, "old", "new")


Policy = Literal["ask", "accept", "refuse"]


def judged(usage: Usage, window: Window = WINDOW, policy: Policy = "ask", yes: Approval | None = None) -> Measurement:
    return silence.read(GATE, weighed(usage, window), usage, policy, yes, [])


@pytest.mark.parametrize(
    ("opened", "long", "complete", "controlled", "stray", "accepted"), list(product((True, False), repeat=6))
)
def test_the_gate_passes_by_itself_only_where_all_four_conditions_hold(
    opened: bool, long: bool, complete: bool, controlled: bool, stray: bool, accepted: bool
) -> None:
    read_after = 200 if long else 20
    usage = reading(
        read_after=read_after,
        complete_after=read_after if complete and long else 10,
        old=(minute(1),) if stray else (),
        new=(minute(3),) if controlled else (),
    )
    window = WINDOW if opened else replace(WINDOW, opened=None)
    found = weighed(usage, window)
    expected = set() if opened else {OPENED}
    expected |= set() if long else {LENGTH}
    expected |= set() if complete and long else {LAG}
    expected |= set() if controlled else {CONTROL}
    assert set(found.missing) == expected
    verdict = judged(usage, window, yes=YES if accepted else None).verdict
    if not expected:
        assert verdict is Verdict.PASSED
    elif stray and opened:
        assert verdict is Verdict.FAILED
    else:
        assert verdict is (Verdict.PASSED if accepted else Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("source", "complete_after", "read_after", "holds"),
    [
        (Source.ANALYTICS, None, 600, False),  # null: unknown, however long one waits
        (Source.ANALYTICS, 30, 600, False),  # complete to the window's end, but what it knows may still arrive late
        (Source.ANALYTICS, 34, 600, False),
        (Source.ANALYTICS, 35, 600, True),
        (Source.ANALYTICS, 900, 34, False),  # a watermark in the future is no more than now
        (Source.ANALYTICS, -60, 600, False),  # old: it stands before the window
        (Source.LEGACY, None, 34, False),
        (Source.LEGACY, None, 35, True),
    ],
)
def test_a_report_is_believed_as_far_as_it_says_less_its_lag(
    source: Source, complete_after: int | None, read_after: int, holds: bool
) -> None:
    assert (LAG not in weighed(reading(read_after, complete_after, source=source)).missing) is holds


def test_silence_before_the_last_deploy_does_not_count() -> None:
    before = Minute(at=FROM - 20 * MINUTE, volume=1)
    assert weighed(reading(old=(before,), since=FROM - 60 * MINUTE)).silent_since == FROM


def test_the_minute_in_which_the_deploy_ended_is_nobodys() -> None:
    usage = reading(old=(Minute(at=FROM - MINUTE, volume=9),))
    assert weighed(usage).stray is None
    assert weighed(usage).silent_since == FROM


def test_a_deploy_at_the_full_minute_opens_the_window_at_once() -> None:
    window = Window(opened=FROM, quiet_for=MINUTE, cadence=MINUTE, slowest="chat", lag=timedelta())
    assert weighed(reading(), window).silent_since == FROM


def test_while_one_consumer_does_not_hold_the_new_key_nothing_is_counted() -> None:
    window = Window(opened=None, quiet_for=MINUTE, cadence=MINUTE, slowest="chat", lag=timedelta())
    found = weighed(reading(), window)
    assert OPENED in found.missing
    assert found.expected is None


def test_traffic_of_the_old_key_starts_the_count_again_and_dates_the_next_chance() -> None:
    found = weighed(reading(read_after=60, complete_after=59, old=(minute(20),)))
    assert found.silent_since == FROM + 21 * MINUTE
    # It came 20 minutes after the opening: believed gone after twice that, the lag and the report's delay of a minute.
    assert found.expected == FROM + (21 + 40 + 5 + 1) * MINUTE


def test_a_stranger_that_is_rarer_than_the_list_needs_a_longer_silence() -> None:
    calls = (minute(10), minute(70))
    assert LENGTH in weighed(reading(170, 170, old=calls, new=(minute(80),))).missing
    assert weighed(reading(300, 300, old=calls, new=(minute(80),))).missing == ()


@pytest.mark.parametrize("after", [-1, 56])
def test_the_new_keys_traffic_counts_only_inside_the_window_and_where_the_report_is_complete(after: int) -> None:
    assert weighed(reading(new=(minute(after),))).missing == (CONTROL,)


def test_a_key_that_was_not_asked_about_is_not_silent() -> None:
    usage = reading()
    found = drain.weigh(WINDOW, usage, "another", "new")
    assert {LAG, CONTROL} <= set(found.missing)
    assert found.conditions[2].why == "the analytics report was not asked about the old key yet: the next reading is"


def test_a_new_key_without_a_record_gives_no_control() -> None:
    found = drain.weigh(WINDOW, reading(), "old", None)
    assert found.missing == (CONTROL,)
    assert "record is not known" in found.conditions[-1].why


def test_each_condition_says_since_when_until_when_and_why() -> None:
    lines = [one.why for one in weighed(reading(10, 9, new=())).conditions]
    assert lines == [
        "counted from 2026-11-23 14:02 UTC, after the last deploy was seen to be done (14:01:20)",
        "quiet since 2026-11-23 14:02 UTC; needs 2026-11-23 14:32 UTC: batch calls only every 30m",
        "the analytics report is complete to 2026-11-23 14:06 UTC, its lag allowed for; needs 2026-11-23 14:32 UTC",
        "the same report shows no use of the new key since 2026-11-23 14:02 UTC: it may be blind",
    ]


def test_a_report_that_does_not_reach_into_the_window_yet_is_not_called_blind() -> None:
    [control] = [one for one in weighed(reading(3, 3, new=())).conditions if one.name == CONTROL]
    assert (control.holds, control.why) == (
        False,
        "whether the new key is in use since 2026-11-23 14:02 UTC is not known yet",
    )


def test_a_stranger_is_named_by_minutes_models_volume_and_workspace() -> None:
    found = judged(reading(old=(minute(1, 40), minute(50, 30))))
    assert found.verdict is Verdict.FAILED
    assert found.why == (
        "somebody is not on the list: at least 64 requests by the old key since 2026-11-23 14:03 UTC "
        "(model claude-haiku-5-5, workspace wrkspc_01)"
    )
    old = found.proof["old"]
    assert isinstance(old, dict)
    assert (old["volume"], old["last"]) == (70, (FROM + 50 * MINUTE).isoformat())
    assert old["lately"] == [(FROM + after * MINUTE).isoformat() for after in (1, 50)]


def test_of_a_busy_stranger_the_last_ten_minutes_are_named() -> None:
    busy = drain.traffic([minute(after) for after in range(40)])
    assert busy is not None
    assert busy.lately == tuple(FROM + after * MINUTE for after in range(30, 40))


def test_what_a_poll_changes_is_in_the_proof_and_never_in_the_facts() -> None:
    early, late = judged(reading(60, 60)), judged(reading(61, 61, new=(minute(5), minute(60))))
    assert early.verdict is late.verdict is Verdict.PASSED
    assert (early.facts, early.why) == (late.facts, late.why)
    first, again = judged(reading(old=(minute(50, 70),))), judged(reading(61, 61, old=(minute(50, 70), minute(60, 9))))
    assert (first.facts, first.why) == (again.facts, again.why)


def test_consumers_that_are_not_required_are_named_beside_the_stranger() -> None:
    usage = reading(old=(minute(50),))
    found = silence.read(GATE, weighed(usage), usage, "ask", None, ["shadow"])
    assert found.why.endswith("; not required, but on the old key: shadow")


def test_a_pass_after_strange_traffic_says_so_for_ever() -> None:
    found = judged(reading(300, 300, old=(minute(1),), new=(minute(200),)))
    assert found.verdict is Verdict.PASSED
    assert "before, somebody who is not on the list made at least 2 requests with it" in found.why
    assert "stray" in found.facts


def test_what_a_person_took_on_passes_and_stays_unproven() -> None:
    found = judged(reading(new=()), yes=YES)
    assert found.verdict is Verdict.PASSED
    assert (found.facts["unproven"], found.facts["accepted_by"]) == (True, "ann")
    assert found.proof["reason"] == "holiday"


def test_a_report_that_was_readable_and_is_not_any_more_is_no_silence() -> None:
    found = silence.failing(GATE, "accept", True, "503", None, read_before=True)
    assert found.verdict is Verdict.ERRORED
    assert not found.final
    assert silence.failing(GATE, "ask", True, "503", YES, read_before=True).verdict is Verdict.PASSED
    assert silence.failing(GATE, "ask", False, "503", YES, read_before=True).verdict is Verdict.ERRORED


def test_a_leaked_keys_traffic_is_not_waited_for() -> None:
    over = (OPENS, OPENS + MINUTE)
    found = silence.unread(GATE, FROM + 10 * MINUTE, over, "accept", leaked=True)
    assert found.verdict is Verdict.PASSED
    assert "it leaked" in found.why
    assert found.facts["unproven"] is True


def test_a_report_that_begins_later_than_the_window_counts_from_its_own_beginning() -> None:
    assert weighed(reading(since=FROM + 10 * MINUTE)).silent_since == FROM + 10 * MINUTE
