"""One deliberate fault: what it does, which law or principle it breaks, and who is to catch it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.planted.catchers import Catcher, UnitTest
from tests.planted.surgery import planted


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """`old` stands exactly once in the source of `module`, and runs as `new`."""

    name: str
    says: str
    law: str
    module: str
    old: str
    new: str
    catcher: Catcher

    def sown(self) -> AbstractContextManager[None]:
        return planted(self.module, self.old, self.new)

    def caught(self) -> int | None:
        """After how many looks the catcher found it; None: not within its bound."""
        return self.catcher.hunt(self.sown)


def unit(file: str, name: str, *args: object) -> UnitTest:
    return UnitTest(f"tests/unit/test_{file}.py", name, args)
