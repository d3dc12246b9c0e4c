"""Secret references and the places that a secret value may be read from. Nothing here echoes what it could not read:
the likeliest mistake is a secret value where its place should be named."""

from __future__ import annotations

import re

from rotator.model.config import AwsSecretRef, EnvSource, FileSource, SecretRef, SecretSource, VaultSecretRef
from rotator.model.errors import ConfigError

LONGEST = 2048
"""Characters of a whole reference: longer than any ARN or path that a store accepts."""
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]+){1,3}-[0-9]{1,2}", re.ASCII)
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html#SecretsManager-CreateSecret-request-Name
_AWS_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}", re.ASCII)
_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:(?P<region>[^:]*):[0-9]+:secret:(?P<name>[^:]+)", re.ASCII)
_VAULT_SEGMENT = re.compile(r"[A-Za-z0-9._@+=-]+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LONGEST_FIELD = 128

_AWS_FORM = "aws-sm://REGION/NAME-OR-ARN or aws-sm://REGION/NAME-OR-ARN#FIELD"
_VAULT_FORM = "vault://MOUNT/PATH#FIELD"
_FORMS = f"Write {_AWS_FORM}, or {_VAULT_FORM}."


def parse_secret(text: str) -> SecretRef:
    """A place in a store. Raises `ConfigError` that says which part is wrong, without repeating the text."""
    if len(text) > LONGEST:
        raise ConfigError(f"this secret reference is longer than {LONGEST} characters", _FORMS)
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise ConfigError("this is not a secret reference", _FORMS)
    place, hash_sign, field = rest.partition("#")
    if hash_sign and not _is_field(field):
        raise ConfigError("the field after `#` is empty or cannot be a field's name", _FORMS)
    match scheme:
        case "aws-sm":
            return _aws(place, field or None)
        case "vault":
            return _vault(place, field)
        case _:
            raise ConfigError("the secret reference begins with neither `aws-sm://` nor `vault://`", _FORMS)


def parse_source(text: str) -> SecretSource:
    """Where a secret value is read from: `env:NAME`, `file:PATH` or a secret reference. Raises `ConfigError`."""
    if text.startswith("env:"):
        if not _VARIABLE.fullmatch(text[4:]):
            raise ConfigError(
                "what follows `env:` is not the name of an environment variable", "env:ANTHROPIC_ADMIN_KEY"
            )
        return EnvSource(text[4:])
    if text.startswith("file:"):
        path = text[5:].removeprefix("//")  # file:///etc/key is what a browser writes
        if not path or path != path.strip():
            raise ConfigError("what follows `file:` is not a path", "file:/etc/rotator/admin-key")
        return FileSource(path)
    if "://" in text:
        return parse_secret(text)
    raise ConfigError(
        "this does not say where to read the value from",
        "Write `env:NAME`, `file:PATH` or a secret reference; the value itself never stands in this file. "
        "If it was the value, treat it as exposed.",
    )


def _is_field(field: str) -> bool:
    return 0 < len(field) <= _LONGEST_FIELD and field == field.strip() and field.isprintable() and "#" not in field


def _aws(place: str, field: str | None) -> AwsSecretRef:
    region, slash, name = place.partition("/")
    if not _REGION.fullmatch(region):
        raise ConfigError(
            "what follows `aws-sm://` is not the name of an AWS region", "For example aws-sm://eu-west-1/prod/anthropic"
        )
    if not slash or not name:
        raise ConfigError("the secret's name is missing after the region", f"Write {_AWS_FORM}.")
    if name.startswith("arn:"):
        return AwsSecretRef(region, _checked_arn(name, region), field)
    if not _AWS_NAME.fullmatch(name):
        raise ConfigError(
            "the secret's name holds a character that AWS does not allow", "Letters, digits and /_+=.@- are allowed."
        )
    return AwsSecretRef(region, name, field)


def _checked_arn(arn: str, region: str) -> str:
    found = _ARN.fullmatch(arn)
    if found is None or not _AWS_NAME.fullmatch(found["name"]):
        raise ConfigError(
            "this is not the ARN of a secret",
            "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX, as the AWS console shows it.",
        )
    if found["region"] != region:
        raise ConfigError(
            f"the reference says region `{region}`, but its ARN says another one",
            "A secret is reached through its own region: make them equal.",
        )
    return arn


def _vault(place: str, field: str) -> VaultSecretRef:
    if not field:
        raise ConfigError("a Vault secret needs `#FIELD`", f"Write {_VAULT_FORM}.")
    mount, *segments = place.split("/")
    if not segments or not all(_VAULT_SEGMENT.fullmatch(part) for part in (mount, *segments)):
        raise ConfigError(
            "mount or path of the Vault secret is missing, or has an empty or unusual part",
            f"Write {_VAULT_FORM}, without `data/` and without a slash at either end.",
        )
    if any(part in {".", ".."} for part in segments):
        raise ConfigError("`.` and `..` are no parts of a Vault path", f"Write {_VAULT_FORM}.")
    return VaultSecretRef(mount, "/".join(segments), field)
