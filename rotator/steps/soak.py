"""Gate: the old key is disabled, and for a while everything is watched for a sign that somebody misses it."""

from __future__ import annotations

from rotator.core import judge
from rotator.core.decide import soak_ends
from rotator.model.measure import Measurement
from rotator.model.plan import PlannedConsumer, StepId
from rotator.steps import retire
from rotator.steps.context import Context
from rotator.steps.observe import Observe
from rotator.steps.probe import Probe


class Soak:
    def measure(self, context: Context) -> Measurement:
        required = [consumer for consumer in context.rotation.plan.consumers if consumer.required]
        parts = [part for consumer in required for part in self._watch(context, consumer)]
        status = retire.status(context)
        return judge.soaked(context.step, context.ports.clock.now(), soak_ends(context.rotation), parts, status)

    def _watch(self, context: Context, consumer: PlannedConsumer) -> list[Measurement]:
        parts = [Observe().measure(_at(context, StepId("observe", consumer.name)))]
        if consumer.probes:
            parts.append(Probe().measure(_at(context, StepId("probe", consumer.name))))
        return parts


def _at(context: Context, step: StepId) -> Context:
    return Context(
        rotation=context.rotation,
        ports=context.ports,
        step=step,
        by=context.by,
        key=None,
        closed=context.closed,
    )
