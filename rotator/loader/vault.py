"""The `vault:` block of `rotate.yaml`: which Vault, and how to log in. Meanings: `model/config.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from rotator.loader import references
from rotator.loader.fields import Shape, Text, Url, reads
from rotator.loader.find import expanded
from rotator.model.config import (
    EnvSource,
    FileSource,
    LocalSource,
    VaultAppRole,
    VaultAuth,
    VaultAws,
    VaultConfig,
    VaultJwt,
    VaultKubernetes,
)
from rotator.model.errors import ConfigError

LOGINS = ("approle", "kubernetes", "jwt", "aws")
_SUFFIX = re.compile(r"[A-Za-z0-9._@+=-]{1,64}", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9._@+=-]+(/[A-Za-z0-9._@+=-]+)*/?", re.ASCII)
_ROLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


def _local(text: str) -> LocalSource:
    form = "Write `env:NAME` or `file:PATH`; the value itself never stands in this file."
    if "://" in text and not text.startswith("file:"):
        raise ConfigError("a store cannot hold what is needed to reach the store", form)
    source = references.parse_source(text)
    if not isinstance(source, EnvSource | FileSource):
        raise ConfigError("this does not say where to read the value from", form)
    return source


def _role_id(text: str) -> LocalSource | str:
    if text.startswith(("env:", "file:")):
        return _local(text)
    if not _ROLE_ID.fullmatch(text):
        raise ConfigError("this is not a role id", "The role's id as Vault shows it, `env:NAME` or `file:PATH`.")
    return text


def _suffix(text: str) -> str:
    if not _SUFFIX.fullmatch(text):
        raise ConfigError(
            "this cannot follow the last part of a path", "For example `.pending`: letters, digits and ._@+=- ."
        )
    return text


def _path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ConfigError("this is not the path of a mount or a namespace", "For example `team/kubernetes`.")
    return text.rstrip("/")


Local = Annotated[
    LocalSource,
    PlainValidator(reads(_local, "`env:NAME` or `file:PATH`")),
    WithJsonSchema({"type": "string", "description": "env:NAME or file:PATH; never the value itself"}),
]
RoleId = Annotated[
    LocalSource | str,
    PlainValidator(reads(_role_id, "a role id")),
    WithJsonSchema({"type": "string", "description": "the role's id, env:NAME or file:PATH"}),
]
MountPath = Annotated[str, BeforeValidator(reads(_path, "a path"))]


class AppRoleShape(Shape):
    role_id: RoleId
    secret_id: Local
    mount: MountPath = "approle"


class KubernetesShape(Shape):
    role: Text
    mount: MountPath = "kubernetes"
    token: Local | None = None


class JwtShape(Shape):
    role: Text
    token: Local
    mount: MountPath = "jwt"


class AwsShape(Shape):
    role: Text
    mount: MountPath = "aws"


class AuthShape(Shape):
    approle: AppRoleShape | None = None
    kubernetes: KubernetesShape | None = None
    jwt: JwtShape | None = None
    aws: AwsShape | None = None


class VaultShape(Shape):
    address: Url | None = None
    namespace: MountPath | None = None
    ca_cert: Text | None = None
    pending_suffix: Annotated[str, BeforeValidator(reads(_suffix, "a suffix"))] = Field(default=".pending")
    auth: AuthShape | None = None


def vault_config(shape: VaultShape, folder: Path) -> VaultConfig:
    """Relative files are beside `rotate.yaml`."""
    return VaultConfig(
        address=shape.address,
        namespace=shape.namespace,
        ca_cert=str(folder / expanded(shape.ca_cert)) if shape.ca_cert else None,
        pending_suffix=shape.pending_suffix,
        auth=_auth(shape.auth, folder) if shape.auth else None,
    )


def _auth(shape: AuthShape, folder: Path) -> VaultAuth | None:
    if shape.approle:
        role_id = shape.approle.role_id
        return VaultAppRole(
            role_id=role_id if isinstance(role_id, str) else _beside(role_id, folder),
            secret_id=_beside(shape.approle.secret_id, folder),
            mount=shape.approle.mount,
        )
    if shape.kubernetes:
        role, mount = shape.kubernetes.role, shape.kubernetes.mount
        if shape.kubernetes.token is None:
            return VaultKubernetes(role=role, mount=mount)
        return VaultKubernetes(role=role, mount=mount, token=_beside(shape.kubernetes.token, folder))
    if shape.jwt:
        return VaultJwt(role=shape.jwt.role, token=_beside(shape.jwt.token, folder), mount=shape.jwt.mount)
    return VaultAws(role=shape.aws.role, mount=shape.aws.mount) if shape.aws else None


def _beside(source: LocalSource, folder: Path) -> LocalSource:
    return FileSource(str(folder / expanded(source.path))) if isinstance(source, FileSource) else source
