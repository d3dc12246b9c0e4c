"""Which journey is gone by which playbook."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rotator.model.config import Playbook
from tests.crash.ground import Ended, Journey, shipped
from tests.crash.journeys import EQUAL_AND_BACK, JOURNEYS, REPAIRS

BOOKS: Final = shipped()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`both_sides`: killed before each change, too; that differs from after the one before it by looks alone."""

    book: str
    journey: Journey
    both_sides: bool

    def __str__(self) -> str:
        return f"{Path(self.book).stem}-{self.journey.name.replace(' ', '_')}"

    @property
    def playbook(self) -> Playbook:
        return BOOKS[self.book]

    def allowed(self, calm: Ended, disturbed: Ended) -> Ended:
        """What the end may be. A consumer that held the right key all the time is spared a deploy; after a kill nobody
        can tell whether it had one, and on the way back it is started once more, with the key that it has."""
        if self.journey is not EQUAL_AND_BACK or disturbed.deploys["chat"] != calm.deploys["chat"] + 1:
            return calm
        deploys = {**calm.deploys, "chat": calm.deploys["chat"] + 1}
        tokens = {**calm.tokens, "chat": calm.tokens["chat"] + 1}
        return replace(calm, deploys=deploys, tokens=tokens, done={**calm.done, "undone deploy chat": 1})


CELLS: Final = tuple(
    Cell(book=book, journey=journey, both_sides=book.startswith("playbooks/") and journey not in REPAIRS)
    for book, playbook in BOOKS.items()
    for journey in (*JOURNEYS, *(REPAIRS if book == "playbooks/standard.yaml" else ()))
    if journey.leaks or not playbook.leaked
)
