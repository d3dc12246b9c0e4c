"""KV version 2 as Vault keeps it: versions, check-and-set, soft deletion, destruction. State only; no HTTP.

Facts: "Vault / OpenBao, KV v2", and https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.vault_wire import Refused, absent, go_duration, moment

DEFAULT_MAX_VERSIONS = 10


@dataclass(slots=True)
class Version:
    number: int
    created: datetime
    data: JsonObject = field(repr=False)
    deletion: datetime | None = None
    """When it was, or will be, softly deleted."""
    destroyed: bool = False

    def gone(self, now: datetime) -> bool:
        return self.destroyed or (self.deletion is not None and self.deletion <= now)

    def state(self) -> dict[str, Json]:
        return {
            "created_time": moment(self.created),
            "deletion_time": moment(self.deletion),
            "destroyed": self.destroyed,
        }


@dataclass(slots=True)
class Secret:
    created: datetime
    updated: datetime
    versions: dict[int, Version] = field(default_factory=dict)
    current: int = 0
    oldest: int = 0
    max_versions: int = 0
    cas_required: bool = False
    delete_after: timedelta = timedelta()
    custom: Mapping[str, str] | None = None

    def metadata(self) -> JsonObject:
        return {
            "versions": {str(number): version.state() for number, version in self.versions.items()},
            "current_version": self.current,
            "oldest_version": self.oldest,
            "created_time": moment(self.created),
            "updated_time": moment(self.updated),
            "max_versions": self.max_versions,
            "cas_required": self.cas_required,
            "delete_version_after": go_duration(self.delete_after),
            "custom_metadata": self.custom,
        }

    def told(self, version: Version) -> JsonObject:
        """What reads and writes say of a version."""
        return {"version": version.number, **version.state(), "custom_metadata": self.custom}


@dataclass(slots=True)
class KvConfig:
    max_versions: int = 0
    """0: `DEFAULT_MAX_VERSIONS`."""
    cas_required: bool = False
    delete_after: timedelta = timedelta()
    """Zero: no limit. Negative: no secret's own limit counts either."""


class KvV2:
    """One mount's secrets, by path. `Refused` is what Vault answers."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.config = KvConfig()
        self.secrets: dict[str, Secret] = {}
        self._now = now

    def value(self, path: str, version: int = 0) -> JsonObject | None:
        """A version's fields, 0 the current one's, without asking over HTTP; None where a reader would get none."""
        secret = self.secrets.get(path)
        found = secret.versions.get(version or secret.current) if secret else None
        return None if found is None or found.gone(self._now()) else found.data

    def read(self, path: str, number: int = 0) -> tuple[Secret, Version]:
        """The version, also where it is gone. Raises `Refused`: there is, or is left, no such version."""
        secret = self.secrets.get(path)
        version = secret.versions.get(number if number > 0 else secret.current) if secret else None
        if secret is None or version is None:
            raise absent()
        return secret, version

    def put(self, path: str, data: JsonObject, cas: int | None = None) -> tuple[Secret, Version]:
        """A new version. `cas`: only where this is the current version's number; 0: only where there is none yet."""
        now = self._now()
        secret = self.secrets.get(path) or Secret(now, now)
        self.check(secret, cas)
        secret.current += 1
        version = Version(secret.current, now, data, self._end_of(secret, now))
        secret.versions[version.number] = version
        secret.updated = now
        self._forget_oldest(secret)
        self.secrets[path] = secret
        return secret, version

    def check(self, secret: Secret, cas: int | None) -> None:
        if cas is not None and cas != secret.current:
            raise Refused(400, "check-and-set parameter did not match the current version")
        if cas is None and (self.config.cas_required or secret.cas_required):
            raise Refused(400, "check-and-set parameter required for this call")

    def delete(self, path: str, numbers: Iterable[int] | None = None) -> None:
        """Softly; None: the current version. What is not there, or gone already, stays as it is."""
        for _, version in self._named(path, numbers):
            if not version.gone(self._now()):
                version.deletion = self._now()

    def undelete(self, path: str, numbers: Iterable[int]) -> None:
        for secret, version in self._named(path, numbers):
            if not version.destroyed:
                version.deletion = self._end_of(secret, self._now())

    def destroy(self, path: str, numbers: Iterable[int]) -> None:
        for _, version in self._named(path, numbers):
            version.destroyed, version.data = True, {}

    def describe(self, path: str) -> Secret:
        """The secret whose metadata is to be written: made, without a version, where there is none."""
        now = self._now()
        return self.secrets.setdefault(path, Secret(now, now))

    def forget(self, path: str) -> None:
        """Every version, and every trace of them."""
        self.secrets.pop(path, None)

    def gone(self, version: Version) -> bool:
        return version.gone(self._now())

    def _named(self, path: str, numbers: Iterable[int] | None) -> list[tuple[Secret, Version]]:
        secret = self.secrets.get(path)
        if secret is None:
            return []
        wanted = [secret.current] if numbers is None else numbers
        return [(secret, secret.versions[number]) for number in wanted if number in secret.versions]

    def _end_of(self, secret: Secret, start: datetime) -> datetime | None:
        """The shorter of the mount's and the secret's limit counts."""
        none = timedelta()
        if self.config.delete_after < none:
            return None
        limits = [limit for limit in (self.config.delete_after, secret.delete_after) if limit > none]
        return start + min(limits) if limits else None

    def _forget_oldest(self, secret: Secret) -> None:
        # The larger of the two counts, whatever the documentation says of one overriding the other:
        # AddVersion in https://github.com/hashicorp/vault-plugin-secrets-kv/blob/main/path_data.go
        kept = max(secret.max_versions, self.config.max_versions) or DEFAULT_MAX_VERSIONS
        if secret.current - secret.oldest < kept:
            return
        secret.oldest = secret.current - kept + 1
        for number in [number for number in secret.versions if number < secret.oldest]:
            del secret.versions[number]


def children(paths: Iterable[str], folder: str) -> list[str]:
    """The names right under a folder, folders among them with a slash at the end. Raises `Refused`: there are none."""
    prefix = folder.rstrip("/") + "/" if folder.strip("/") else ""
    found = set()
    for path in paths:
        if path.startswith(prefix):
            name, slash, _ = path.removeprefix(prefix).partition("/")
            found.add(name + slash)
    if not found:
        raise absent()
    return sorted(found)
