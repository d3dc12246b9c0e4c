"""Takes a sample: a value as the environment, a file or stdin holds it. What is missing is a finding, no error."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Mapping
from pathlib import Path

from rotator.core.check.sample import Origin, Sample

MOST_BYTES = 64 * 1024
"""Of a key's file (law 8). A key has 108."""


def from_environment(name: str, environ: Mapping[str, str]) -> Sample:
    value = environ.get(name)
    missing = "" if value is not None else f"The environment variable {name} is not set."
    return Sample(origin=Origin.ENV, name=name, text=value, missing=missing)


def from_file(path: str) -> Sample:
    """The file's text as it is."""
    try:
        with Path(path).expanduser().open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "its name cannot be used"
        return Sample(
            origin=Origin.FILE,
            name=path,
            text=None,
            missing=f"The file {path} cannot be read: {why}.",
            hint="Correct the path, mount the secret there, or give its owner the right to read it.",
        )
    return _decoded(Origin.FILE, path, raw)


def from_stdin() -> Sample:
    return _decoded(Origin.STDIN, "-", sys.stdin.buffer.read(MOST_BYTES + 1))


def _decoded(origin: Origin, name: str, raw: bytes) -> Sample:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Sample(origin=origin, name=name, text=raw.decode("utf-16", "replace"), utf16=True)
    return Sample(origin=origin, name=name, text=raw.decode("utf-8", "replace"))
