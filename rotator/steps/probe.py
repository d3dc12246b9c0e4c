"""Gate: live traffic through a consumer is answered."""

from __future__ import annotations

from rotator.core import judge
from rotator.model.measure import Measurement
from rotator.steps.context import Context


class Probe:
    def measure(self, context: Context) -> Measurement:
        ping = context.ports.probes[context.step.subject].measure()
        return judge.pinged(context.step, (ping,), 1, f"a request through {context.step.subject}")
