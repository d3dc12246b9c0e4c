"""The sandbox Vault's secrets engines over HTTP: KV version 2; and version 1, to be recognised and refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from rotator.model.canonical import JsonObject
from rotator.sandbox.vault_kv import KvV2, children
from rotator.sandbox.vault_settings import configuration, configure, describe, merged
from rotator.sandbox.vault_wire import Answer, Refused, Request, absent, done, names, reply, unsupported, whole

_V1_LEASE = 2_764_800  # seconds, 32 days: what KV version 1 tells of a secret's lease
_WRONG_PATH = (
    "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. "
    "If using the Vault CLI, use 'vault kv get' for this operation."
)
_MERGE_PATCH = "application/merge-patch+json"


class Engine(Protocol):
    version: ClassVar[str]
    """What the mount's options say of it."""

    def exists(self, path: str) -> bool:
        """Whether writing to `path`, relative to the mount, is an update rather than a creation."""

    def answer(self, request: Request, path: str) -> Answer:
        """`path` is relative to the mount. Raises `Refused`."""


class KvV1Engine:
    version: ClassVar[str] = "1"

    def __init__(self) -> None:
        self.secrets: dict[str, JsonObject] = {}

    def exists(self, path: str) -> bool:
        return path in self.secrets

    def answer(self, request: Request, path: str) -> Answer:
        match request.method:
            case "GET" if path in self.secrets:
                return reply(self.secrets[path], lease_seconds=_V1_LEASE)
            case "GET":
                raise absent()
            case "LIST":
                return reply({"keys": children(self.secrets, path)})
            case "POST" if path:
                self.secrets[path] = request.body
                return done()
            case "DELETE":
                self.secrets.pop(path, None)
                return done()
        raise unsupported()


class KvV2Engine:
    version: ClassVar[str] = "2"

    def __init__(self, kv: KvV2) -> None:
        self.kv = kv

    def exists(self, path: str) -> bool:
        kind, _, name = path.partition("/")
        return name in self.kv.secrets if kind in ("data", "metadata") else True

    def answer(self, request: Request, path: str) -> Answer:
        kind, _, name = path.partition("/")
        match kind:
            case "config" if not name:
                return self._config(request)
            case "data" if name:
                return self._data(request, name)
            case "metadata":
                return self._metadata(request, name)
            case "delete" | "undelete" | "destroy" if name:
                return self._versions(request, kind, name)
        return reply(None, status=404, warnings=(_WRONG_PATH,))

    def _data(self, request: Request, name: str) -> Answer:
        match request.method:
            case "GET":
                secret, version = self.kv.read(name, whole(request.query.get("version", 0), "version"))
                gone = self.kv.gone(version)
                found: JsonObject = {"data": None if gone else version.data, "metadata": secret.told(version)}
                return reply(found, status=404 if gone else 200)
            case "POST":
                secret, version = self.kv.put(name, _fields(request), _cas(request))
                return reply(secret.told(version))
            case "PATCH":
                return self._patch(request, name)
            case "DELETE":
                self.kv.delete(name)
                return done()
        raise unsupported()

    def _patch(self, request: Request, name: str) -> Answer:
        _only_merge_patch(request)
        changes, cas = _fields(request), _cas(request)
        secret, version = self.kv.read(name)
        self.kv.check(secret, cas)
        if self.kv.gone(version):
            return reply(secret.told(version), status=404)
        # With the number just checked: requests are answered one by one, so nothing comes in between.
        secret, version = self.kv.put(name, merged(version.data, changes), secret.current)
        return reply(secret.told(version))

    def _versions(self, request: Request, kind: str, name: str) -> Answer:
        if request.method != "POST":
            raise unsupported()
        numbers = [whole(number, "versions") for number in names(request.body, "versions")]
        if not numbers:
            raise Refused(400, "No version number provided")
        {"delete": self.kv.delete, "undelete": self.kv.undelete, "destroy": self.kv.destroy}[kind](name, numbers)
        return done()

    def _metadata(self, request: Request, name: str) -> Answer:
        match request.method:
            case "LIST":
                return reply({"keys": children(self.kv.secrets, name)})
            case "GET" if name in self.kv.secrets:
                return reply(self.kv.secrets[name].metadata())
            case "GET":
                raise absent()
            case "POST" if name:
                return done(describe(self.kv, name, request.body))
            case "PATCH" if name:
                return self._patch_metadata(request, name)
            case "DELETE" if name:
                self.kv.forget(name)
                return done()
        raise unsupported()

    def _patch_metadata(self, request: Request, name: str) -> Answer:
        _only_merge_patch(request)
        secret, body = self.kv.secrets.get(name), request.body
        if secret is None:
            raise absent()
        custom = body.get("custom_metadata")
        if isinstance(custom, Mapping):
            body = {**body, "custom_metadata": merged(secret.custom or {}, custom)}
        return done(describe(self.kv, name, body))

    def _config(self, request: Request) -> Answer:
        match request.method:
            case "GET":
                return reply(configuration(self.kv))
            case "POST":
                configure(self.kv, request.body)
                return done()
        raise unsupported()


def _fields(request: Request) -> JsonObject:
    data = request.body.get("data")
    if data is None:
        raise Refused(400, "no data provided")
    if not isinstance(data, Mapping):
        raise Refused(400, 'Field validation failed: error converting input for field "data": expected a map')
    return data


def _cas(request: Request) -> int | None:
    options = request.body.get("options")
    if not isinstance(options, Mapping) or "cas" not in options:
        return None
    try:
        return whole(options["cas"], "cas")
    except Refused:
        raise Refused(400, "error parsing check-and-set parameter") from None


def _only_merge_patch(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip() != _MERGE_PATCH:
        raise Refused(415, f"PATCH requests must have a content-type of {_MERGE_PATCH!r}")
