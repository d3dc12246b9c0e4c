"""Logging in to the sandbox Vault, and what a token may ask about and do with itself (`auth/…`)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.vault_books import AuthMount, Namespace, Role, VaultBooks
from rotator.sandbox.vault_tokens import DEFAULT_TTL, Token
from rotator.sandbox.vault_wire import (
    Answer,
    Refused,
    Request,
    absent,
    denied,
    done,
    duration,
    names,
    reply,
    text,
    unsupported,
    yes,
)


def login(books: VaultBooks, namespace: Namespace, request: Request) -> Answer | None:
    """None: the request is no login to anything that is mounted. Raises `Refused`."""
    prefix, _, mount = request.path.removesuffix("/login").partition("/")
    auth = namespace.auth.get(mount)
    if prefix != "auth" or auth is None or not request.path.endswith("/login"):
        return None
    if request.method != "POST":
        raise unsupported()
    role = _let_in(auth, request.body)
    token = books.tokens.make(
        role.policies,
        namespace=namespace.path,
        ttl=role.ttl,
        max_ttl=role.max_ttl,
        display_name=f"{mount}-{role.name}",
        path=request.path,
        metadata={"role_name" if auth.kind == "approle" else "role": role.name},
    )
    return reply(None, auth=token.auth(books.now()))


def _let_in(auth: AuthMount, body: JsonObject) -> Role:
    match auth.kind:
        case "approle":
            given = text(body, "role_id")
            found = [role for role in auth.roles.values() if _same(role.role_id, given)]
            if not found or not _same(found[0].secret, text(body, "secret_id")):
                raise Refused(400, "invalid role or secret ID")
            return found[0]
        case "kubernetes":
            role = auth.roles.get(text(body, "role"))
            if role is None:
                raise Refused(400, "invalid role name")
            if not _same(role.secret, text(body, "jwt")):
                raise Refused(403, "permission denied")
            return role
        case "jwt":
            role = auth.roles.get(text(body, "role"))
            if role is None:
                raise Refused(400, "role could not be found")
            if not _same(role.secret, text(body, "jwt")):
                raise Refused(400, "error validating token: error verifying token signature: no known key")
            return role
        case "aws":
            raise Refused(400, "the AWS login is not configured")


def _same(one: str, other: str) -> bool:
    return bool(other) and hmac.compare_digest(one.encode(), other.encode())


def about_token(books: VaultBooks, namespace: Namespace, token: Token, request: Request) -> Answer:
    """`auth/token/…`, once the policies have let the request through. Raises `Refused`."""
    now = books.now()
    match request.method, request.path.removeprefix("auth/token/"):
        case "GET", "lookup-self":
            return reply(token.lookup(now))
        case "POST", "renew-self":
            books.tokens.renew(token, _span(request.body, "increment"))
            return reply(None, auth=token.auth(now))
        case "POST", "revoke-self":
            books.tokens.revoke(token.id)
            return done()
        case "POST", "create":
            return reply(None, auth=_create(books, namespace, token, request.body).auth(now))
        case _, "lookup-self" | "renew-self" | "revoke-self" | "create":
            raise unsupported()
    raise absent()


def _create(books: VaultBooks, namespace: Namespace, parent: Token, body: JsonObject) -> Token:
    policies = names(body, "policies") or parent.policies
    if not parent.root and not {*policies} <= {*parent.policies}:
        raise Refused(400, "child policies must be subset of parent")
    if "root" in policies and not parent.root:
        raise denied()
    return books.tokens.make(
        policies,
        namespace=namespace.path,
        ttl=_span(body, "ttl") or (timedelta() if "root" in policies else DEFAULT_TTL),
        period=_span(body, "period"),
        max_ttl=_span(body, "explicit_max_ttl"),
        renewable=yes(body.get("renewable", True), "renewable"),
        display_name=f"token-{text(body, 'display_name')}".removesuffix("-"),
        metadata=_texts(body.get("meta")),
        orphan=body.get("no_parent") is True,
    )


def _span(body: JsonObject, name: str) -> timedelta:
    """Zero where it is missing or empty."""
    return duration(body[name], name) if body.get(name) not in (None, "") else timedelta()


def _texts(value: Json) -> Mapping[str, str] | None:
    return {name: str(given) for name, given in value.items()} if isinstance(value, Mapping) else None
