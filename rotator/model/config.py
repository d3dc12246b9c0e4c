"""What `rotate.yaml` and a playbook say, once read and checked. The loader makes these; nothing else parses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class AwsSecretRef:
    """`aws-sm://REGION/NAME-OR-ARN[#FIELD]`; without a field the whole string is the key."""

    region: str
    name: str
    field: str | None

    def __str__(self) -> str:
        return f"aws-sm://{self.region}/{self.name}" + (f"#{self.field}" if self.field else "")


@dataclass(frozen=True, slots=True)
class VaultSecretRef:
    """`vault://MOUNT/PATH#FIELD`."""

    mount: str
    path: str
    field: str

    def __str__(self) -> str:
        return f"vault://{self.mount}/{self.path}#{self.field}"


SecretRef: TypeAlias = AwsSecretRef | VaultSecretRef


@dataclass(frozen=True, slots=True)
class EnvSource:
    """A secret value that is read from an environment variable when it is needed."""

    name: str

    def __str__(self) -> str:
        return f"env:{self.name}"


@dataclass(frozen=True, slots=True)
class FileSource:
    """A secret value that is read from a file when it is needed."""

    path: str

    def __str__(self) -> str:
        return f"file:{self.path}"


SecretSource: TypeAlias = EnvSource | FileSource | SecretRef
"""Where a secret value comes from; never the value itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicConfig:
    admin_key: SecretSource | None = None
    key_id: str | None = None  # the old key's record, where its hint is ambiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpWatch:
    """One URL an instance; `fingerprint` is a JMESPath into its JSON answer."""

    urls: tuple[str, ...]
    fingerprint: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWatch:
    """`observe` is an argv that prints an observation as JSON."""

    observe: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualWatch:
    """A person answers `ask`."""

    ask: str


Watch: TypeAlias = HttpWatch | CommandWatch | ManualWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDeploy:
    """`command` is an argv, no shell. It must be safe to repeat: after a crash it may be run a second time."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """Live traffic through the consumer itself: a GET that answers `expect` when it could call Anthropic."""

    url: str
    expect: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """What reads the secret and calls Anthropic. `cadence` is how long it may stay quiet while healthy."""

    name: str
    watch: Watch
    wave: int = 1
    cadence: timedelta = timedelta(minutes=5)
    required: bool = True
    deploy: CommandDeploy | None = None
    probe: HttpProbe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The logical thing that is rotated. The first secret is where the old key is read."""

    name: str
    issuer: AnthropicConfig
    secrets: tuple[SecretRef, ...]
    consumers: tuple[Consumer, ...]
    max_age: timedelta | None = None
    playbook: str = "standard"


LocalSource: TypeAlias = EnvSource | FileSource
"""Where a secret value is read from before any store can be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAppRole:
    """`role_id` is no secret and may stand there itself; `secret_id` is one."""

    role_id: LocalSource | str
    secret_id: LocalSource
    mount: str = "approle"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultKubernetes:
    """By the pod's service account; `token` is read anew at every login."""

    role: str
    mount: str = "kubernetes"
    token: LocalSource = FileSource("/var/run/secrets/kubernetes.io/serviceaccount/token")


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultJwt:
    """By a JWT, such as a CI job's OIDC token."""

    role: str
    token: LocalSource
    mount: str = "jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAws:
    """By our AWS identity (IAM)."""

    role: str
    mount: str = "aws"


VaultAuth: TypeAlias = VaultAppRole | VaultKubernetes | VaultJwt | VaultAws


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultConfig:
    """The Vault of all `vault://` references. VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT and VAULT_TOKEN win over it."""

    address: str | None = None
    namespace: str | None = None
    ca_cert: str | None = None  # a file or a folder
    pending_suffix: str = ".pending"  # of the sibling path that a new key waits at
    auth: VaultAuth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole of `rotate.yaml`. `path` is where it was found, for messages and for relative names."""

    path: str
    journal: str | None
    notify: tuple[str, ...]
    credentials: Mapping[str, Credential]
    vault: VaultConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pings:
    count: int
    interval: timedelta
    patience: timedelta
    inference: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """`quiet_for`: the wait once all have moved; `lag`: the usage report's; `unproven`: may silence do, unproven?"""

    quiet_for: timedelta
    lag: timedelta
    unproven: Literal["ask", "accept", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """Policy: waits, gates and approvals. The order of the steps is code (`core/plan.py`)."""

    name: str
    why: str
    adopt_patience: timedelta
    pings: Pings
    waves: Literal["ordered", "together"]
    deploy_timeout: timedelta
    observe_interval: timedelta
    observe_timeout: timedelta
    drain: Drain
    soak: timedelta
    approve_disable: Literal["ask", "scheduled"]
    approve_archive: Literal["ask", "scheduled"]
    reenable: Literal["auto", "never"]  # never: the old key leaked (law 10)
    deadline: timedelta

    @property
    def leaked(self) -> bool:
        return self.reenable == "never"
