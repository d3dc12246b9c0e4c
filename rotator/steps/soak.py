"""Gate: the old key is disabled, and for a while everything is watched for a sign that somebody misses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from rotator.core import judge, silence, windows
from rotator.core.plan import DISABLE, DRAIN, PINGS
from rotator.model.errors import OutsideError, RotatorError
from rotator.model.keys import KeyStatus
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import PlannedConsumer, StepId
from rotator.model.usage import Unread
from rotator.steps import retire
from rotator.steps.context import Context
from rotator.steps.observe import Observe
from rotator.steps.pings import Pings
from rotator.steps.probe import Probe


class Soak:
    def measure(self, context: Context) -> Measurement:
        """What cannot be measured hides nothing that can: each part stands for itself."""
        required = [consumer for consumer in context.rotation.plan.consumers if consumer.required]
        parts = [part for consumer in required for part in self._watch(context, consumer)]
        if parts:
            parts.append(_part(context, PINGS, Pings().once))
        parts += _usage(context)
        status = None
        try:
            status = self._status(context, parts)
        except RotatorError as error:
            parts.append(Measurement(gate=str(DISABLE), verdict=Verdict.ERRORED, why=error.message))
        now, ends = context.ports.clock.now(), windows.soak_ends(context.rotation)
        return judge.soaked(context.step, now, ends, parts, status, context.old.fingerprint)

    def _status(self, context: Context, parts: list[Measurement]) -> KeyStatus | None:
        """The old key's, by its record and by a ping: what the record says, the ping has to bear out."""
        status, seen = retire.status(context), retire.seen_active(context)
        if status not in (None, KeyStatus.ACTIVE) and seen is not None:
            parts.append(judge.still_accepted(DISABLE, status))
        return status or seen

    def _watch(self, context: Context, consumer: PlannedConsumer) -> list[Measurement]:
        parts = [_part(context, StepId("observe", consumer.name), Observe().measure)]
        if consumer.probes:
            parts.append(_part(context, StepId("probe", consumer.name), Probe().measure))
        return parts


def _usage(context: Context) -> list[Measurement]:
    """What the old key was used for until it was disabled, and after, where that could be read before. A person who
    took on that its silence is not proven did so for the soak, too: then only traffic counts."""
    rotation, evidence = context.rotation, context.rotation.gates.get(DRAIN)
    old = context.old.key_id
    if evidence is None or old is None or rotation.plan.playbook.leaked or not windows.reads_usage(rotation):
        return []
    window, end = windows.silence(rotation), rotation.steps[DISABLE].since
    believed = evidence.measurement.proof.get("silent_since")
    since = datetime.fromisoformat(believed) if isinstance(believed, str) else window.opened or end
    try:
        reading = context.ports.issuer.usage([old], since.replace(second=0, microsecond=0))
    except OutsideError as error:
        reading = Unread(error.message)
    if isinstance(reading, Unread):
        part = Measurement(gate=str(DRAIN), verdict=Verdict.ERRORED, why=reading.why)
    else:
        part = silence.to_the_end(DRAIN, window, reading, old, since, end)
    taken_on = evidence.measurement.facts.get("accepted_by") is not None
    return [] if taken_on and part.verdict is not Verdict.FAILED else [part]


def _part(context: Context, gate: StepId, measure: Callable[[Context], Measurement]) -> Measurement:
    try:
        return measure(_at(context, gate))
    except RotatorError as error:  # a variable that is not set, too: what can be watched is watched
        return Measurement(gate=str(gate), verdict=Verdict.ERRORED, why=error.message)


def _at(context: Context, step: StepId) -> Context:
    return replace(context, step=step, key=None)
