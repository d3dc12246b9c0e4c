"""What enough seeds must have met: what struck nowhere, stood nowhere or was decided nowhere has tested nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rotator.sandbox.sim.faults import KINDS
from rotator.sandbox.sim.scenario import CADENCES, Style
from rotator.sandbox.sim.tally import EDITS, LIMITED, SIZES

ENOUGH: Final = 500
"""From so many seeds on, what most worlds could show must have been met."""

MANY: Final = 10_000
"""And from so many on what takes two rare things at once, as a kill between an effect and its line in the log does."""

ALL: Final = 100_000
"""And what even of those is rare: what some seven in ten thousand meet, or fewer."""

_STEPS: Final = (
    *(f"do {verb}" for verb in ("adopt", "stage", "test", "promote", "deploy", "observe", "probe", "pings")),
    *(f"do {verb}" for verb in ("drain", "disable", "soak", "archive", "tidy")),
    *(f"undo {verb}" for verb in ("stage", "promote", "deploy", "disable")),
)
_DECISIONS: Final = (
    "wait",
    *(f"ask {what}" for what in ("disable", "archive", "consumer", "unproven")),
    *(f"stop {exit}" for exit in ("done", "approval", "gate_failed", "inconclusive", "outside")),
    "close completed",
    "close rolled back",
)
_DRIFTED: Final = ("secrets drifted", "secrets made equal")
_OUTCOMES: Final = ("outcome completed", "outcome rolled_back", "outcome abandoned")
_PLACES: Final = ("secrets in aws", "secrets in vault", "secrets in aws and vault")
_PEOPLE: Final = (
    *(f"operator {style.value}" for style in Style),
    "operator two at once",
    *dict.fromkeys(EDITS.values()),
)
_FLEETS: Final = (
    *(f"fleet {how}" for how in ("boot", "hot", "observed by a person")),
    *(name for _, name in SIZES),
    *(f"fleet of cadence {seconds}s" for seconds in CADENCES),
)
_ROLLOUTS: Final = (
    *(f"rollout {how}" for how in ("at once", "slow", "stuck", "fails", "outlasts its time-out")),
    "rollout leaves instances terminating",
    "reload by itself",
)
_MOMENTS: Final = ("before", "after")
_CRASHES: Final = tuple(
    f"killed {moment} {verb}" for moment in _MOMENTS for verb in ("append", "stage", "promote", "deploy")
)
_SELDOM: Final = (
    *(f"killed {moment} {verb}" for moment in _MOMENTS for verb in ("restore", "discard", "disable", "archive")),
    *(f"killed {moment} {verb}" for moment in _MOMENTS for verb in ("observe", "ping", "sleep")),
    *(f"killed {moment} append of {kind}" for moment in _MOMENTS for kind in ("intended", "applied", "measured")),
    "ask applied",
    LIMITED,
)
_HARDLY: Final = (
    *(f"killed {moment} {verb}" for moment in _MOMENTS for verb in ("enable", "record")),
    *(
        f"killed {moment} append of {kind}"
        for moment in _MOMENTS
        for kind in ("opened", "approved", "resumed", "failed")
    ),
    "ask absent",
)

WANTED: Final[Mapping[str, int]] = {
    **dict.fromkeys((f"fault {kind}" for kind in KINDS), ENOUGH),
    **dict.fromkeys(
        (*_STEPS, *_DECISIONS, *_OUTCOMES, *_PLACES, *_DRIFTED, *_PEOPLE, *_FLEETS, *_ROLLOUTS, *_CRASHES), ENOUGH
    ),
    **dict.fromkeys(_SELDOM, MANY),
    **dict.fromkeys(_HARDLY, ALL),
}
"""What must have been met, and from how many seeds on."""
