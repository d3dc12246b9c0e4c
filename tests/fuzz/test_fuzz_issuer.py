"""Anthropic, or whoever answers in its place, says anything at all: a verdict or a clear error, never a key told."""

# ruff: noqa: PT017 - whether it raises is the fuzzer's draw; what is told when it does is what is tested

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.model.canonical import canonical
from rotator.model.errors import RotatorError
from rotator.model.keys import KeyRecord, KeyStatus, KeyText
from rotator.model.measure import Ping
from tests.anthropic_world import StillClock
from tests.aws_world import make_key
from tests.fuzz.depth import examples
from tests.fuzz.hostile import Hostile, hostile
from tests.fuzz.replies import Reply, replies

MODELS = {"data": [{"type": "model", "id": "claude-haiku-5-5", "created_at": "2026-10-08T00:00:00Z", "line": "haiku"}]}
MESSAGE = {"id": "msg_1", "type": "message", "content": [{"type": "text", "text": "p"}], "model": "m"}
ERROR = {"type": "error", "error": {"type": "authentication_error", "message": "no", "details": {"error_code": "x"}}}
LONGEST_TEXT = 5000
"""Characters of a whole error, its hint included: it is printed, and journaled."""


def api_key(key: KeyText) -> dict[str, object]:
    return {
        "id": "apikey_01",
        "type": "api_key",
        "name": "prod",
        "status": "active",
        "created_at": "2026-10-30T23:58:27Z",
        "expires_at": None,
        "partial_key_hint": key.fingerprint.hint,
        "scope": {"type": "workspace", "workspace_id": "w"},
    }


KEY, ADMIN = make_key(), make_key()
RECORD = api_key(KEY)
PAGE = {
    "data": [RECORD, {**RECORD, "id": "apikey_02", "partial_key_hint": None}],
    "has_more": True,
    "last_id": "apikey_02",
}


@dataclass(repr=False)
class World:
    server: Hostile
    trap: Hostile
    issuer: AnthropicIssuer
    clock: StillClock

    def answers(self, script: list[Reply]) -> None:
        """One reply a request, the last one for ever."""
        self.trap.heads.clear()
        self.server.restart(lambda head, n: script[min(n, len(script) - 1)].pieces(head, self.trap.url))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    clock = StillClock()
    with hostile() as server, hostile(host="127.0.0.2") as trap:
        yield World(server, trap, AnthropicIssuer(admin_key=lambda: ADMIN, clock=clock, base_url=server.url), clock)


def harmless(world: World, call: Callable[[], object]) -> object:
    """Do it; whatever came out tells no key, is short, can be journaled; and no other host was asked for anything."""
    told: list[str] = []
    result: object = None
    try:
        result = call()
    except RotatorError as error:
        told += [error.message, error.hint, *traceback.format_exception(error)]
        assert len(error.message + error.hint) < LONGEST_TEXT
    match result:
        case Ping():
            told += [repr(result), result.why]
            canonical([result.why, result.model, result.organization, result.workspace, *result.request_ids]).encode()
            assert len(repr(result)) < LONGEST_TEXT
        case KeyRecord():
            told.append(repr(result))
            canonical([result.id, result.name, result.hint, result.workspace]).encode()
            assert len(repr(result)) < LONGEST_TEXT
        case _:
            assert result is None
    for text in told:
        assert KEY.reveal() not in text
        assert ADMIN.reveal() not in text
    assert world.trap.heads == []
    assert len(world.server.heads) <= 60
    return result


@given(st.lists(replies(MODELS, MESSAGE, ERROR), min_size=1, max_size=4), st.booleans())
@examples(80)
def test_a_ping_always_ends_in_a_verdict(world: World, script: list[Reply], inference: bool) -> None:
    world.answers(script)
    assert isinstance(harmless(world, lambda: world.issuer.ping(KEY, inference=inference)), Ping)


@given(st.lists(replies(PAGE, RECORD, ERROR), min_size=1, max_size=4))
@examples(50)
def test_looking_for_a_record_finds_it_or_says_why_not(world: World, script: list[Reply]) -> None:
    world.answers(script)
    harmless(world, lambda: world.issuer.find(KEY.fingerprint))


@given(st.lists(replies(RECORD, ERROR), min_size=1, max_size=4), st.sampled_from(KeyStatus))
@examples(50)
def test_setting_a_status_ends_in_a_record_or_a_refusal(world: World, script: list[Reply], status: KeyStatus) -> None:
    world.answers(script)
    harmless(world, lambda: world.issuer.set_status("apikey_01", status))
