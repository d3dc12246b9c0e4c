"""The kinds of values that configuration and playbooks are made of, as pydantic types."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema

from rotator.loader import durations, references
from rotator.model.config import SecretRef, SecretSource
from rotator.model.errors import ConfigError

T = TypeVar("T")
OURS = "rotator"
"""The type of the errors that bring their own words."""
NAME_PATTERN = "^[a-z0-9][a-z0-9._-]{0,63}$"
LONGEST_URL = 2048
MOST_WORDS = 256
LONGEST_WORD = 8192


class Shape(BaseModel):
    """Strict: no unknown keys, no conversion from one type into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)


def problem(message: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError(OURS, "{message}", {"message": message, "hint": hint})


def reads(parse: Callable[[str], T], what: str) -> Callable[[object], T]:
    """A validator out of a function that raises `ConfigError`."""

    def read(value: object) -> T:
        if not isinstance(value, str):
            raise problem(f"must be {what}, written as text")
        try:
            return parse(value)
        except ConfigError as error:
            raise problem(error.message, error.hint) from None

    return read


def _checked_name(text: str) -> str:
    if re.fullmatch(NAME_PATTERN, text) is None or text.endswith("\n"):
        raise ConfigError(
            "this name cannot be used", "1 to 64 of a-z, 0-9, `.`, `_`, `-`, beginning with a letter or a digit."
        )
    return text


def _checked_url(text: str) -> str:
    form = "For example http://10.0.0.7:8080/healthz"
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > LONGEST_URL:
        raise ConfigError("this URL holds a character that a URL cannot hold, or is too long", form)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("this is not a URL", form) from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise ConfigError("this is not an http:// or https:// URL", form)
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "a URL with a user name or a password in it", "URLs name instances in the journal and on the screen."
        )
    if parts.fragment:
        raise ConfigError("a URL with a `#` in it", "Servers never see what follows a `#`.")
    return text


def _checked_text(text: str) -> str:
    if not text.strip():
        raise ConfigError("this text is empty", "")
    return text


def _checked_argv(value: object) -> list[str]:
    form = 'A list of words: ["./deploy.sh", "edge"]'
    if isinstance(value, str):
        raise problem("must be a list of words: there is no shell here that could take a line of text apart", form)
    if not isinstance(value, list) or not value:
        raise problem("must be a list of words, the program first", form)
    if not all(isinstance(word, str) for word in value):
        raise problem("holds a word that is not text: put numbers and yes/no in quotes", form)
    if not value[0].strip() or any("\0" in word for word in value):
        raise problem("the program's name is empty, or a word holds a NUL character", form)
    if len(value) > MOST_WORDS or any(len(word) > LONGEST_WORD for word in value):
        raise problem(f"has more than {MOST_WORDS} words, or one longer than {LONGEST_WORD} characters", form)
    return list(value)


def _checked_jmespath(text: str) -> str:
    import jmespath

    try:
        jmespath.compile(text)
    except (jmespath.exceptions.JMESPathError, ValueError, RecursionError):
        raise ConfigError(
            "this is not a JMESPath expression", "For example anthropic_key.fingerprint (https://jmespath.org)"
        ) from None
    return text


@dataclass(frozen=True, slots=True)
class Between:
    """Metadata for `timedelta`: a duration as people write it, within bounds, both included."""

    least: str
    most: str

    def check(self, text: str) -> timedelta:
        value = durations.parse_duration(text)
        if not durations.parse_duration(self.least) <= value <= durations.parse_duration(self.most):
            raise ConfigError(
                f"{durations.format_duration(value)} is out of bounds", f"From {self.least} to {self.most}."
            )
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        read = reads(self.check, "a duration such as `15m`")
        return core_schema.no_info_plain_validator_function(read)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": durations.PATTERN, "description": f"{self.least} to {self.most}"}


def _text_schema(description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description})


Name = Annotated[
    str,
    BeforeValidator(reads(_checked_name, "a name")),
    WithJsonSchema({"type": "string", "pattern": NAME_PATTERN}),
]
Url = Annotated[str, BeforeValidator(reads(_checked_url, "a URL")), _text_schema("http:// or https://")]
Text = Annotated[str, BeforeValidator(reads(_checked_text, "a sentence")), Field(max_length=1000)]
JmesPath = Annotated[str, BeforeValidator(reads(_checked_jmespath, "a JMESPath")), _text_schema("JMESPath")]
Argv = Annotated[
    list[str],
    BeforeValidator(_checked_argv),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_WORDS}),
]
Secret = Annotated[
    SecretRef,
    PlainValidator(reads(references.parse_secret, "a secret reference")),
    _text_schema("aws-sm://REGION/NAME-OR-ARN[#FIELD] or vault://MOUNT/PATH#FIELD"),
]
Source = Annotated[
    SecretSource,
    PlainValidator(reads(references.parse_source, "`env:NAME`, `file:PATH` or a secret reference")),
    _text_schema("env:NAME, file:PATH or a secret reference; never the value itself"),
]
