"""Looks at the servers and the fleet all the time, past the proxies: laws 1 and 2, at every instant it can see."""

from __future__ import annotations

import threading
from typing import Final

from rotator.model.keys import KeyStatus
from rotator.sandbox.soak.ground import Ground
from rotator.sandbox.soak.places import place_of
from rotator.sandbox.soak.tally import Tally

_APART: Final = 0.3  # seconds between two looks
_FLEET: Final = 4  # every so many looks the fleet, too
_STOP: Final = 20.0  # seconds


class Watch:
    """A context manager: watches in a thread of its own, and answers questions about this moment."""

    def __init__(self, ground: Ground, tally: Tally) -> None:
        self._ground, self._tally = ground, tally
        self.place = place_of(ground.store, ground.world.environment, ground.directory)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="soak-watch", daemon=True)
        self._looks = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_STOP)
        self.place.close()

    def status(self, digest: str) -> KeyStatus | None:
        """Of the key with this digest; None where it is none of this world's."""
        key = next((key for key in list(self._ground.keys) if key.fingerprint.digest == digest), None)
        return None if key is None else self._ground.world.key_status(self._ground.world.key_id(key))

    def on_dead_keys(self) -> dict[str, str]:
        """Live instances, and what is wrong with the key that each of them holds."""
        found: dict[str, str] = {}
        for spec in self._ground.world.specs:
            for instance in self._ground.world.observe(spec.name):
                digest, status = str(instance.get("fingerprint")), None
                if instance.get("fingerprint") is None or instance.get("terminating"):
                    continue
                status = self.status(digest)
                if status is not KeyStatus.ACTIVE:
                    found[str(instance["id"])] = f"{digest} ({status.value if status else 'unknown'})"
        return found

    def _run(self) -> None:
        while not self._ending.wait(_APART):
            self._looks += 1
            try:
                self._look()
            except Exception as error:  # a watch that died unseen would find nothing, and call that a pass
                if not self._ending.is_set():
                    self._tally.find("bugs", f"the soak's watch: {type(error).__name__}")

    def _look(self) -> None:
        digest = self.place.current()
        status = self.status(digest)
        if status is not KeyStatus.ACTIVE and self.place.current() == digest:
            self._tally.find("law_violations", f"law 2: current names {digest}, which is {status}")
        if self._looks % _FLEET == 0:
            first = self.on_dead_keys()
            again = self.on_dead_keys() if first else {}
            for instance in first.keys() & again.keys():
                self._tally.find("law_violations", f"law 1: {instance} lives on the key {again[instance]}")
