"""The observation that a command prints, read strictly: a guess here could retire a key in use.

Its shape is the contract with users: docs/reference/rotate-yaml.md, "A consumer".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from rotator.core.exposure import exposes_key
from rotator.model.measure import Instance

MOST_INSTANCES = 10_000
LONGEST_ID = 256
LONGEST_FINGERPRINT = 200
"""A fingerprint with a star for every hidden character of a key still fits."""
_KEYS = frozenset({"id", "fingerprint", "since", "terminating"})


class Malformed(ValueError):
    """The text is no observation; the message says where, and never repeats a value."""


class Exposed(ValueError):
    """A fingerprint is the text of a key. The message is the instance's id."""


def parse_observation(text: str) -> Sequence[Instance]:
    """`{"instances": [{"id", "fingerprint", "since"?, "terminating"?}]}`. Raises `Malformed`, `Exposed`."""
    try:
        data = json.loads(text, object_pairs_hook=_no_repeats)
    except Malformed:
        raise
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON" if text.strip() else "it is empty") from None
    if not isinstance(data, dict) or data.keys() != {"instances"} or not isinstance(data["instances"], list):
        raise Malformed('it must be an object with one key, `instances`, a list: {"instances": [...]}')
    if len(data["instances"]) > MOST_INSTANCES:
        raise Malformed(f"it has more than {MOST_INSTANCES} instances")
    instances = [_instance(item, f"instances[{number}]") for number, item in enumerate(data["instances"])]
    if len({instance.id for instance in instances}) != len(instances):
        raise Malformed("two instances have the same id")
    return instances


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed("a key stands twice in one object")
    return made


def _instance(item: object, where: str) -> Instance:
    if not isinstance(item, dict):
        raise Malformed(f"{where} must be an object")
    if not {"id", "fingerprint"} <= item.keys() <= _KEYS:
        raise Malformed(
            f"{where} must have `id` and `fingerprint`, may have `since` and `terminating`, and nothing else"
        )
    id, terminating = item["id"], item.get("terminating", False)
    if not isinstance(id, str) or not id.strip() or len(id) > LONGEST_ID or not id.isprintable():
        raise Malformed(f"{where}.id must be one line of text, 1 to {LONGEST_ID} characters")
    if exposes_key(id):
        raise Malformed(f"{where}.id holds the text of a key")
    if not isinstance(terminating, bool):
        raise Malformed(f"{where}.terminating must be true or false")
    return Instance(
        id=id,
        fingerprint=_fingerprint(item["fingerprint"], where, id),
        since=_since(item.get("since"), where),
        terminating=terminating,
    )


def _fingerprint(value: object, where: str, id: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and exposes_key(value):
        raise Exposed(id)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_FINGERPRINT:
        raise Malformed(f"{where}.fingerprint must be null (it cannot say) or text")
    return value.strip()


def _since(value: object, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        since = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        since = None
    if since is None or since.utcoffset() is None:
        raise Malformed(f"{where}.since must be a time with its zone (RFC 3339): 2026-11-23T10:00:00Z")
    return since
