"""Mutants that are left alone, each with the reason; and the figures of the last long run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ANY_MARGIN: Final = "how long an effect is believed to be under way: any margin beyond what it may take will do"
_TWO_PLACES: Final = "these are places in the log of two different events: they are never equal"
_NEVER_WRITTEN: Final = (
    "a look that changed nothing is never written: nobody reads its attempt, nor what came before it"
)

EXPLAINED: Final[Mapping[str, str]] = {
    "rotator.engine:_Engine._measure: `before.seq >= self.session.open.entered_seq` with Gt": _TWO_PLACES,
    "rotator.engine:_Engine._wait: `nap > timedelta()` with GtE": "to sleep for no time is not to sleep",
    "rotator.session:Session.overlay: `0` plus one": _NEVER_WRITTEN,
    "rotator.session:Session.overlay: `1` plus one": _NEVER_WRITTEN,
    "rotator.steps.deploy:Deploy.patience: `1` plus one": _ANY_MARGIN,
    "rotator.steps.promote:Promote.patience: `2` plus one": _ANY_MARGIN,
    "rotator.steps.stage:Stage.patience: `2` plus one": _ANY_MARGIN,
    "rotator.steps.tidy:Tidy.patience: `2` plus one": _ANY_MARGIN,
    "rotator.core.approval:answer: `approval.seq > changed` with GtE": _TWO_PLACES,
    "rotator.core.chain:follow: `1` plus one": (
        "the place before a log's first event, and the hash before it, are what that event itself says"
    ),
    "rotator.core.chain:follow: `after >= 1` with Gt": (
        "the place before a log's first event, and the hash before it, are what that event itself says"
    ),
    "rotator.core.decide:_held: `8` plus one": (
        "keeps a power of two from growing without bound; half a minute is reached long before"
    ),
    "rotator.core.decide:_by_hand: return nothing, not `Do(step.id)`": (
        "where it says nothing, `_held` says the same of a key that is looked at again"
    ),
    "rotator.core.decide:_watched_first: `horizon < Phase.CONTRACT` with LtE": (
        "a walk as far as CONTRACT begins with the soak by itself, once the old key is disabled"
    ),
    "rotator.core.fold:_measured: `before.seq < draft.entered_seq` with LtE": _TWO_PLACES,
    "rotator.core.gates:holding: `evidence.seq < rotation.entered_seq` with LtE": _TWO_PLACES,
}
"""`module:function: mutation` → why no test asks for more."""

LAST_RUN: Final = """\
Not all of them were run yet: on a machine that others kept busy the first run over the whole was ended half-way, on
2026-11-26. Of 3259 mutants 1428 were run, 1366 are killed, 16 explained below, and 46 open; 1831 were never run.

- The run tried each mutant against the fastest tests of its line alone, a second's worth of them: 976 of 1206
  were killed. Tests that were written for the others killed most of them since, and all that were made of `judge` and
  `gates`: nothing is open in `judge`, `gates`, `decide`, `approval` and `chain`, and in the steps 15 are.
- The 46 survived a second's worth of tests, and may well be killed by the rest: 13 in `session`, 8 in `core/drain`,
  6 in `fold`, 6 in `steps/drain`, 4 each in `engine` and `steps/test`, 5 in other steps.
- Never run: `owed`, `silence`, `windows`, `plan`, `parity`, `past`, `way_back`, `orders`, `opening`, `inspection`,
  `overtaken`, some of `fold` and `session`, smaller modules, and all that is only shown to people (`status`, `due`, the
  reports, `check`)."""
