"""Gate: the old key is silent, and its silence is proven (law 7). Where no usage can be read, the gate says so.

1. Read what both keys were used for since every consumer had moved; an adapter asks at most once a minute.
2. Where nobody may read that, the quiet window's end is all there is: unproven, for the playbook to allow.
3. Else `core/drain.py` weighs the four conditions, and `core/silence.py` says what that means.
"""

from __future__ import annotations

from rotator.core import drain, silence, windows
from rotator.core.approval import taken_on
from rotator.model.errors import Unreachable
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import StepId
from rotator.model.rotation import Rotation
from rotator.model.usage import Reading, Unread
from rotator.steps.context import Context


class Drain:
    def measure(self, context: Context) -> Measurement:
        rotation = context.rotation
        playbook = rotation.plan.playbook
        policy = playbook.drain.unproven
        try:
            reading = self._reading(context)
        except Unreachable as error:
            if playbook.leaked:
                reading = Unread("")
            else:
                return self._failing(context, error.message)
        if isinstance(reading, Unread) and windows.has_read_usage(rotation):
            return self._failing(context, reading.why)
        old = context.record_id
        if isinstance(reading, Unread) or old is None or playbook.leaked:
            why = reading.why if isinstance(reading, Unread) else ""
            window, now = windows.drain_window(rotation), context.ports.clock.now()
            accepted = taken_on(rotation, [drain.ACCESS])
            return silence.unread(context.step, now, window, policy, why, accepted, leaked=playbook.leaked)
        new = rotation.new.key_id if rotation.new else None
        weighed = drain.weigh(windows.silence(rotation), reading, old, new)
        accepted = taken_on(rotation, list(weighed.missing))
        return silence.read(context.step, weighed, reading, policy, accepted, _still_old(rotation))

    def _failing(self, context: Context, why: str) -> Measurement:
        rotation = context.rotation
        over = context.ports.clock.now() >= windows.drain_window(rotation)[1]
        policy, accepted = rotation.plan.playbook.drain.unproven, taken_on(rotation, [drain.READING])
        read_before = windows.has_read_usage(rotation)
        return silence.failing(context.step, policy, over, why, accepted, read_before=read_before)

    def _reading(self, context: Context) -> Reading:
        rotation = context.rotation
        if context.record_id is None:
            return Unread("without an Admin key no usage can be read")
        ids = [context.record_id]
        if rotation.new is not None and rotation.new.key_id is not None:
            ids.append(rotation.new.key_id)
        since = windows.silence(rotation).opened or windows.drain_window(rotation)[0]
        return context.ports.issuer.usage(ids, since.replace(second=0, microsecond=0))


def _still_old(rotation: Rotation) -> list[str]:
    """Consumers that are not required, and were not seen to have moved: their traffic is not a stranger's."""
    found = []
    for consumer in rotation.plan.consumers:
        evidence = rotation.gates.get(StepId("observe", consumer.name))
        if not consumer.required and (evidence is None or evidence.measurement.verdict is not Verdict.PASSED):
            found.append(consumer.name)
    return found
