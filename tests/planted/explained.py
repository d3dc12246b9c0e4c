"""Mutants that are left alone, each with the reason; and the figures of the last long run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXPLAINED: Final[Mapping[str, str]] = {
    "rotator.steps.deploy:Deploy.patience: `1` plus one": (
        "how much longer than the deploy's own time-out the lease is believed: any margin will do"
    ),
}
"""`module:function: mutation` → why no test asks for more."""

LAST_RUN: Final = """\
Three samples were run so far, on a busy machine; most mutants have never been run, and this is no score of the whole.

- Deciding, engine and steps, in commit 54b9fba: 100 of 1098 run, 82 killed, 18 survived. Run again on a later tree,
  15 of the 18 are killed by new tests. One is left alone (below), one changed nothing (`None` for `False`; that kind is
  no longer made), and one stood in code that has moved: it has a test now, and was not run again.
- All rooms, on the working tree half an hour later: 46 of 2487 run, 36 killed, 10 survived. New tests kill three.
  Seven are neither killed nor explained yet: two each in `report_parts` and `suspects_books`, one each in
  `adopt._used`, `whereabouts.rows` and `status.waiting`.
- All rooms, in commit fbfdfb7: 62 of 2492 run, 56 killed, 6 survived, neither killed nor explained yet: one each in
  `chain._size`, `judge.adopted`, `Tidy.inspect`, `decide._missed`, `engine._wait` and what reads a file's bytes."""
