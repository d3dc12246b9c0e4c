"""Law 10 over the whole log: a key that leaked once has leaked, whatever playbook and whichever rotation come later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from rotator.model.event import Event, Kind


def leaked(events: Iterable[Event]) -> Mapping[str, str]:
    """By the digest of each key that was to be retired because it leaked: the rotation that said so first."""
    found: dict[str, str] = {}
    for event in events:
        data = cast("Mapping[str, Any]", event.data)
        if event.kind is not Kind.OPENED or data["old"] is None:
            continue
        if data["plan"]["playbook"]["reenable"] == "never":
            found.setdefault(str(data["old"]["fingerprint"]["digest"]), event.rotation)
    return found
