"""The shape of `rotate.yaml`. Field names are the users' contract: docs/reference/rotate-yaml.md, `model/config.py`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from rotator.loader.fields import Argv, Between, JmesPath, Name, Secret, Shape, Source, Text, Url, reads
from rotator.loader.problems import nearest
from rotator.loader.vault import VaultShape
from rotator.model.errors import ConfigError

NOT_YET = frozenset({"kubernetes", "ecs", "lambda", "docker", "vercel", "netlify", "prometheus"})
"""Words of the design that this version does not know how to carry out."""
WATCHERS = ("http", "command", "manual")
_JOURNALS = ("sqlite", "postgresql", "s3")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)  # RFC 9110, section 5.6.2
_KEY_ID = re.compile(r"apikey_[A-Za-z0-9_-]{1,100}", re.ASCII)

Cadence = Annotated[timedelta, Between("1ms", "30d")]
MaxAge = Annotated[timedelta, Between("1s", "3650d")]


def _journal(text: str) -> str:
    scheme = urlsplit(text).scheme.partition("+")[0] if "://" in text else ""
    if scheme not in _JOURNALS:
        meant = nearest(scheme, _JOURNALS)
        raise ConfigError(
            "this is not a journal's URL" + (f"; did you mean `{meant}://`?" if meant else ""),
            "sqlite:///PATH, postgresql://… or s3://BUCKET/PREFIX",
        )
    return text


def _key_id(text: str) -> str:
    if not _KEY_ID.fullmatch(text):
        raise ConfigError("this is not the id of a key", "`apikey_…`, as the Admin API and the Console show it.")
    return text


def _notifier(text: str) -> str:
    if "://" not in text:
        raise ConfigError("this is not a notification URL", "An apprise URL such as slack://… or mailto://…")
    return text


def _headers(value: object) -> object:
    if isinstance(value, dict):
        for name, text in value.items():
            if not _HEADER_NAME.fullmatch(str(name)):
                raise ValueError("a header's name holds a character that no header has")
            if not (isinstance(text, str) and text.isascii() and text.isprintable() and text == text.strip()):
                raise ValueError("a header's value must be one line of printable ASCII text, without spaces around it")
    return value


class AnthropicShape(Shape):
    admin_key: Source | None = None
    key_id: Annotated[str, BeforeValidator(reads(_key_id, "the id of a key"))] | None = None


class IssuerShape(Shape):
    anthropic: AnthropicShape


class HttpWatchShape(Shape):
    urls: Annotated[list[Url], Field(min_length=1, max_length=1000)]
    fingerprint: JmesPath
    headers: Annotated[dict[str, str], BeforeValidator(_headers), Field(max_length=50)] = Field(default_factory=dict)


class CommandWatchShape(Shape):
    observe: Argv


class ManualWatchShape(Shape):
    ask: Text


class DeployShape(Shape):
    command: Argv


class HttpProbeShape(Shape):
    url: Url
    expect: Annotated[int, Field(ge=100, le=599)] = 200


class ProbeShape(Shape):
    http: HttpProbeShape


class ConsumerShape(Shape):
    name: Name
    wave: Annotated[int, Field(ge=1, le=1000)] = 1
    cadence: Cadence = timedelta(minutes=5)
    required: bool = True
    http: HttpWatchShape | None = None
    command: CommandWatchShape | None = None
    manual: ManualWatchShape | None = None
    deploy: DeployShape | None = None
    probe: ProbeShape | None = None


class CredentialShape(Shape):
    issuer: IssuerShape
    secrets: Annotated[list[Secret], Field(min_length=1, max_length=100)]
    consumers: Annotated[list[ConsumerShape], Field(max_length=1000)]
    max_age: MaxAge | None = None
    playbook: Text = "standard"


class ConfigShape(Shape):
    """`rotate.yaml`: what is rotated, where it is kept, who uses it, and by which policy."""

    version: Literal[1]
    journal: Annotated[str, BeforeValidator(reads(_journal, "a URL"))] | None = None
    notify: Annotated[list[Annotated[str, BeforeValidator(reads(_notifier, "a URL"))]], Field(max_length=50)] = Field(
        default_factory=list
    )
    credentials: Annotated[dict[Name, CredentialShape], Field(min_length=1, max_length=1000)]
    vault: VaultShape | None = None
