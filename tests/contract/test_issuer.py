"""What every Issuer does: in memory, and through the SDK over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.model.errors import AmbiguousKey, Refused
from rotator.model.keys import KeyStatus, KeyText
from rotator.model.measure import Cause, Verdict
from rotator.ports import Issuer
from rotator.sandbox.anthropic_books import Books
from rotator.sandbox.memory_issuer import MemoryIssuer
from tests.anthropic_world import StillClock, anthropic_world


@dataclass
class World:
    issuer: Issuer
    without_admin: Issuer
    books: Books
    clock: StillClock


@pytest.fixture(params=["memory", "sdk"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        clock = StillClock()
        issuer = MemoryIssuer(clock)
        without = MemoryIssuer(clock, books=issuer.books)
        without.manages = False
        yield World(issuer, without, issuer.books, clock)
    else:
        with anthropic_world() as served:
            bare = AnthropicIssuer(admin_key=None, clock=served.clock, base_url=served.server.url)
            yield World(served.issuer, bare, served.server.books, served.clock)


@pytest.mark.parametrize("inference", [False, True])
def test_an_active_key_passes_and_says_whose_it_is(world: World, inference: bool) -> None:
    key, record = world.books.issue()
    ping = world.issuer.ping(key, inference=inference)
    assert (ping.verdict, ping.cause) == (Verdict.PASSED, Cause.ACCEPTED)
    assert (ping.organization, ping.workspace) == (world.books.default.id, record.workspace)
    assert ping.model == ("claude-haiku-5-5" if inference else None)
    assert ping.request_ids


def test_a_ping_needs_no_admin_key(world: World) -> None:
    key, _ = world.books.issue()
    assert not world.without_admin.manages
    assert world.without_admin.ping(key, inference=True).verdict is Verdict.PASSED


@pytest.mark.parametrize("status", [KeyStatus.INACTIVE, KeyStatus.ARCHIVED])
def test_a_retired_key_fails_as_unauthenticated(world: World, status: KeyStatus) -> None:
    key, record = world.books.issue()
    world.issuer.set_status(record.id, status)
    ping = world.issuer.ping(key, inference=True)
    assert (ping.verdict, ping.cause) == (Verdict.FAILED, Cause.UNAUTHENTICATED)


def test_a_key_that_nobody_issued_and_an_admin_key_fail(world: World) -> None:
    stranger, _ = Books(world.clock.now).issue()
    admin, _ = world.books.issue_admin()
    assert world.issuer.ping(stranger, inference=False).cause is Cause.UNAUTHENTICATED
    assert world.issuer.ping(admin, inference=False).cause is Cause.UNAUTHENTICATED


def test_a_new_key_may_be_refused_for_a_while(world: World) -> None:
    world.books.slow_new = timedelta(seconds=30)
    key, _ = world.books.issue()
    assert world.issuer.ping(key, inference=False).cause is Cause.UNAUTHENTICATED
    world.clock.sleep(timedelta(seconds=30))
    assert world.issuer.ping(key, inference=False).verdict is Verdict.PASSED


def test_a_record_is_found_by_its_hint_whatever_its_status(world: World) -> None:
    keys = [world.books.issue(f"key {number}") for number in range(25)]
    key, record = keys[3]
    found = world.issuer.find(key.fingerprint)
    assert found == record
    world.issuer.set_status(record.id, KeyStatus.ARCHIVED)
    archived = world.issuer.find(key.fingerprint)
    assert archived is not None
    assert (archived.id, archived.status) == (record.id, KeyStatus.ARCHIVED)


def test_a_key_of_nobodys_has_no_record(world: World) -> None:
    world.books.issue()
    stranger, _ = Books(world.clock.now).issue()
    assert world.issuer.find(stranger.fingerprint) is None


def test_two_records_that_fit_are_ambiguous_until_one_is_named(world: World) -> None:
    head, tail = "sk-ant-api99-abc", "xyAA"
    (first, one), (second, two) = (world.books.issue(text=head + fill * 88 + tail) for fill in "pq")
    with pytest.raises(AmbiguousKey) as caught:
        world.issuer.find(first.fingerprint)
    assert one.id in caught.value.message
    assert two.id in caught.value.message
    assert "--key-id" in caught.value.hint
    assert first.reveal() not in caught.value.message
    assert world.issuer.find(second.fingerprint, two.id) == two


def test_a_named_record_must_fit_the_key_and_exist(world: World) -> None:
    key, _ = world.books.issue()
    _, other = world.books.issue("other")
    with pytest.raises(AmbiguousKey, match="another key's"):
        world.issuer.find(key.fingerprint, other.id)
    with pytest.raises(Refused, match="no"):
        world.issuer.find(key.fingerprint, "apikey_none")
    with pytest.raises(Refused, match="no"):
        world.issuer.record("apikey_none")


def test_a_key_is_disabled_enabled_and_archived(world: World) -> None:
    _, record = world.books.issue()
    for status in (KeyStatus.INACTIVE, KeyStatus.ACTIVE, KeyStatus.INACTIVE, KeyStatus.ARCHIVED):
        assert world.issuer.set_status(record.id, status).status is status
        assert world.issuer.record(record.id).status is status


@pytest.mark.parametrize("status", [KeyStatus.ACTIVE, KeyStatus.INACTIVE, KeyStatus.ARCHIVED])
def test_setting_the_status_that_it_has_changes_nothing(world: World, status: KeyStatus) -> None:
    _, record = world.books.issue()
    world.issuer.set_status(record.id, status)
    before = world.issuer.record(record.id)
    assert world.issuer.set_status(record.id, status) == before


@pytest.mark.parametrize("wanted", [KeyStatus.ACTIVE, KeyStatus.INACTIVE])
def test_archived_is_final(world: World, wanted: KeyStatus) -> None:
    _, record = world.books.issue()
    world.issuer.set_status(record.id, KeyStatus.ARCHIVED)
    with pytest.raises(Refused, match="final"):
        world.issuer.set_status(record.id, wanted)


def test_an_expired_key_can_only_be_archived(world: World) -> None:
    _, record = world.books.issue(expires_at=world.clock.now() + timedelta(days=1))
    world.clock.sleep(timedelta(days=1))
    assert world.issuer.record(record.id).status is KeyStatus.EXPIRED
    with pytest.raises(Refused, match="only be archived"):
        world.issuer.set_status(record.id, KeyStatus.ACTIVE)
    assert world.issuer.set_status(record.id, KeyStatus.ARCHIVED).status is KeyStatus.ARCHIVED


def test_nobody_can_make_a_key_expire(world: World) -> None:
    _, record = world.books.issue()
    with pytest.raises(Refused, match="expire"):
        world.issuer.set_status(record.id, KeyStatus.EXPIRED)


def test_enabling_at_the_limit_of_active_keys_is_refused_with_what_to_do(world: World) -> None:
    _, record = world.books.issue()
    world.issuer.set_status(record.id, KeyStatus.INACTIVE)
    world.books.issue()
    world.books.organization_limit = 1
    with pytest.raises(Refused, match="limit") as caught:
        world.issuer.set_status(record.id, KeyStatus.ACTIVE)
    assert "Console" in caught.value.hint


def test_without_an_admin_key_records_are_out_of_reach_and_the_console_is_named(world: World) -> None:
    key, record = world.books.issue()
    assert world.without_admin.find(key.fingerprint) is None
    with pytest.raises(Refused) as reading:
        world.without_admin.record(record.id)
    with pytest.raises(Refused) as writing:
        world.without_admin.set_status(record.id, KeyStatus.INACTIVE)
    assert "Console" in reading.value.hint
    assert "Console" in writing.value.hint
    assert world.books.record(record.id).status is KeyStatus.ACTIVE


@pytest.mark.parametrize("text", ["", "two words", "line\nend", "sk-ant-é"])
def test_a_text_that_no_header_can_carry_fails_without_showing_it(world: World, text: str) -> None:
    ping = world.issuer.ping(KeyText(text), inference=False)
    assert (ping.verdict, ping.cause) == (Verdict.FAILED, Cause.MALFORMED)
    assert not text or text not in ping.why
