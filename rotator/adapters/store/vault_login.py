"""How a Vault token is come by: given (VAULT_TOKEN, `~/.vault-token`), or by logging in (`vault: auth:`)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path

from rotator.adapters.source import MAX_BYTES, read_env, read_file
from rotator.adapters.store.vault_errors import Answer
from rotator.adapters.store.vault_transport import Ask
from rotator.core.periods import brief
from rotator.model.config import (
    EnvSource,
    FileSource,
    VaultAppRole,
    VaultAuth,
    VaultAws,
    VaultJwt,
    VaultKubernetes,
)
from rotator.model.errors import ConfigError, Refused

_LONGEST = timedelta(days=36500)
"""Of a token's life. A longer one is no length of time."""
_TOKEN_FILE = ".vault-token"  # noqa: S105 - a file's name: the Vault CLI's, in the home directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A Vault token and how long it lives."""

    text: str = field(repr=False)
    origin: str
    """For messages: `VAULT_TOKEN`, or the login it came from."""
    expires_at: datetime | None = None
    """None: never, or nobody says."""
    life: timedelta = timedelta()
    """How long it was given, or renewed, for."""
    renewable: bool = False

    def remaining(self, now: datetime) -> timedelta | None:
        return None if self.expires_at is None else self.expires_at - now


@dataclass(frozen=True, slots=True)
class TokenLife:
    """`remaining` None: it never ends, or nobody says. `lasts`: it ends, and we log in anew by ourselves."""

    origin: str
    remaining: timedelta | None
    renewable: bool
    lasts: bool

    def warning(self, needed: timedelta) -> str | None:
        """A sentence where a plan of this length would outlive the token; None where it is long enough."""
        if self.lasts or self.remaining is None or self.remaining >= needed:
            return None
        renews = (
            "It is renewed whenever `rotate` runs, as far as its own limit lets it; keep `rotate tick` running"
            if self.renewable
            else "It cannot be renewed: a later command needs another one"
        )
        return (
            f"The Vault token from {self.origin} expires in {_about(self.remaining, round)}; the plan may take "
            f"{_about(needed, ceil)}. {renews}, or give rotate.yaml an `auth:` block under `vault`."
        )


def _about(length: timedelta, rounded: Callable[[float], int]) -> str:
    """`45s`, `2h`: nobody plans by the seconds of a day."""
    fitting = (unit for unit in (timedelta(hours=1), timedelta(minutes=1)) if length >= 10 * unit)
    unit = next(fitting, timedelta(seconds=1))
    return brief(rounded(length / unit) * unit)


def given(environ: Mapping[str, str], home: Path) -> Token | None:
    """The token that a person, or the Vault CLI (`vault login`), has put there; the variable wins."""
    text = environ.get("VAULT_TOKEN", "").strip()
    if text:
        return Token(text=text, origin="VAULT_TOKEN")
    try:
        with (home / _TOKEN_FILE).open("rb") as file:
            text = file.read(MAX_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Token(text=text, origin=f"~/{_TOKEN_FILE}") if text else None


def looked_up(token: Token, answer: Answer, now: datetime) -> Token:
    """The token with what `lookup-self` says of its life: its `ttl` is 0 where it never ends."""
    about = answer.part("data")
    left, granted = _seconds(about.get("ttl")), _seconds(about.get("creation_ttl"))
    return Token(
        text=token.text,
        origin=token.origin,
        expires_at=now + left if left else None,
        life=_seconds(about.get("period")) or granted or left,
        renewable=about.get("renewable") is True,
    )


def granted(answer: Answer, origin: str, now: datetime) -> Token:
    """The token that a login or a renewal answered with."""
    auth = answer.part("auth")
    text, life = auth.get("client_token"), _seconds(auth.get("lease_duration"))
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
        raise Refused(
            f"Vault answered {origin} without a token.", "Is a second factor demanded? None can be given here."
        )
    return Token(
        text=text,
        origin=origin,
        expires_at=now + life if life else None,
        life=life,
        renewable=auth.get("renewable") is True,
    )


def login(auth: VaultAuth) -> Ask:
    """Reads the secrets anew each time: a service account's token, for one, is exchanged under the process."""
    match auth:
        case VaultAppRole():
            role_id = auth.role_id if isinstance(auth.role_id, str) else _read(auth.role_id)
            said = {"role_id": role_id, "secret_id": _read(auth.secret_id)}
        case VaultKubernetes() | VaultJwt():
            said = {"role": auth.role, "jwt": _read(auth.token)}
        case VaultAws():
            said = _signed(auth)
    return Ask("POST", f"auth/{auth.mount}/login", json.dumps(said))


def _read(source: EnvSource | FileSource) -> str:
    return (read_env(source) if isinstance(source, EnvSource) else read_file(source)).reveal()


def _signed(auth: VaultAws) -> dict[str, str]:
    """A signed, unsent `sts:GetCallerIdentity`, by which Vault finds out who we are.

    https://developer.hashicorp.com/vault/api-docs/auth/aws#login
    """
    import boto3.session
    from botocore.exceptions import BotoCoreError
    from hvac.aws_utils import SigV4Auth, generate_sigv4_auth_request

    try:
        found = boto3.session.Session().get_credentials()
        mine = found.get_frozen_credentials() if found else None
    except BotoCoreError as failure:
        raise _no_identity(type(failure).__name__) from None
    if mine is None:
        raise _no_identity("none were found")
    request = generate_sigv4_auth_request()
    SigV4Auth(mine.access_key, mine.secret_key, mine.token).add_auth(request)
    headers = json.dumps({name: [value] for name, value in request.headers.items()})
    return {
        "role": auth.role,
        "iam_http_request_method": "POST",
        "iam_request_url": _base64(request.url),
        "iam_request_headers": _base64(headers),
        "iam_request_body": _base64(request.body),
    }


def _no_identity(why: str) -> ConfigError:
    return ConfigError(
        f"The AWS login to Vault needs AWS credentials, and there are no usable ones ({why}).",
        "Set AWS_PROFILE or sign in to AWS, then repeat the command.",
    )


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _seconds(value: object) -> timedelta:
    """0 for what is no length of time: not said."""
    if isinstance(value, int | float) and 0 <= value <= _LONGEST.total_seconds():
        return timedelta(seconds=value)
    return timedelta()
