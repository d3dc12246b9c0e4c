"""The settings of the sandbox Vault's KV version 2: of a mount (`config`) and of one secret (`metadata`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.vault_kv import KvV2
from rotator.sandbox.vault_wire import Refused, duration, go_duration, whole, yes

CUSTOM_KEYS, CUSTOM_KEY, CUSTOM_VALUE = 64, 128, 512
"""Vault's limits of custom metadata: how many, and the bytes of each name and value."""
_INVALID = "custom_metadata validation failed"
_MANDATED = '"cas_required" set to false, but is mandated by backend config. This value will be ignored.'


def configuration(kv: KvV2) -> JsonObject:
    config = kv.config
    return {
        "max_versions": config.max_versions,
        "cas_required": config.cas_required,
        "delete_version_after": go_duration(config.delete_after),
    }


def configure(kv: KvV2, body: JsonObject) -> None:
    """Change what the body names. Raises `Refused`, and then nothing is changed."""
    most, required, after = _asked(body)
    config = kv.config
    config.max_versions = config.max_versions if most is None else most
    config.cas_required = config.cas_required if required is None else required
    config.delete_after = config.delete_after if after is None else after


def describe(kv: KvV2, path: str, body: JsonObject) -> Sequence[str]:
    """Change what the body names; the warnings. Raises `Refused`, and then nothing is changed."""
    most, required, after = _asked(body)
    custom = _custom(body["custom_metadata"]) if "custom_metadata" in body else None
    if most is None and required is None and after is None and custom is None:
        return ()
    secret = kv.describe(path)
    secret.max_versions = secret.max_versions if most is None else most
    secret.cas_required = secret.cas_required if required is None else required
    secret.delete_after = secret.delete_after if after is None else after
    secret.custom = secret.custom if custom is None else custom
    return (_MANDATED,) if kv.config.cas_required and required is False else ()


def merged(value: JsonObject, changes: JsonObject) -> JsonObject:
    """JSON merge patch (RFC 7396): null removes, objects merge, all else replaces."""
    result = dict(value)
    for name, change in changes.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, Mapping):
            old = result.get(name)
            result[name] = merged(old if isinstance(old, Mapping) else {}, change)
        else:
            result[name] = change
    return result


def _asked(body: JsonObject) -> tuple[int | None, bool | None, timedelta | None]:
    """What the body asks for of that which a mount and a secret both have."""
    return (
        whole(body["max_versions"], "max_versions") if "max_versions" in body else None,
        yes(body["cas_required"], "cas_required") if "cas_required" in body else None,
        duration(body["delete_version_after"], "delete_version_after") if "delete_version_after" in body else None,
    )


def _custom(value: Json) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise Refused(400, 'Field validation failed: error converting input for field "custom_metadata"')
    if len(value) > CUSTOM_KEYS:
        raise Refused(400, f"{_INVALID}: payload must contain at most {CUSTOM_KEYS} keys, provided {len(value)}")
    custom = {name: _custom_text(name, given) for name, given in value.items()}
    for name, given in custom.items():
        if not 0 < len(name.encode()) <= CUSTOM_KEY:
            raise Refused(400, f"{_INVALID}: length of key {name!r} must be 0 < len(key) <= {CUSTOM_KEY}")
        if not 0 < len(given.encode()) <= CUSTOM_VALUE:
            raise Refused(400, f"{_INVALID}: length of value for key {name!r} must be 0 < len(value) <= {CUSTOM_VALUE}")
        if not (name.isprintable() and given.isprintable()):
            raise Refused(400, f"{_INVALID}: key or value for {name!r} contains unprintable characters")
    return custom


def _custom_text(name: str, value: Json) -> str:
    """Numbers and truth values become texts, as Vault's weak decoding makes them."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float):
        return str(value)
    raise Refused(400, f"{_INVALID}: the value for key {name!r} is not a text")
