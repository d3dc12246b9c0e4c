"""The sandbox Vault's `sys/…`: health, mounts, policies, and what a token may do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.vault_books import Condition, Namespace, VaultBooks
from rotator.sandbox.vault_engines import Engine
from rotator.sandbox.vault_policies import CAPABILITIES, DENY, Policy
from rotator.sandbox.vault_tokens import MAX_TTL, Token
from rotator.sandbox.vault_wire import Answer, Refused, Request, absent, done, names, reply, text, unsupported

VERSION = "1.20.4"
"""The release of Vault whose answers the sandbox imitates."""

_CODES = {
    Condition.ACTIVE: "activecode",
    Condition.STANDBY: "standbycode",
    Condition.DR_SECONDARY: "drsecondarycode",
    Condition.PERFORMANCE_STANDBY: "performancestandbycode",
    Condition.UNINITIALISED: "uninitcode",
    Condition.SEALED: "sealedcode",
}
"""The query that asks for another status than the condition's own."""
_FINE = {Condition.STANDBY: "standbyok", Condition.PERFORMANCE_STANDBY: "perfstandbyok"}
"""The query that asks for an active node's status."""


def health(books: VaultBooks, request: Request) -> Answer:
    condition, query = books.condition, request.query
    status = Condition.ACTIVE.value if query.get(_FINE.get(condition, "")) == "true" else condition.value
    asked = query.get(_CODES[condition], "")
    closed = condition in (Condition.SEALED, Condition.UNINITIALISED)
    body: JsonObject = {
        "initialized": condition is not Condition.UNINITIALISED,
        "sealed": closed,
        "standby": closed or condition in (Condition.STANDBY, Condition.PERFORMANCE_STANDBY),
        "performance_standby": condition is Condition.PERFORMANCE_STANDBY,
        "replication_performance_mode": "disabled",
        "replication_dr_mode": "secondary" if condition is Condition.DR_SECONDARY else "disabled",
        "server_time_utc": int(books.now().timestamp()),
        "version": VERSION,
        "cluster_name": "sandbox",
    }
    return Answer(status=int(asked) if asked.isdecimal() and 200 <= int(asked) < 600 else status, body=body)


def seal_status(books: VaultBooks) -> Answer:
    closed = books.condition in (Condition.SEALED, Condition.UNINITIALISED)
    initialized = books.condition is not Condition.UNINITIALISED
    return Answer(status=200, body={"sealed": closed, "initialized": initialized, "type": "shamir", "version": VERSION})


def ui_mount(books: VaultBooks, namespace: Namespace, token: Token, request: Request) -> Answer:
    """`sys/internal/ui/mounts/PATH` asks no policy for its own path, but for any right to the mount."""
    if request.method != "GET":
        raise unsupported()
    path = request.path.removeprefix("sys/internal/ui/mounts/").strip("/")
    routed = namespace.routed(path)
    if routed is None or not _any_right(books, namespace, token, routed[0]):
        # The same for both, so that nobody learns what is mounted.
        raise Refused(
            403,
            f'preflight capability check returned 403, please ensure client\'s policies grant access to path "{path}/"',
        )
    mount, engine, _ = routed
    return reply({**_told(engine), "path": f"{mount}/"})


def system(books: VaultBooks, namespace: Namespace, token: Token, request: Request) -> Answer:
    """All else of `sys/`, once the policies have let the request through. Raises `Refused`."""
    match request.method, request.path.removeprefix("sys/").split("/"):
        case "POST", ["capabilities-self"]:
            return _capabilities(books, namespace, token, request.body)
        case "GET", ["mounts"]:
            mounts: JsonObject = {f"{mount}/": _told(engine) for mount, engine in namespace.mounts.items()}
            return _doubled(mounts)
        case "GET", ["mounts", *mount, "tune"]:
            engine = namespace.mounts.get("/".join(mount))
            if engine is None:
                raise Refused(400, f'cannot fetch sysview for path "{"/".join(mount)}"')
            return _doubled({**_config(), "description": "", "options": {"version": engine.version}})
        case "POST", ["mounts", *mount]:
            _enable(books, namespace, "/".join(mount), request.body)
            return done()
        case "DELETE", ["mounts", *mount]:
            namespace.mounts.pop("/".join(mount), None)
            return done()
        case "POST", ["policies", "acl", name]:
            books.write_policy(name, _policy(text(request.body, "policy")), namespace=namespace.path)
            return done()
        case "DELETE", ["policies", "acl", name]:
            namespace.policies.pop(name, None)
            return done()
    raise absent()


def _any_right(books: VaultBooks, namespace: Namespace, token: Token, mount: str) -> bool:
    """Whether a policy speaks of the mount or of anything in it."""
    if books.capabilities(token, namespace.path, f"{mount}/") != DENY:
        return True
    inner = namespace.path.removeprefix(token.namespace).strip("/")
    within = f"{inner}/{mount}/" if inner else f"{mount}/"
    written = books.namespaces[token.namespace].policies
    patterns = (pattern for name in token.policies for pattern in written.get(name, {}))
    return any(pattern.startswith(within) for pattern in patterns)


def _told(engine: Engine) -> JsonObject:
    options: JsonObject = {"version": engine.version}
    return {"type": "kv", "description": "", "options": options, "config": _config(), "local": False}


def _config() -> JsonObject:
    seconds = int(MAX_TTL.total_seconds())
    return {"default_lease_ttl": seconds, "max_lease_ttl": seconds, "force_no_cache": False}


def _doubled(data: JsonObject) -> Answer:
    """In `data` and beside it, as `sys/` answers since its first days."""
    envelope = reply(data)
    return Answer(status=200, body={**data, **(envelope.body or {})})


def _capabilities(books: VaultBooks, namespace: Namespace, token: Token, body: JsonObject) -> Answer:
    paths = names(body, "paths") or names(body, "path")
    if not paths:
        raise Refused(400, "paths must be supplied")
    found: dict[str, Json] = {
        path: sorted(books.capabilities(token, namespace.path, path.strip("/") + "/" * path.endswith("/")))
        for path in paths
    }
    return _doubled(found | ({"capabilities": found[paths[0]]} if len(paths) == 1 else {}))


def _enable(books: VaultBooks, namespace: Namespace, mount: str, body: JsonObject) -> None:
    options = body.get("options")
    version = str(options.get("version", "1")) if isinstance(options, Mapping) else "1"
    if mount in namespace.mounts:
        raise Refused(400, f"path is already in use at {mount}/")
    match text(body, "type"), version:
        case ("kv-v2", _) | ("kv", "2"):
            books.mount_kv(mount, namespace=namespace.path)
        case "kv", "1":
            books.mount_kv_v1(mount, namespace=namespace.path)
        case _:
            raise Refused(400, "the sandbox mounts only kv, version 1 or 2")


_RULE = re.compile(r'\s*path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}\s*')


def _policy(written: str) -> Policy:
    """A policy's text, in JSON or in as much of HCL as `rotate config policy vault` writes."""
    if written.lstrip().startswith("path"):
        rules = {path: re.findall(r'"([^"]*)"', words) for path, words in _RULE.findall(written)}
        if _RULE.sub("", written):
            raise Refused(400, "failed to parse policy: the sandbox reads paths with capabilities only")
    else:
        try:
            paths = json.loads(written)["path"]
            rules = {str(path): [str(word) for word in rule["capabilities"]] for path, rule in paths.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused(400, "failed to parse policy: neither JSON nor HCL that the sandbox reads") from None
    unknown = {word for words in rules.values() for word in words} - CAPABILITIES
    if unknown:
        raise Refused(400, f"failed to parse policy: invalid capability {min(unknown)!r}")
    return rules
