"""Every call that crosses a port is an operation: counted, disturbed by faults, and looked at by the laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from rotator.sandbox.sim.heard import Heard
from rotator.sandbox.watched import Killed


@dataclass(slots=True)
class SimulatedProcess:
    """One process of the tool. `late`: it slept through somebody else's taking over, inside the present operation."""

    name: str
    known_dead: set[str]
    gone: bool = False
    late: bool = False
    overtaken: bool = False
    """It has made an effect while it was late."""
    deep: int = 0
    """How many other processes are stopped while this one runs."""
    heard: Heard = field(default_factory=Heard)

    @property
    def me(self) -> str:
        return self.name

    def is_gone(self, holder: str) -> bool:
        return holder in self.known_dead


@dataclass(slots=True)
class Operation:
    """`port` is a kind of port (`store`); `subject` which one of them; `process` who calls.

    Nobody changes one. It is not frozen, for there are hundreds in a seed and that would take three times as long.
    """

    process: SimulatedProcess
    port: str
    subject: str
    verb: str
    args: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"{self.port}.{self.verb}"

    def __str__(self) -> str:
        where = f" {self.subject}" if self.subject else ""
        words = "".join(f" {argument.value}" for argument in self.args if hasattr(argument, "value"))
        return f"{self.process.name}: {self.name}{where}{words}"


class Ground(Protocol):
    """What operations happen on: the world."""

    def cross(self, operation: Operation, real: Callable[..., Any], words: dict[str, Any]) -> Any:
        """Make the call, with whatever happens before it, after it, and in its place."""
        ...


class Crossing:
    """Stands before one port, for one process."""

    def __init__(self, ground: Ground, process: SimulatedProcess, port: str, subject: str, real: object) -> None:
        self._ground, self._process, self._port, self._subject, self._real = ground, process, port, subject, real

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self._real, verb)
        if not callable(real):
            return real
        # A look at the clock is no operation: nothing can happen at it.
        made = real if verb == "now" else self._call(verb, real)
        self.__dict__[verb] = made  # the next look-up finds it without coming here
        return made

    def _call(self, verb: str, real: Callable[..., Any]) -> Callable[..., Any]:
        cross, process, port, subject = self._ground.cross, self._process, self._port, self._subject

        def call(*args: Any, **words: Any) -> Any:
            if process.gone:
                raise Killed(f"{process.name} is gone")
            return cross(Operation(process, port, subject, verb, args), real, words)

        return call
