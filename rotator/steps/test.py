"""Gate: the pending version, read back from its store, is the new key, and Anthropic accepts it."""

from __future__ import annotations

from rotator.core import judge
from rotator.model.keys import Label
from rotator.model.measure import Measurement
from rotator.steps.context import Context


class Test:
    def measure(self, context: Context) -> Measurement:
        version = context.store.read(Label.PENDING)
        key = version.key if version is not None else None
        found = key.fingerprint if key is not None else None
        wrong = judge.stored(context.step, context.step.subject, found, context.new, "pending")
        if wrong is not None or key is None:
            return wrong or judge.pinged(context.step, (), 1, "the new key")
        ping = context.ports.issuer.ping(key, inference=context.rotation.plan.playbook.pings.inference)
        return judge.pinged(context.step, (ping,), 1, f"the new key, as {context.step.subject} holds it,")
