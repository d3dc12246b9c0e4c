"""What every `SecretStore` does: in memory, over AWS's protocol (a bare secret, and a field of a JSON one), over
Vault's, and in a live Vault or OpenBao where VAULT_ADDR and VAULT_TOKEN name one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotator.model.errors import StoreConflict
from rotator.model.keys import Claim, Label
from tests.aws_world import CLAIM, make_key, version_id
from tests.contract.secret_worlds import KINDS, World, build, current_of, held_by, staged
from tests.vault_world import VaultPlace

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, client: SecretsManagerClient, vaults: Mapping[str, VaultPlace]) -> World:
    return build(request.param, client, vaults)


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, client: SecretsManagerClient, vaults: Mapping[str, VaultPlace]) -> World:
    return build(request.param, client, vaults, empty=True)


def test_a_staged_key_is_invisible_to_current_readers(world: World) -> None:
    old, _, _ = staged(world)
    assert world.plain() == world.original
    assert current_of(world) == old


def test_a_staged_key_is_read_back_as_pending(world: World) -> None:
    _, new, key = staged(world)
    pending = world.store.read(Label.PENDING)
    assert pending is not None
    assert (pending.id, pending.key) == (new, key)
    assert pending.created_at is not None


def test_nothing_is_pending_before_staging(world: World) -> None:
    assert world.store.read(Label.PENDING) is None
    assert world.store.read(Label.PREVIOUS) is None
    assert world.store.holder() is None


def test_staging_the_same_id_and_key_again_changes_nothing(world: World) -> None:
    old, new, key = staged(world)
    world.store.stage(new, key, CLAIM)
    assert (current_of(world), held_by(world.store, Label.PENDING)) == (old, new)


def test_staging_again_after_the_promotion_changes_nothing(world: World) -> None:
    old, new, key = staged(world)
    world.store.promote(new, old)
    world.store.stage(new, key, CLAIM)
    assert (current_of(world), held_by(world.store, Label.PREVIOUS)) == (new, old)


def test_the_same_id_with_another_key_is_refused(world: World) -> None:
    _, new, key = staged(world)
    with pytest.raises(StoreConflict):
        world.store.stage(new, make_key(), CLAIM)
    pending = world.store.read(Label.PENDING)
    assert pending is not None
    assert pending.key == key


def test_a_discarded_version_can_be_staged_again(world: World) -> None:
    _, new, key = staged(world)
    world.store.discard(new)
    world.store.stage(new, key, CLAIM)
    assert held_by(world.store, Label.PENDING) == new
    with pytest.raises(StoreConflict):
        world.store.stage(new, make_key(), CLAIM)


def test_promotion_makes_the_new_key_current_and_the_old_one_previous(world: World) -> None:
    old, new, key = staged(world)
    world.store.promote(new, old)
    assert world.plain() == key
    assert current_of(world) == new
    previous = world.store.read(Label.PREVIOUS)
    assert previous is not None
    assert (previous.id, previous.key) == (old, world.original)


def test_promotion_leaves_the_pending_label_to_discard(world: World) -> None:
    old, new, _ = staged(world)
    world.store.promote(new, old)
    assert held_by(world.store, Label.PENDING) == new
    world.store.discard(new)
    assert held_by(world.store, Label.PENDING) is None
    assert current_of(world) == new


def test_promoting_twice_changes_nothing(world: World) -> None:
    old, new, _ = staged(world)
    world.store.promote(new, old)
    world.store.promote(new, old)
    assert (current_of(world), held_by(world.store, Label.PREVIOUS)) == (new, old)


@pytest.mark.parametrize("expected", [None, "0" * 32])
def test_promotion_over_an_unexpected_current_version_is_refused(world: World, expected: str | None) -> None:
    old, new, _ = staged(world)
    with pytest.raises(StoreConflict, match="Nothing was overwritten"):
        world.store.promote(new, expected)
    assert current_of(world) == old


def test_an_edit_between_staging_and_promotion_is_never_overwritten(world: World) -> None:
    old, new, _ = staged(world)
    world.edited()
    theirs, others = current_of(world), world.others()
    with pytest.raises(StoreConflict, match="Nothing was overwritten"):
        world.store.promote(new, old)
    assert (current_of(world), world.others()) == (theirs, others)


def test_a_version_that_is_not_pending_is_not_promoted(world: World) -> None:
    old, new, _ = staged(world)
    world.store.discard(new)
    with pytest.raises(StoreConflict, match="no longer pending"):
        world.store.promote(new, old)
    assert current_of(world) == old


def test_every_other_byte_is_preserved(world: World) -> None:
    others = world.others()
    old, new, key = staged(world)
    world.store.promote(new, old)
    assert world.others() == others
    assert world.plain() == key


def test_restoring_makes_the_earlier_key_current_again(world: World) -> None:
    old, new, _ = staged(world)
    world.store.promote(new, old)
    world.store.restore(old, new)
    assert (current_of(world), world.plain()) == (old, world.original)
    assert held_by(world.store, Label.PREVIOUS) == new


def test_restoring_twice_changes_nothing(world: World) -> None:
    old, new, _ = staged(world)
    world.store.promote(new, old)
    world.store.restore(old, new)
    world.store.restore(old, new)
    assert (current_of(world), held_by(world.store, Label.PREVIOUS)) == (old, new)


def test_restoring_over_somebody_elses_version_is_refused(world: World) -> None:
    old, new, _ = staged(world)
    world.store.promote(new, old)
    world.edited()
    theirs = current_of(world)
    with pytest.raises(StoreConflict, match="Nothing was overwritten"):
        world.store.restore(old, new)
    assert current_of(world) == theirs


def test_discarding_takes_the_label_and_the_claim_off(world: World) -> None:
    old, new, _ = staged(world)
    world.store.discard(new)
    assert world.store.read(Label.PENDING) is None
    assert world.store.holder() is None
    assert current_of(world) == old


def test_discarding_what_is_not_pending_changes_nothing(world: World) -> None:
    old, new, _ = staged(world)
    world.store.discard(version_id())
    world.store.discard(old)
    assert (current_of(world), held_by(world.store, Label.PENDING)) == (old, new)
    world.store.discard(new)
    world.store.discard(new)
    assert current_of(world) == old


def test_a_pending_version_of_another_tool_is_refused(world: World) -> None:
    theirs = version_id()
    world.foreign(theirs, None)
    with pytest.raises(StoreConflict, match=f"{theirs} that belongs to somebody else.*since 20"):
        world.store.stage(version_id(), make_key(), CLAIM)
    assert held_by(world.store, Label.PENDING) == theirs
    holding = world.store.holder()
    assert holding is not None
    assert (holding.version_id, holding.claim) == (theirs, None)


def test_a_pending_version_of_another_rotation_is_refused_by_name(world: World) -> None:
    theirs = version_id()
    claim = Claim(rotation="rot-7", by="bob", at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC))
    world.foreign(theirs, claim)
    with pytest.raises(StoreConflict, match="rotation rot-7 of bob, since 2026-11-20"):
        world.store.stage(version_id(), make_key(), CLAIM)
    assert world.store.holder() is not None


def test_a_rotation_that_promoted_and_has_not_ended_is_still_the_holder(world: World) -> None:
    old, new, _ = staged(world)
    world.store.promote(new, old)
    with pytest.raises(StoreConflict, match="rotation rot-1 of alice@host"):
        world.store.stage(version_id(), make_key(), CLAIM)
    world.store.discard(new)
    staged(world)


def test_the_holder_is_who_staged(world: World) -> None:
    _, new, _ = staged(world)
    holding = world.store.holder()
    assert holding is not None
    assert (holding.version_id, holding.claim, holding.since) == (new, CLAIM, CLAIM.at)


def test_a_rotation_after_a_finished_one_keeps_only_the_last_two_keys_labelled(world: World) -> None:
    first, second, _ = staged(world)
    world.store.promote(second, first)
    world.store.discard(second)
    _, third, key = staged(world)
    world.store.promote(third, second)
    assert (current_of(world), held_by(world.store, Label.PREVIOUS)) == (third, second)
    assert world.plain() == key


def test_the_first_key_of_a_secret_becomes_current(empty: World) -> None:
    assert empty.store.read(Label.CURRENT) is None
    new, key = version_id(), make_key()
    empty.store.stage(new, key, CLAIM)
    empty.store.stage(new, key, CLAIM)
    empty.store.promote(new, None)
    empty.store.promote(new, None)
    empty.store.discard(new)
    assert empty.plain() == key
    assert (current_of(empty), held_by(empty.store, Label.PENDING)) == (new, None)


def test_a_secret_without_copies_has_none_that_lags(world: World) -> None:
    assert list(world.store.lagging()) == []


def test_a_secret_that_is_in_order_warns_of_nothing_and_is_not_changed_by_being_asked(world: World) -> None:
    before = world.plain(), current_of(world)
    assert list(world.store.warnings()) == []
    assert (world.plain(), current_of(world), held_by(world.store, Label.PENDING)) == (*before, None)
