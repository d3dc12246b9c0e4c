"""Gate: the new key, as every secret's current version holds it, is accepted several times in a row."""

from __future__ import annotations

from rotator.core import judge
from rotator.model.keys import KeyText, Label
from rotator.model.measure import Measurement, Ping, Verdict
from rotator.steps.context import Context


class Pings:
    def measure(self, context: Context) -> Measurement:
        key: KeyText | None = None
        for secret, store in context.ports.stores.items():
            version = store.read(Label.CURRENT)
            key = version.key if version is not None else None
            found = key.fingerprint if key is not None else None
            wrong = judge.stored(context.step, secret, found, context.new, "current")
            if wrong is not None:
                return wrong
        wanted = context.rotation.plan.playbook.pings
        pings = self._ping(context, key) if key is not None else ()
        return judge.pinged(context.step, pings, wanted.count, "the new key")

    def _ping(self, context: Context, key: KeyText) -> tuple[Ping, ...]:
        wanted = context.rotation.plan.playbook.pings
        made: list[Ping] = []
        for number in range(wanted.count):
            if number:
                context.ports.clock.sleep(wanted.interval)
            made.append(context.ports.issuer.ping(key, inference=wanted.inference))
            if made[-1].verdict is not Verdict.PASSED:
                break
        return tuple(made)
