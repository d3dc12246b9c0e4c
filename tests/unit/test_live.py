"""The live view on a terminal: it tells everything once, and never gets in the way."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TextIO, cast

import pytest
from rich.console import Console

from rotator.cli.live import Lasting, LiveView
from rotator.cli.screen import Screen
from rotator.core.decide import decide
from rotator.model.decision import Wait
from rotator.model.rotation import Rotation
from rotator.sandbox.memory_world import MemoryWorld


def rotation_of(world: MemoryWorld) -> Rotation:
    rotation = world.session().rotation
    assert rotation is not None
    return rotation


@pytest.fixture
def draining() -> MemoryWorld:
    world = MemoryWorld()
    end = world.start(stay=timedelta(seconds=30))
    assert isinstance(end, Wait)
    return world


@contextmanager
def terminal() -> Iterator[tuple[TextIO, int]]:
    """A pseudo-terminal: the side to draw on, and the one that a person looks at."""
    person, program = os.openpty()
    file = os.fdopen(program, "w", encoding="utf-8")
    try:
        yield file, person
    finally:
        with suppress(OSError):  # what could not be written is still in its buffer
            file.close()


def on(file: TextIO) -> Console:
    return Console(file=cast(TextIO, Lasting(file)), width=80, height=24, force_terminal=True, highlight=False)


def told(world: MemoryWorld, view: LiveView) -> None:
    """Every event of this world's log, and the decision at its end, as a session tells them."""
    rotation = rotation_of(world)
    for event in world.journal.read("prod-chat"):
        view.listen(rotation, event)
    view.listen(rotation, decide(rotation, world.clock.now()))


def test_every_event_is_printed_once_and_the_last_frame_stays(draining: MemoryWorld) -> None:
    file = io.StringIO()
    view = LiveView(now=draining.clock.now, console=on(file))
    told(draining, view)
    told(draining, view)
    view.close()
    text = file.getvalue()
    assert text.count("chat was deployed") == 1
    assert "ends in" not in text.rsplit("prod-chat", 1)[1]
    assert text.rstrip().endswith("\x1b[?25h")  # the cursor is back


def test_while_a_question_is_asked_nothing_is_drawn_and_the_cursor_shows(draining: MemoryWorld) -> None:
    file = io.StringIO()
    view = LiveView(now=draining.clock.now, console=on(file))
    told(draining, view)
    with view.paused():
        assert file.getvalue().rstrip().endswith("\x1b[?25h")
        before = len(file.getvalue())
        view.say("what was typed")
    after = file.getvalue()[before:].split("\x1b[?25l", 1)
    assert "what was typed" in after[0]
    assert "prod-chat" not in after[0]
    assert "\x1b[1A" not in after[1].split("prod-chat")[0]  # the new frame is not drawn over it
    view.close()


def test_what_is_said_and_the_traffic_are_shown(draining: MemoryWorld) -> None:
    file = io.StringIO()
    view = LiveView(now=draining.clock.now, console=on(file))
    told(draining, view)
    view.say("the key was repaired:\na space is gone")
    view.set_traffic(["12 requests   0 failed"])
    view.close()
    assert "the key was repaired:" in file.getvalue()
    assert "a space is gone" in file.getvalue()
    assert "12 requests" in file.getvalue().rsplit("prod-chat", 1)[1]


def test_a_view_that_heard_nothing_draws_nothing_and_can_be_closed_twice() -> None:
    file = io.StringIO()
    view: Screen = LiveView(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), console=on(file))
    with view.paused():
        pass
    view.close()
    view.close()
    assert file.getvalue() == ""
    view.say("still here")
    assert "00:00:00" in file.getvalue()


def test_a_terminal_that_went_away_ends_nothing(draining: MemoryWorld) -> None:
    with terminal() as (file, person):
        view = LiveView(now=draining.clock.now, console=on(file))
        view.say("one short line, for nobody reads the other side")
        os.close(person)
        with pytest.raises(OSError, match="Input/output error"):
            os.write(file.fileno(), b"proof that it is gone")
        told(draining, view)
        with view.paused():
            view.say("nobody reads this either")
        view.close()


def test_a_closed_stream_and_one_that_cannot_spell_a_word_are_borne() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    lasting_stream = Lasting(stream)
    lasting_stream.write("die Schlüssel")
    lasting_stream.flush()
    assert raw.getvalue() == b"die Schl?ssel"
    stream.close()
    assert lasting_stream.write("more") == 4
    lasting_stream.flush()
    assert not lasting_stream.isatty()
