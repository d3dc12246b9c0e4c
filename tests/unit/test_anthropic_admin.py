"""Key records through the Admin API: pages, writes, and refusals that say which key was refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rotator.adapters.issuer import admin
from rotator.adapters.issuer.anthropic import AnthropicIssuer
from rotator.adapters.issuer.connection import TRIES
from rotator.core.key_records import fits
from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import Fingerprint, KeyStatus, KeyText
from rotator.sandbox.anthropic_faults import Fault, FaultRule
from tests.anthropic_world import AnthropicWorld, StillClock, anthropic_world


@pytest.fixture
def world() -> Iterator[AnthropicWorld]:
    with anthropic_world() as world:
        yield world


def _writes(world: AnthropicWorld) -> list[str]:
    """The admin requests that will be writes, as they come."""
    seen: list[str] = []

    def watch(method: str, path: str, key_id: str | None) -> Fault | None:
        if method == "POST":
            seen.append(path)
        return None

    world.server.faults = watch
    return seen


def test_all_pages_are_read(world: AnthropicWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "PAGE", 2)
    issued = [world.server.books.issue(f"key {number}") for number in range(5)]
    assert [world.issuer.find(key.fingerprint) for key, _ in issued] == [record for _, record in issued]


def test_a_bound_on_pages_is_told(world: AnthropicWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "PAGE", 1)
    monkeypatch.setattr(admin, "MAX_PAGES", 2)
    keys = [world.server.books.issue()[0] for _ in range(3)]
    with pytest.raises(Refused, match="more than 2 key records") as caught:
        world.issuer.find(keys[0].fingerprint)
    assert "key_id" in caught.value.hint


def test_a_status_that_it_already_has_is_not_written_but_for_active_which_somebody_may_miss(
    world: AnthropicWorld,
) -> None:
    _, record = world.server.books.issue()
    writes = _writes(world)
    for status, written in ((KeyStatus.INACTIVE, 1), (KeyStatus.INACTIVE, 1), (KeyStatus.ACTIVE, 2)):
        world.issuer.set_status(record.id, status)
        assert len(writes) == written
    world.issuer.set_status(record.id, KeyStatus.ACTIVE)  # what was read may be behind
    assert len(writes) == 3


def test_a_write_whose_answer_is_lost_is_asked_again(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()
    world.server.rules.replace([FaultRule(fault=Fault(drop=True, carried_out=True), method="POST", times=1)])
    assert world.issuer.set_status(record.id, KeyStatus.ARCHIVED).status is KeyStatus.ARCHIVED


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=401, type="authentication_error", message="Invalid bearer token"),
        Fault(status=403, type="permission_error"),
    ],
)
def test_a_refused_admin_key_is_named_as_such(world: AnthropicWorld, fault: Fault) -> None:
    world.server.rules.replace([FaultRule(fault=fault)])
    with pytest.raises(Refused, match="ADMIN key") as caught:
        world.issuer.record("apikey_01")
    assert "admin_key" in caught.value.hint


def test_an_api_key_given_as_the_admin_key_is_refused_as_the_admin_key(world: AnthropicWorld) -> None:
    key, record = world.server.books.issue()
    issuer = AnthropicIssuer(admin_key=lambda: key, clock=world.clock, base_url=world.server.url)
    with pytest.raises(Refused, match="ADMIN key"):
        issuer.set_status(record.id, KeyStatus.INACTIVE)


def test_an_admin_key_that_cannot_be_sent_is_refused_unsent(world: AnthropicWorld) -> None:
    issuer = AnthropicIssuer(admin_key=lambda: KeyText("broken\nkey"), clock=world.clock, base_url=world.server.url)
    with pytest.raises(Refused, match="Admin key") as caught:
        issuer.record("apikey_01")
    assert "broken" not in caught.value.message


def test_weather_is_retried_and_then_unreachable(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()
    world.server.rules.replace([FaultRule(fault=Fault(status=529), times=TRIES - 1)])
    assert world.issuer.record(record.id) == record
    world.server.rules.replace([FaultRule(fault=Fault(status=529))])
    with pytest.raises(Unreachable):
        world.issuer.record(record.id)


def test_a_workspace_limit_is_explained(world: AnthropicWorld) -> None:
    _, record = world.server.books.issue()
    world.issuer.set_status(record.id, KeyStatus.INACTIVE)
    world.server.books.issue()
    world.server.books.workspace_limit = 1
    with pytest.raises(Refused, match="the workspace has reached its limit") as caught:
        world.issuer.set_status(record.id, KeyStatus.ACTIVE)
    assert "Disable a key" in caught.value.hint


@pytest.mark.parametrize("entry", [{}, {"id": "apikey_01", "name": "n", "status": "odd"}, {"id": "x", "scope": 3}])
def test_a_record_of_an_unknown_shape_is_an_error_not_a_traceback(
    world: AnthropicWorld, entry: dict[str, object]
) -> None:
    world.server.rules.replace([FaultRule(fault=Fault(status=200, body=json.dumps(entry).encode()))])
    with pytest.raises(Refused, match="not as Anthropic gives it"):
        world.issuer.record("apikey_01")


def test_a_record_of_the_old_shape_is_read(world: AnthropicWorld) -> None:
    entry = {
        "id": "apikey_01",
        "type": "api_key",
        "name": "prod",
        "status": "active",
        "created_at": "2026-10-30T23:58:27Z",
        "partial_key_hint": None,
        "workspace_id": "wrkspc_07",
    }
    world.server.rules.replace([FaultRule(fault=Fault(status=200, body=json.dumps(entry).encode()))])
    record = world.issuer.record("apikey_01")
    assert (record.workspace, record.hint, record.expires_at) == ("wrkspc_07", None, None)


def test_an_admin_key_is_asked_for_only_when_it_is_needed() -> None:
    def never() -> KeyText:
        raise AssertionError("asked for too early")

    assert AnthropicIssuer(admin_key=never, clock=StillClock()).manages


@pytest.mark.parametrize(
    ("hint", "fitting"),
    [
        ("sk-ant-api99-R2D...igAA", True),
        ("sk-ant-api99-R2D…igAA", True),
        ("sk-ant-api99-R2Dxyz...xxigAA", True),
        ("sk-ant-api99-R...AA", True),
        ("sk-ant-api99-R2D...xxAA", False),
        ("sk-ant-api99-R2E...igAA", False),
        ("...", False),
        ("", False),
        (None, False),
    ],
)
def test_a_hint_fits_where_beginning_and_end_agree(hint: str | None, fitting: bool) -> None:
    assert fits(Fingerprint.of("sk-ant-api99-R2D" + "x" * 88 + "igAA"), hint) is fitting
