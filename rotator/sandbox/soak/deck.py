"""Chance without bad luck: what is rare comes, too, once in every deck."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Deck(Generic[T]):
    """Deals each of its cards once, in a drawn order, and then shuffles them anew."""

    def __init__(self, *cards: Sequence[T]) -> None:
        """`cards`: put together."""
        self._cards = [card for some in cards for card in some]
        self._left: list[T] = []

    def deal(self, source: random.Random) -> T:
        if not self._left:
            self._left = source.sample(self._cards, len(self._cards))
        return self._left.pop()

    def put_back(self, card: T) -> None:
        """It was of no use: it comes once more before they are shuffled."""
        self._left.insert(0, card)
