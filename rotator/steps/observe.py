"""Gate: every instance of a consumer holds the wanted key: the new one, or in a rollback the old one."""

from __future__ import annotations

from rotator.core import judge
from rotator.core.approval import answer
from rotator.model.errors import OutsideError
from rotator.model.measure import Measurement, Verdict
from rotator.steps.context import Context


class Observe:
    def measure(self, context: Context) -> Measurement:
        rotation = context.rotation
        consumer = rotation.plan.consumer(context.step.subject)
        if consumer.asks is not None:
            said = answer(rotation, consumer.name)
            return judge.answered(context.step, consumer.asks, said.by if said else None)
        try:
            instances = context.ports.watchers[consumer.name].observe()
        except OutsideError as error:
            return Measurement(gate=str(context.step), verdict=Verdict.ERRORED, why=error.message)
        if rotation.rolling_back and rotation.old is not None:
            new = (rotation.new.fingerprint,) if rotation.new else ()
            return judge.observed(context.step, instances, rotation.old.fingerprint, new, wanted_is_new=False)
        old = rotation.old.keys if rotation.old else ()
        return judge.observed(context.step, instances, context.new, old, wanted_is_new=True)
