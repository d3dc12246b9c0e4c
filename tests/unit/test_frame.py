"""What a person must be able to see in the live view's frame, at every width."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from rotator.cli.frame import Shown, frame
from rotator.cli.ink import Room, clipped, clipped_inside, lasting
from rotator.core.approval import UNPROVEN
from rotator.core.decide import decide
from rotator.model.decision import Ask, Stop, Wait
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Rotation
from rotator.sandbox.memory_world import YES, MemoryWorld, consumer

NO_STAY = timedelta()


def rotation_of(world: MemoryWorld) -> Rotation:
    rotation = world.session().rotation
    assert rotation is not None
    return rotation


def seen(world: MemoryWorld, *, width: int = 80, height: int | None = None, utf8: bool = True, **shown: str) -> str:
    """The frame as it stands in this world now, as plain text."""
    rotation, now = rotation_of(world), world.clock.now()
    snapshot = Shown(rotation=rotation, decision=decide(rotation, now), **shown)  # type: ignore[arg-type]  # strings all
    return drawn(snapshot, now, width=width, height=height, utf8=utf8)


def drawn(snapshot: Shown, now: datetime, *, width: int = 80, height: int | None = None, utf8: bool = True) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(
        frame(snapshot, now, Room(width=width, height=height, utf8=utf8))
    )
    return file.getvalue()


def line_with(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if words in line)


@pytest.fixture
def deploying() -> MemoryWorld:
    """The first wave is deployed, but its replaced instances are still there, with the old key."""
    world = MemoryWorld()
    world.fleet["chat"].linger = timedelta(minutes=1)
    end = world.start(horizon=Phase.EXPAND, stay=NO_STAY)
    assert isinstance(end, Wait)
    return world


@pytest.fixture
def draining() -> MemoryWorld:
    world = MemoryWorld()
    end = world.start(stay=timedelta(seconds=30))
    assert isinstance(end, Wait)
    return world


def test_the_head_names_the_rotation_its_phases_and_both_keys(deploying: MemoryWorld) -> None:
    text = seen(deploying)
    rotation = rotation_of(deploying)
    assert f"prod-chat  rotation {rotation.id}  playbook quick" in text
    assert "▶ EXPAND ── · OVERLAP ── · CONTRACT" in text
    assert f"old key  {deploying.old.fingerprint}  active" in text
    assert f"new key  {deploying.new.fingerprint}  active" in text


def test_a_consumer_shows_how_many_instances_hold_which_key_and_which_it_waits_for(deploying: MemoryWorld) -> None:
    text = seen(deploying)
    assert "▶ chat   ██░░  2 new  2 old  (2 terminating)  waits for chat-0-0" in line_with(text, " chat ")
    assert "· edge   not looked at yet" in text


def test_an_instance_that_cannot_say_is_shown_as_unknown() -> None:
    world = MemoryWorld()
    world.fleet["chat"].unknown = 1
    world.start(horizon=Phase.EXPAND, stay=NO_STAY)
    assert "█?  1 new  1 unknown" in line_with(seen(world), " chat ")


def test_the_gates_of_the_phase_say_why(deploying: MemoryWorld, draining: MemoryWorld) -> None:
    assert line_with(seen(deploying), "✓ adopt").rstrip().endswith("…")
    assert "Anthropic accepts the new key" in seen(deploying)
    contract = seen(draining)
    assert "✓ EXPAND ── ✓ OVERLAP ── ▶ CONTRACT" in contract
    assert "▶ drain  the quiet window is open until" in contract
    assert "· soak   not measured yet" in contract


def test_what_can_be_dated_is_counted_down(draining: MemoryWorld) -> None:
    assert "ends in 2m 56s · drain: the quiet window is open" in seen(draining)
    draining.clock.advance(timedelta(seconds=61))
    assert "ends in 1m 55s · drain" in seen(draining)


def test_what_cannot_be_dated_says_when_it_is_looked_at_again(deploying: MemoryWorld) -> None:
    assert "looks again in 5s · observe chat: 2 of 4 on the new key" in seen(deploying)


def test_the_last_frame_names_the_time_instead_of_counting(draining: MemoryWorld) -> None:
    rotation, now = rotation_of(draining), draining.clock.now()
    text = drawn(Shown(rotation=rotation, decision=decide(rotation, now), over=True), now)
    assert "· until 2026-01-01 00:03:00 UTC · drain" in text


def test_a_question_is_shown_whole() -> None:
    world = MemoryWorld()
    ask = world.start(yes={UNPROVEN: YES})
    assert isinstance(ask, Ask)
    text = " ".join(drawn(Shown(rotation=rotation_of(world), decision=ask), world.clock.now()).split())
    assert "? waiting for a person: disable the old key sk-ant" in text
    assert "It can be enabled again." in text


def test_an_effect_under_way_is_what_it_does(deploying: MemoryWorld) -> None:
    assert "deploying chat" in seen(deploying, doing="deploying chat")


def test_a_stop_marks_the_gate_that_failed() -> None:
    world = MemoryWorld()
    world.fleet["chat"].stuck = True
    assert isinstance(world.start(), Stop)
    text = seen(world)
    assert "✗ chat   ░░  2 old" in text
    assert "✗ observe chat: 0 of 2 on the new key" in text


def test_the_end_shows_the_old_key_archived_and_every_phase_done() -> None:
    world = MemoryWorld()
    world.start()
    text = seen(world)
    assert "✓ EXPAND ── ✓ OVERLAP ── ✓ CONTRACT" in text
    assert line_with(text, "old key").rstrip().endswith("archived")
    assert "✓ completed after" in text


def test_a_rollback_is_a_phase_of_its_own() -> None:
    world = MemoryWorld()
    world.start(horizon=Phase.OVERLAP)
    for instances in world.fleet.values():
        instances.linger = timedelta(minutes=1)
    world.rollback(stay=NO_STAY)
    text = seen(world)
    assert "▶ ROLLBACK  to the old key" in text
    assert "██░░  2 new  2 old" in line_with(text, " chat ")
    world.go_on()
    assert "✓ ROLLED BACK" in seen(world)


def test_failed_requests_stand_out_and_none_do_not(draining: MemoryWorld) -> None:
    rotation, now = rotation_of(draining), draining.clock.now()

    def reds(line: str) -> list[str]:
        text = frame(Shown(rotation=rotation, traffic=(line,)), now, Room(width=80))
        return [text.plain[span.start : span.end] for span in text.spans if "red" in str(span.style)]

    assert reds("100 requests   0 failed   old key 40   new key 60") == []
    assert reds("requests 100   failed: 0") == []
    assert reds("110 requests   10 failed   old key 40   new key 60") == ["10 failed"]
    assert reds("requests 100   failed: 3") == ["failed: 3"]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("utf8", [True, False])
def test_no_line_is_wider_than_the_terminal(deploying: MemoryWorld, width: int, utf8: bool) -> None:
    for line in seen(deploying, width=width, utf8=utf8).splitlines():
        assert cell_len(line) <= width
        assert utf8 or line.isascii()


def test_three_consumers_fit_into_22_lines_in_every_phase() -> None:
    world = MemoryWorld(secrets=1)
    heights = []
    for horizon in Phase:
        end = world.start(horizon=horizon, yes={})
        snapshot = Shown(rotation=rotation_of(world), decision=end, traffic=("12 requests   0 failed",))
        heights.append(len(drawn(snapshot, world.clock.now()).splitlines()))
    assert max(heights) <= 22


def test_where_there_is_no_room_the_consumers_that_pass_are_left_out_first() -> None:
    world = MemoryWorld(consumers=[consumer(f"c{number:02}") for number in range(30)])
    world.fleet["c29"].stuck = True
    world.start(horizon=Phase.OVERLAP)
    text = seen(world, height=24)
    assert len(text.splitlines()) < 24
    assert "✗ c29" in text
    assert "more, all of them passed" in text or "of them passed" in text


def test_the_key_itself_is_never_in_a_frame(deploying: MemoryWorld) -> None:
    text = seen(deploying, width=500)
    assert deploying.old.reveal() not in text
    assert deploying.new.reveal() not in text


def test_control_characters_from_outside_do_not_reach_the_terminal(draining: MemoryWorld) -> None:
    rotation, now = rotation_of(draining), draining.clock.now()
    drain = rotation.gates[StepId("drain")]
    evil = drain._replace(measurement=drain.measurement._replace(why="a\x1b[2Jb\r\nc [red]d"))
    changed = replace(rotation, gates={**rotation.gates, StepId("drain"): evil})
    text = drawn(Shown(rotation=changed, decision=decide(changed, now)), now)
    assert "\x1b" not in text
    assert "a [2Jb  c [red]d" in text


def test_a_text_is_clipped_by_cells_and_a_name_keeps_its_end() -> None:
    assert clipped("日本語テキスト", 7, "…") == "日本語…"
    assert clipped_inside("aws-sm://eu-west-1/prod/anthropic", 20, "…").endswith("prod/anthropic"[-12:])
    assert cell_len(clipped_inside("aws-sm://eu-west-1/prod/anthropic", 20, "…")) <= 20


@pytest.mark.parametrize(
    ("seconds", "said"), [(-3, "0s"), (59, "59s"), (192, "3m 12s"), (7500, "2h 5m"), (97200, "1d 3h")]
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == said
