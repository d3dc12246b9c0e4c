"""Faults on demand for the sandbox Anthropic: what a request meets instead of, or on top of, its ordinary answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """With neither `status` nor `drop` the ordinary answer is given, late (`delay`) or cut off (`truncate`).

    `carried_out`: the request takes effect before the fault shows, as when an answer is lost on its way back.
    """

    status: int | None = None
    type: str = "api_error"
    message: str = "a fault of the sandbox"
    error_code: str | None = None
    body: bytes | None = None
    """Sent as it is instead of an error body: a proxy's HTML page, for example."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: timedelta = timedelta()
    drop: bool = False
    """Close the connection without an answer."""
    truncate: bool = False
    """Send half of the body, then close the connection."""
    carried_out: bool = False


Faults = Callable[[str, str, str | None], Fault | None]
"""(method, path, key id or None) → the fault that this request meets, or None."""


def no_faults(method: str, path: str, key_id: str | None) -> Fault | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """A fault for the requests that match; None matches all. `times`: for so many of them; None: for ever."""

    fault: Fault
    method: str | None = None
    path: str | None = None
    """The beginning of the path."""
    key_id: str | None = None
    times: int | None = None

    def matches(self, method: str, path: str, key_id: str | None) -> bool:
        return (
            self.times != 0
            and self.method in (None, method)
            and (self.path is None or path.startswith(self.path))
            and self.key_id in (None, key_id)
        )


class FaultRules:
    """A `Faults` whose rules can be replaced while the server runs. The first rule that matches counts."""

    def __init__(self, *rules: FaultRule) -> None:
        self._lock = threading.Lock()
        self._rules = list(rules)

    def replace(self, rules: Iterable[FaultRule]) -> None:
        with self._lock:
            self._rules = list(rules)

    def __call__(self, method: str, path: str, key_id: str | None) -> Fault | None:
        with self._lock:
            for place, rule in enumerate(self._rules):
                if rule.matches(method, path, key_id):
                    if rule.times is not None:
                        self._rules[place] = replace(rule, times=rule.times - 1)
                    return rule.fault
            return None
