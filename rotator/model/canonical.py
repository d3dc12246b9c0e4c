"""JSON values, and the one way to write them down so that a digest means something."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]

NOTHING: Final[JsonObject] = {}
"""Where there is nothing to tell. Nobody writes into it, as into no `Mapping`."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""One for all: `json.dumps` with these options would build another for every event."""


quoted = json.encoder.encode_basestring
"""A text as `canonical` writes it, in quotation marks."""


def canonical(value: Json) -> str:
    """The value as JSON with sorted keys and no spare white space: equal values give equal texts."""
    return _ENCODER.encode(value)


def digest(value: Json) -> str:
    """SHA-256 of the canonical text, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
