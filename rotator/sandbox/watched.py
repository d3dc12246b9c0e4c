"""Stands between the engine and a port, so that something may happen before and after every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

Moment: TypeAlias = Literal["before", "after"]
Hook: TypeAlias = Callable[[str, Moment], None]
"""Told of an operation, like `store.promote`, before and after it happens. What it raises, the caller gets."""


class Killed(BaseException):
    """The process is gone, as by `kill -9`: nothing may catch it, no lease is given back."""


class Watched:
    """Stands before a port and lets the hook see every call. Attributes that are no methods pass through."""

    def __init__(self, port: object, name: str, hook: Callable[[], Hook]) -> None:
        self._port, self._name, self._hook = port, name, hook

    def __getattr__(self, verb: str) -> Any:
        found = getattr(self._port, verb)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            operation = f"{self._name}.{verb}"
            self._hook()(operation, "before")
            answer = found(*args, **kwargs)
            self._hook()(operation, "after")
            return answer

        return call
