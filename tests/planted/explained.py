"""Mutants that no test can kill, each with the reason; and the figures of the last long run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXPLAINED: Final[Mapping[str, str]] = {
    "rotator.steps.deploy:Deploy.patience: `1` plus one": (
        "how much longer than the deploy's own time-out the lease is believed: any margin will do"
    ),
}
"""`module:function: mutation` → why nothing observable depends on it."""

LAST_RUN: Final = "No long run has been made yet."
