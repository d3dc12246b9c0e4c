"""The sandbox Vault's tokens: who they are for, how long they live, how they are renewed."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.model.canonical import Json, JsonObject
from rotator.sandbox.vault_wire import Refused, moment

DEFAULT_TTL = MAX_TTL = timedelta(hours=768)
"""Vault's own defaults for a token's life and the longest that renewal may make it."""


@dataclass(slots=True, kw_only=True)
class Token:
    id: str = field(repr=False)
    accessor: str
    namespace: str
    policies: tuple[str, ...]
    created: datetime
    ttl: timedelta
    """As it was asked for; zero: it never expires."""
    expires: datetime | None
    renewable: bool
    period: timedelta = timedelta()
    """Not zero: each renewal gives so much again, for ever."""
    max_ttl: timedelta = timedelta()
    """From its creation on; zero: `MAX_TTL`."""
    display_name: str = "token"
    path: str = "auth/token/create"
    metadata: Mapping[str, str] | None = None
    orphan: bool = False

    @property
    def root(self) -> bool:
        return "root" in self.policies

    def left(self, now: datetime) -> int:
        """Whole seconds; 0: it never expires."""
        return 0 if self.expires is None else max(0, round((self.expires - now).total_seconds()))

    def lookup(self, now: datetime) -> JsonObject:
        """What `lookup-self` says."""
        found: dict[str, Json] = {
            "id": self.id,
            "accessor": self.accessor,
            "policies": self.policies,
            "path": self.path,
            "display_name": self.display_name,
            "meta": self.metadata,
            "creation_time": int(self.created.timestamp()),
            "creation_ttl": int(self.ttl.total_seconds()),
            "issue_time": moment(self.created),
            "expire_time": moment(self.expires) or None,
            "explicit_max_ttl": int(self.max_ttl.total_seconds()),
            "ttl": self.left(now),
            "renewable": self.renewable,
            "num_uses": 0,
            "orphan": self.orphan,
            "entity_id": "",
            "type": "service",
        }
        if self.namespace:
            found["namespace_path"] = f"{self.namespace}/"
        return found | ({"period": int(self.period.total_seconds())} if self.period else {})

    def auth(self, now: datetime) -> JsonObject:
        """What a login, a creation and a renewal say."""
        return {
            "client_token": self.id,
            "accessor": self.accessor,
            "policies": self.policies,
            "token_policies": self.policies,
            "metadata": self.metadata,
            "lease_duration": self.left(now),
            "renewable": self.renewable,
            "entity_id": "",
            "token_type": "service",
            "orphan": self.orphan,
            "mfa_requirement": None,
            "num_uses": 0,
        }


class Tokens:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._tokens: dict[str, Token] = {}

    def make(
        self,
        policies: Collection[str],
        *,
        namespace: str = "",
        ttl: timedelta = DEFAULT_TTL,
        period: timedelta = timedelta(),
        max_ttl: timedelta = timedelta(),
        renewable: bool = True,
        display_name: str = "token",
        path: str = "auth/token/create",
        metadata: Mapping[str, str] | None = None,
        orphan: bool = True,
    ) -> Token:
        """`ttl` zero: it never expires, as only a root token may. The policy `default` comes with all but root."""
        held = tuple(sorted({*policies} if "root" in policies else {"default", *policies}))
        now, first = self._now(), period or ttl
        life = min(first, max_ttl) if max_ttl else first
        token = Token(
            id=f"hvs.{secrets.token_urlsafe(24)}",
            accessor=uuid.uuid4().hex,
            namespace=namespace,
            policies=held,
            created=now,
            ttl=life,
            expires=now + life if life else None,
            renewable=renewable and bool(life),
            period=period,
            max_ttl=max_ttl,
            display_name=display_name,
            path=path,
            metadata=metadata,
            orphan=orphan,
        )
        self._tokens[token.id] = token
        return token

    def find(self, id: str) -> Token | None:
        """None: unknown, revoked, or expired."""
        token = self._tokens.get(id)
        if token is not None and token.expires is not None and token.expires <= self._now():
            del self._tokens[id]
            return None
        return token

    def renew(self, token: Token, increment: timedelta) -> None:
        """From now on, but not past its longest life. Zero: what it was made with. Raises `Refused`."""
        if not token.renewable:
            raise Refused(400, "lease is not renewable")
        now = self._now()
        end = now + (token.period or increment or token.ttl)
        if not token.period or token.max_ttl:
            end = min(end, token.created + (token.max_ttl or MAX_TTL))
        token.expires = end

    def revoke(self, id: str) -> None:
        self._tokens.pop(id, None)
