"""What the sandbox Vault holds, and the levers on it: namespaces, mounts, policies, tokens, roles, seal and standby."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

from rotator.sandbox.vault_engines import Engine, KvV1Engine, KvV2Engine
from rotator.sandbox.vault_kv import KvV2
from rotator.sandbox.vault_policies import CAPABILITIES, DEFAULT, ROOT, Policy, granted
from rotator.sandbox.vault_tokens import DEFAULT_TTL, Token, Tokens

Kind = Literal["approle", "kubernetes", "jwt", "aws"]


class Condition(Enum):
    """The value is the status that `sys/health` answers with (facts: "Vault / OpenBao, KV v2")."""

    ACTIVE = 200
    STANDBY = 429
    DR_SECONDARY = 472
    PERFORMANCE_STANDBY = 473
    UNINITIALISED = 501
    SEALED = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who may log in, by what, and what the token is then like."""

    name: str
    secret: str = field(repr=False)
    """AppRole: the secret id. Kubernetes and JWT: the very token that is sent, compared as it is."""
    role_id: str = ""
    policies: tuple[str, ...]
    ttl: timedelta
    max_ttl: timedelta


@dataclass(slots=True)
class AuthMount:
    kind: Kind
    roles: dict[str, Role] = field(default_factory=dict)


@dataclass(slots=True)
class Namespace:
    path: str
    mounts: dict[str, Engine] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=lambda: {"default": DEFAULT})
    auth: dict[str, AuthMount] = field(default_factory=lambda: {"aws": AuthMount("aws")})

    def routed(self, path: str) -> tuple[str, Engine, str] | None:
        """The mount that serves `path`, and the rest of it."""
        mounts = [mount for mount in self.mounts if path == mount or path.startswith(f"{mount}/")]
        if not mounts:
            return None
        mount = max(mounts, key=len)
        return mount, self.mounts[mount], path[len(mount) + 1 :]


class VaultBooks:
    """Namespace `""` is the root. A KV version 2 mount `secret` is there, as in Vault's dev server."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.condition = Condition.ACTIVE
        self.active_url: str | None = None
        """Where a standby sends its clients; None: it knows no active node."""
        self.behind = 0
        """So many requests more are answered with 412: this node has not yet what was written on another."""
        self.tokens = Tokens(now)
        self.namespaces: dict[str, Namespace] = {"": Namespace("")}
        self.root_token = self.create_root()
        self.mount_kv("secret")

    def add_namespace(self, path: str) -> None:
        """With nothing mounted in it."""
        self.namespaces[path.strip("/")] = Namespace(path.strip("/"))

    def mount_kv(self, mount: str, *, namespace: str = "") -> KvV2:
        kv = KvV2(self.now)
        self.namespaces[namespace].mounts[mount.strip("/")] = KvV2Engine(kv)
        return kv

    def mount_kv_v1(self, mount: str, *, namespace: str = "") -> None:
        self.namespaces[namespace].mounts[mount.strip("/")] = KvV1Engine()

    def kv(self, mount: str = "secret", *, namespace: str = "") -> KvV2:
        """Raises `KeyError` where no KV version 2 is mounted there."""
        engine = self.namespaces[namespace].mounts[mount]
        if not isinstance(engine, KvV2Engine):
            raise KeyError(mount)
        return engine.kv

    def write_policy(self, name: str, policy: Policy, *, namespace: str = "") -> None:
        """Raises `ValueError` for a capability that Vault does not have."""
        unknown = {word for words in policy.values() for word in words} - CAPABILITIES
        if unknown:
            raise ValueError(f"no such capability: {', '.join(sorted(unknown))}")
        self.namespaces[namespace].policies[name] = policy

    def create_root(self, *, namespace: str = "") -> str:
        """A token for everything in a namespace and those within it; it never expires."""
        return self.tokens.make(["root"], namespace=namespace, ttl=timedelta(), path="auth/token/root").id

    def create_token(
        self,
        *policies: str,
        ttl: timedelta = DEFAULT_TTL,
        period: timedelta = timedelta(),
        max_ttl: timedelta = timedelta(),
        renewable: bool = True,
        namespace: str = "",
    ) -> str:
        made = self.tokens.make(
            policies, ttl=ttl, period=period, max_ttl=max_ttl, renewable=renewable, namespace=namespace
        )
        return made.id

    def create_approle(
        self,
        name: str,
        policies: Collection[str],
        *,
        role_id: str,
        secret_id: str,
        ttl: timedelta = DEFAULT_TTL,
        max_ttl: timedelta = timedelta(),
        mount: str = "approle",
        namespace: str = "",
    ) -> None:
        role = Role(name=name, role_id=role_id, secret=secret_id, policies=tuple(policies), ttl=ttl, max_ttl=max_ttl)
        self._auth("approle", mount, namespace).roles[name] = role

    def create_jwt_role(
        self,
        name: str,
        policies: Collection[str],
        *,
        jwt: str,
        kind: Literal["kubernetes", "jwt"] = "kubernetes",
        ttl: timedelta = DEFAULT_TTL,
        max_ttl: timedelta = timedelta(),
        mount: str = "",
        namespace: str = "",
    ) -> None:
        """`jwt`: the one token that this role lets in. `mount`: the kind's own name where it is empty."""
        role = Role(name=name, secret=jwt, policies=tuple(policies), ttl=ttl, max_ttl=max_ttl)
        self._auth(kind, mount or kind, namespace).roles[name] = role

    def seal(self) -> None:
        self.condition = Condition.SEALED

    def unseal(self) -> None:
        """Active again, from whatever condition."""
        self.condition, self.active_url = Condition.ACTIVE, None

    def stand_by(self, active_url: str | None = None) -> None:
        self.condition, self.active_url = Condition.STANDBY, active_url

    def capabilities(self, token: Token, namespace: str, path: str) -> frozenset[str]:
        """Of a token for a path in a namespace: its own, or one within its own."""
        inner = namespace.removeprefix(token.namespace).strip("/")
        if token.root:
            return ROOT
        written = self.namespaces[token.namespace].policies
        held = [written[name] for name in token.policies if name in written]
        return granted(held, f"{inner}/{path}" if inner else path)

    def _auth(self, kind: Kind, mount: str, namespace: str) -> AuthMount:
        mounted = self.namespaces[namespace].auth.setdefault(mount, AuthMount(kind))
        if mounted.kind != kind:
            raise ValueError(f"{mount} is mounted for {mounted.kind}")
        return mounted
