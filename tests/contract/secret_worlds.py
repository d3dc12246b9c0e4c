"""A secret, and what happens to it beside the store under test: in memory, and behind AWS's and Vault's protocols."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from rotator.adapters.store.aws import AwsSecretStore
from rotator.model.config import AwsSecretRef
from rotator.model.keys import Claim, KeyText, Label
from rotator.ports import SecretStore
from rotator.sandbox.memory_store import MemorySecretStore
from tests.aws_world import CLAIM, REGION, make_key, secret_name, version_id
from tests.vault_world import FIELD, VaultPlace, VaultSecret, has_live_vault

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


class World(Protocol):
    """A secret, and what happens to it beside the store under test."""

    @property
    def store(self) -> SecretStore: ...

    @property
    def original(self) -> KeyText: ...

    def plain(self) -> KeyText | None:
        """The key as a consumer reads it, who knows nothing of labels."""
        ...

    def edited(self) -> None:
        """Somebody else writes a new current version: with another field changed, where there are other fields."""
        ...

    def foreign(self, id: str, claim: Claim | None) -> None:
        """Somebody else's pending version."""
        ...

    def others(self) -> str:
        """Everything of the current version but its key, exactly."""
        ...


class Merging(World, Protocol):
    """A store that takes the other fields as they are when it writes."""

    def edited_beside(self) -> None:
        """Somebody else edits another field."""
        ...


class MemoryWorld:
    def __init__(self, *, merges: bool, empty: bool = False) -> None:
        self.original = make_key()
        fields = {} if empty else {"other": "as it was"}
        self.store = MemorySecretStore("a secret", Still(), None if empty else self.original, fields, merges=merges)

    def plain(self) -> KeyText | None:
        version = self.store.read(Label.CURRENT)
        return version.key if version else None

    def edited(self) -> None:
        self.store.edit(version_id(), fields={"other": "edited"}, key=make_key() if self.store.merges else None)

    def edited_beside(self) -> None:
        self.store.edit(version_id(), fields={"other": "edited"})

    def foreign(self, id: str, claim: Claim | None) -> None:
        self.store.foreign(id, make_key(), claim)

    def others(self) -> str:
        return repr(dict(self.store.fields()))


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    def sleep(self, duration: timedelta) -> None:
        raise AssertionError("a store does not sleep on the engine's clock")


class AwsWorld:
    def __init__(self, client: SecretsManagerClient, field: str | None, *, empty: bool = False) -> None:
        self.original = make_key()
        self._client, self._field, self._name = client, field, secret_name()
        client.create_secret(Name=self._name)
        if not empty:
            client.put_secret_value(SecretId=self._name, SecretString=self._text(self.original, "as it was"))
        self.store = AwsSecretStore(AwsSecretRef(REGION, self._name, field), client=client)

    def _text(self, key: KeyText, other: str) -> str:
        if self._field is None:
            return key.reveal()
        return f'{{ "a" : 1.50,\n\t"{self._field}":"{key.reveal()}"  ,"other":"{other}","u":"\\u00e9é\\/"}}\n'

    def _current(self) -> str:
        return self._client.get_secret_value(SecretId=self._name)["SecretString"]

    def plain(self) -> KeyText | None:
        text = self._current()
        return KeyText(text if self._field is None else json.loads(text)[self._field])

    def edited(self) -> None:
        key = self.plain()
        assert key
        text = self._text(key, "edited") if self._field else make_key().reveal()
        self._client.put_secret_value(SecretId=self._name, SecretString=text)

    def foreign(self, id: str, claim: Claim | None) -> None:
        self._client.put_secret_value(
            SecretId=self._name,
            ClientRequestToken=id,
            SecretString=self._text(make_key(), "theirs"),
            VersionStages=["AWSPENDING"],
        )
        if claim:
            tags = {"rotation": claim.rotation, "by": claim.by, "at": claim.at.isoformat(), "version": id}
            self._client.tag_resource(
                SecretId=self._name, Tags=[{"Key": f"rotator:{name}", "Value": said} for name, said in tags.items()]
            )

    def others(self) -> str:
        key = self.plain()
        assert key
        return self._current().replace(key.reveal(), "(key)")


class VaultWorld:
    def __init__(self, place: VaultPlace, *, empty: bool = False) -> None:
        self._secret = VaultSecret(place, empty=empty)
        self.original, self.store = self._secret.original, self._secret.store

    def plain(self) -> KeyText | None:
        return self._secret.key()

    def edited(self) -> None:
        # Another field alone would be no conflict: the promoting write takes it as it is then.
        self._secret.edit(**{FIELD: make_key().reveal(), "other": "edited"})

    def edited_beside(self) -> None:
        self._secret.edit(other="edited")

    def foreign(self, id: str, claim: Claim | None) -> None:
        said = {"rotation": claim.rotation, "by": claim.by, "at": claim.at.isoformat()} if claim else {}
        theirs = {f"rotator_{name}": value for name, value in {"version": id, **said}.items()}
        self._secret.put({FIELD: make_key().reveal(), **theirs}, self._secret.sibling)

    def others(self) -> str:
        return repr({name: value for name, value in sorted(self._secret.fields().items()) if name != FIELD})


KINDS = ["memory", "memory like vault", "aws bare", "aws json", "vault", *(["live vault"] if has_live_vault() else [])]


def build(
    kind: str, client: SecretsManagerClient, vaults: Mapping[str, VaultPlace] | None = None, *, empty: bool = False
) -> World:
    if kind.startswith("memory"):
        return MemoryWorld(merges=kind != "memory", empty=empty)
    if vaults and kind in vaults:
        return VaultWorld(vaults[kind], empty=empty)
    return AwsWorld(client, "ANTHROPIC_API_KEY" if kind == "aws json" else None, empty=empty)


def held_by(store: SecretStore, label: Label) -> str | None:
    version = store.read(label)
    return version.id if version else None


def current_of(world: World) -> str:
    id = held_by(world.store, Label.CURRENT)
    assert id is not None
    return id


def staged(world: World) -> tuple[str, str, KeyText]:
    """The ids of the old and of the new version, and the new key."""
    old, new, key = current_of(world), version_id(), make_key()
    world.store.stage(new, key, CLAIM)
    return old, new, key
