"""Laws 2 and 5 in the secret stores: nobody's doing is overwritten, and no key becomes current untested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from rotator.model.keys import Label
from rotator.model.measure import Verdict
from rotator.sandbox.sim.broken import LawBroken
from rotator.sandbox.sim.heard import Heard

if TYPE_CHECKING:
    from rotator.sandbox.sim.crossing import Operation
    from rotator.sandbox.sim.world import SimulatedWorld


class StoreLaws:
    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self._old: Mapping[str, str] = {}
        self._ours: set[str] = set()
        """Versions that the tool staged, in whatever rotation."""
        self._current: str | None = None
        """The current version's id before the operation of the moment."""

    def opened(self, old: Mapping[str, str], heard: Heard) -> None:
        """`old`: secret → its current version when the rotation was opened."""
        self._old = old
        for ref, holding in heard.holders.items():
            if holding is not None and holding.version_id not in self._ours:
                _fail(f"law 5: a rotation was opened although {holding.version_id} waits in {ref}")

    def before(self, operation: Operation) -> None:
        store, version = self._world.stores[operation.subject], str(operation.args[0])
        current, pending = store.read(Label.CURRENT), store.read(Label.PENDING)
        self._current = current.id if current is not None else None
        waits = pending is not None and pending.id == version  # else there is nothing to take away
        if operation.verb == "discard" and waits and version not in self._ours:
            _fail(f"law 5: {operation} takes away {version}, which is not ours")
        if operation.verb == "restore":
            pings, held = operation.process.heard.pings, self._held(operation.subject)
            if not any(key.fingerprint.digest == held and ping.verdict is Verdict.PASSED for key, ping in pings):
                _fail(f"law 2: {operation} without a ping of the key it held that was accepted just before")

    def _held(self, secret: str) -> str:
        """The digest of the key that it held when the rotation was opened: where secrets drifted, each its own."""
        rotation = self._world.rotation
        old = None if rotation is None else rotation.old
        return self._world.old.fingerprint.digest if old is None else old.held(secret).digest

    def after(self, operation: Operation) -> None:
        version, old = str(operation.args[0]), self._old[operation.subject]
        match operation.verb:
            case "stage":
                self._ours.add(version)
            case _ if operation.process.late or operation.process.overtaken:  # it looked before it slept
                pass
            case "promote" if self._current not in (version, old):
                _fail(f"law 5: {operation} overwrote {self._current}, which somebody else had made current")
            case "restore" if self._current != version and self._current not in self._ours:
                _fail(f"law 5: {operation} overwrote {self._current}, which somebody else had made current")


def _fail(what: str) -> NoReturn:
    raise LawBroken(what)
