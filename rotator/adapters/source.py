"""Secret values from the environment and from files, read when they are needed."""

from __future__ import annotations

import os
from pathlib import Path

from rotator.model.config import EnvSource, FileSource
from rotator.model.errors import ConfigError
from rotator.model.keys import KeyText

MAX_BYTES = 64 * 1024
"""Longest value. Keys take some 110 bytes, cloud tokens a few thousand: more is the wrong file."""


def read_env(source: EnvSource) -> KeyText:
    """The variable's value. Raises `ConfigError` where it is not set, empty or no text."""
    value = os.environ.get(source.name)
    if value is None:
        raise ConfigError(
            f"the environment variable {source.name} is not set",
            f"Set {source.name} for this command, or name another source for the value in rotate.yaml.",
        )
    return _checked(value, f"the environment variable {source.name}")


def read_file(source: FileSource) -> KeyText:
    """The file's text without its last line ends; `~` is the home directory.

    Raises `ConfigError` where the file is missing, unreadable, empty, too large or no text.
    """
    what = f"the file {source.path}"
    try:
        with Path(source.path).expanduser().open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{what} does not exist", "Make it, or correct its name in rotate.yaml.") from None
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; a home that is not known
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{what} cannot be read: {why}", "Correct its name or its permissions.") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{what} is larger than {MAX_BYTES} bytes", "It must hold the secret value and nothing else.")
    try:
        return _checked(raw.decode(), what)
    except UnicodeDecodeError:
        # `from None`: the cause would carry the bytes.
        raise _no_text(what) from None


def _checked(value: str, what: str) -> KeyText:
    text = value.rstrip("\r\n")
    if not text.strip():
        raise ConfigError(f"{what} is empty", "Put the secret value there.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _no_text(what) from None
    if size > MAX_BYTES:
        raise ConfigError(f"{what} is larger than {MAX_BYTES} bytes", "It must hold the secret value and nothing else.")
    return KeyText(text)


def _no_text(what: str) -> ConfigError:
    return ConfigError(f"{what} holds no UTF-8 text", "It must hold the secret value and nothing else.")
