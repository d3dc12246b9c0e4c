"""Gate: the new key, as every secret's current version holds it, is accepted several times in a row."""

from __future__ import annotations

from rotator.core import judge
from rotator.model.keys import KeyText, Label
from rotator.model.measure import Measurement, Ping, Verdict
from rotator.steps.context import Context


class Pings:
    def measure(self, context: Context) -> Measurement:
        wanted = context.rotation.plan.playbook.pings
        return self._measure(context, wanted.count, inference=wanted.inference)

    def once(self, context: Context) -> Measurement:
        """One ping that costs nothing: what a soak of a day can afford at every look."""
        return self._measure(context, 1, inference=False)

    def _measure(self, context: Context, count: int, *, inference: bool) -> Measurement:
        wrong, key = self._stored(context)
        if wrong is not None:
            return wrong
        pings = self._ping(context, key, count, inference) if key is not None else ()
        # Pings take time, and the gate speaks of the moment when they are done: is it still the key that all name?
        wrong, _ = self._stored(context)
        return wrong or judge.pinged(context.step, pings, count, "the new key")

    def _stored(self, context: Context) -> tuple[Measurement | None, KeyText | None]:
        """What is wrong with a secret's current version, if anything; and the key that they hold."""
        key: KeyText | None = None
        for secret in context.rotation.plan.places:
            version = context.ports.stores[secret].read(Label.CURRENT)
            key = version.key if version is not None else None
            found = key.fingerprint if key is not None else None
            wrong = judge.stored(context.step, secret, found, context.new, "current")
            if wrong is not None:
                return wrong, None
        return None, key

    def _ping(self, context: Context, key: KeyText, count: int, inference: bool) -> tuple[Ping, ...]:
        made: list[Ping] = []
        for number in range(count):
            if number:
                context.ports.clock.sleep(context.rotation.plan.playbook.pings.interval)
            made.append(context.ports.issuer.ping(key, inference=inference))
            if made[-1].verdict is not Verdict.PASSED:
                break
        return tuple(made)
