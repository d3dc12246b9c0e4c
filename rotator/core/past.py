"""What a credential's earlier rotations leave to the later ones: which have ended, and which keys leaked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from rotator.model.event import Event, Kind


def leaked(events: Iterable[Event]) -> Mapping[str, str]:
    """By the digest of each key that was to be retired because it leaked: the rotation that said so first.

    Law 10: a key that leaked once has leaked, whatever playbook and whichever rotation come later.
    """
    found: dict[str, str] = {}
    for event in events:
        if event.kind is not Kind.OPENED:
            continue
        data = cast("Mapping[str, Any]", event.data)
        if data["old"] is not None and data["plan"]["playbook"]["reenable"] == "never":
            found.setdefault(str(data["old"]["fingerprint"]["digest"]), event.rotation)
    return found


def closed_ids(events: Sequence[Event]) -> frozenset[str]:
    """The rotations of this log that have ended: a pending version of theirs is in nobody's hands."""
    return frozenset(event.rotation for event in events if event.kind in _ENDS)


_ENDS: Final = frozenset({Kind.COMPLETED, Kind.ROLLED_BACK, Kind.ABANDONED})
