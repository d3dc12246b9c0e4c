"""The store in memory: what its world may do to it, and what law checks read from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotator.model.errors import Refused
from rotator.model.keys import Label
from rotator.sandbox.memory_store import MemorySecretStore
from tests.aws_world import CLAIM, make_key


class Still:
    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    def sleep(self, duration: timedelta) -> None:
        raise AssertionError("nothing sleeps here")


def test_the_history_is_every_current_key_in_order() -> None:
    first, second = make_key(), make_key()
    store = MemorySecretStore("s", Still(), first)
    store.stage("new", second, CLAIM)
    store.promote("new", "original")
    store.promote("new", "original")
    store.restore("original", "new")
    assert store.history == [("original", first), ("new", second), ("original", first)]


def test_every_writing_call_is_recorded_with_its_version() -> None:
    store = MemorySecretStore("s", Still(), make_key())
    store.stage("new", make_key(), CLAIM)
    store.read(Label.PENDING)
    store.promote("new", "original")
    store.discard("new")
    assert store.calls == [("stage", "new"), ("promote", "new"), ("discard", "new")]


def test_a_secret_with_fields_and_without_the_keys_field_is_not_written() -> None:
    store = MemorySecretStore("s", Still(), fields={"other": "x"})
    current = store.read(Label.CURRENT)
    assert current is not None
    assert current.key is None
    with pytest.raises(Refused, match="no such field"):
        store.stage("new", make_key(), CLAIM)
    assert dict(store.labels) == {Label.CURRENT: "original"}


def test_copies_that_are_behind_are_told() -> None:
    store = MemorySecretStore("s", Still(), make_key())
    store.copies_behind.append("us-east-1")
    assert list(store.lagging()) == ["us-east-1"]


def test_a_staged_key_is_in_no_representation() -> None:
    key = make_key()
    store = MemorySecretStore("s", Still(), key, {"password": "hunter2"})
    assert key.reveal() not in repr(store.history) + repr(vars(store))
    assert "hunter2" not in repr(vars(store))
