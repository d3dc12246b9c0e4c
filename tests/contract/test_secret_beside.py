"""Edits of other fields: a conflict where whole secrets are kept (AWS), taken along where fields are merged (Vault)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pytest

from rotator.model.errors import StoreConflict
from tests.contract.secret_worlds import KINDS, Merging, build, current_of, staged
from tests.vault_world import VaultPlace

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


@pytest.mark.parametrize("kind", ["memory", "aws json"])
def test_an_edit_of_another_field_is_seen_even_where_its_version_is_expected(
    kind: str, client: SecretsManagerClient
) -> None:
    world = build(kind, client)
    _, new, _ = staged(world)
    world.edited()
    theirs = current_of(world)
    with pytest.raises(StoreConflict, match="Another field"):
        world.store.promote(new, theirs)
    assert current_of(world) == theirs


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "vault" in kind])
def test_a_store_that_merges_takes_an_edit_of_another_field_along_both_ways(
    kind: str, client: SecretsManagerClient, vaults: Mapping[str, VaultPlace]
) -> None:
    world = cast(Merging, build(kind, client, vaults))
    old, new, key = staged(world)
    world.edited_beside()
    assert current_of(world) == old
    edited = world.others()
    world.store.promote(new, old)
    assert (current_of(world), world.plain(), world.others()) == (new, key, edited)
    world.store.restore(old, new)
    assert (current_of(world), world.plain(), world.others()) == (old, world.original, edited)
