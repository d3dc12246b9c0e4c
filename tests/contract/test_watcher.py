"""One contract, three watchers: over HTTP, by a command, in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.adapters.watch.command import CommandWatcher
from rotator.adapters.watch.http import HttpWatcher
from rotator.model.config import CommandWatch, HttpWatch
from rotator.model.keys import KeyText
from rotator.model.measure import Cause, Ping, Verdict
from rotator.ports import Watcher
from rotator.sandbox.memory_fleet import MemoryConsumer
from tests.unit.loopback import Answer, serving

OLD, NEW = KeyText("old" * 20), KeyText("new" * 20)


class StillClock:
    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def sleep(self, duration: timedelta) -> None:
        self._now += duration


@dataclass(frozen=True, slots=True)
class Fleet:
    """A watcher and the means to make two instances report something; None: it cannot say."""

    watcher: Watcher
    report: Callable[[Sequence[KeyText | None]], None]


def _digest(key: KeyText | None) -> str | None:
    return key.fingerprint.digest if key else None


@pytest.fixture(params=["http", "command", "memory"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    keys: list[KeyText | None] = [OLD, OLD]
    match request.param:
        case "http":

            def answer(path: str, number: int) -> Answer:
                key = keys[int(path[1:])]
                return Answer.json({"fingerprint": _digest(key)}) if key else Answer(status=404)

            def report(said: Sequence[KeyText | None]) -> None:
                keys[:] = said

            with serving(answer) as server:
                urls = (f"{server.url}/0", f"{server.url}/1")
                yield Fleet(HttpWatcher(HttpWatch(urls=urls, fingerprint="fingerprint")), report)
        case "command":

            def write(said: Sequence[KeyText | None]) -> None:
                instances = [{"id": str(number), "fingerprint": _digest(key)} for number, key in enumerate(said)]
                (tmp_path / "said.json").write_text(json.dumps({"instances": instances}))

            yield Fleet(CommandWatcher(CommandWatch(observe=("cat", "said.json")), "app", str(tmp_path)), write)
        case _:
            consumer = MemoryConsumer("app", lambda: keys[1], _accept, StillClock())

            def restart(said: Sequence[KeyText | None]) -> None:
                keys[:] = said
                consumer.unknown = sum(key is None for key in said)
                consumer.deploy("t", timedelta(0))

            yield Fleet(consumer, restart)


def _accept(key: KeyText) -> Ping:
    return Ping(verdict=Verdict.PASSED, cause=Cause.ACCEPTED, why="accepted")


def test_every_instance_is_told_with_its_key(fleet: Fleet) -> None:
    fleet.report([NEW, NEW])
    seen = fleet.watcher.observe()
    assert [NEW.fingerprint.matches(instance.fingerprint or "") for instance in seen] == [True, True]
    assert not any(OLD.fingerprint.matches(instance.fingerprint or "") for instance in seen)


def test_an_instance_that_cannot_say_is_unknown_and_not_absent(fleet: Fleet) -> None:
    fleet.report([None, NEW])
    assert [instance.fingerprint for instance in fleet.watcher.observe()] == [None, NEW.fingerprint.digest]


def test_ids_are_distinct(fleet: Fleet) -> None:
    fleet.report([OLD, OLD])
    assert len({instance.id for instance in fleet.watcher.observe()}) == 2


def test_nothing_changes_between_two_looks_when_nothing_happens(fleet: Fleet) -> None:
    fleet.report([OLD, OLD])
    assert fleet.watcher.observe() == fleet.watcher.observe()


def test_no_text_of_a_key_is_in_what_is_told(fleet: Fleet) -> None:
    fleet.report([NEW, NEW])
    assert NEW.reveal() not in repr(fleet.watcher.observe())
