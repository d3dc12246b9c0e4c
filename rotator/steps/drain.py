"""Gate: the quiet window after the last deploy (law 7). Without usage by key its end proves nothing, and it says so."""

from __future__ import annotations

from rotator.core import judge
from rotator.core.windows import drain_window
from rotator.model.measure import Measurement
from rotator.steps.context import Context


class Drain:
    def measure(self, context: Context) -> Measurement:
        opens, closes = drain_window(context.rotation)
        unproven = context.rotation.plan.playbook.drain.unproven
        return judge.drained(context.step, context.ports.clock.now(), opens, closes, unproven)
