"""Gate: is the pasted key one that may replace the old one?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from rotator.core import drain, judge, parity, silence
from rotator.core.windows import retires_after
from rotator.model.errors import AmbiguousKey, OutsideError, UsageError
from rotator.model.keys import Fingerprint, KeyRecord, KeyText, Label
from rotator.model.measure import Cause, Measurement, Ping, Verdict
from rotator.model.usage import Unread, Usage
from rotator.steps.context import Context

_LOOKS_BACK: Final = timedelta(hours=24)
"""Which models the old key is really used with: those of the last day."""

_MODELS: Final = 5
"""So many of them are tried with the new key, a token each (law 8)."""


class Adopt:
    def measure(self, context: Context) -> Measurement:
        issuer, rotation = context.ports.issuer, context.rotation
        key = context.given or _adopted(context)
        if key is None:
            raise UsageError(*_missing(context))
        ping = issuer.ping(key, inference=rotation.plan.playbook.pings.inference)
        old_ping = self._old_ping(context)
        record = _record(context, key.fingerprint)
        old_record = issuer.record(context.record_id) if context.record_id else None
        usage = self._usage(context, record) if ping.verdict is Verdict.PASSED else None
        used = drain.traffic(usage.minutes.get(context.record_id or "", ())) if usage is not None else None
        compared = parity.compare(
            context.ports.clock.now(),
            ping,
            old_ping,
            record,
            old_record,
            self._tried(context, used.models if used is not None else ()),
            retires_after(rotation.plan),
        )
        return judge.adopted(
            context.step,
            key.fingerprint,
            rotation.old.fingerprint if rotation.old else None,
            ping,
            old_ping,
            record,
            old_record,
            compared,
            None if usage is None else {"unit": usage.source.unit, "traffic": silence.exact(used)},
            leaked_in=context.leaked.get(key.fingerprint.digest),
            chosen=rotation.plan.right is not None,
        )

    def _old_ping(self, context: Context) -> Ping | None:
        """The old key's organisation and workspace are known only from an answer to it. Of several, a dead one's."""
        pings: list[Ping] = []
        for replaced in context.rotation.old.keys if context.rotation.old else ():
            try:
                old = context.read_key(replaced, Label.CURRENT, Label.PREVIOUS)
            except OutsideError:
                continue
            pings.append(context.ports.issuer.ping(old, inference=False))
        refused = (ping for ping in pings if ping.cause is Cause.UNAUTHENTICATED)
        return next(refused, pings[0] if pings else None)

    def _usage(self, context: Context, record: KeyRecord | None) -> Usage | None:
        """What the old key was used for lately; None where that cannot be read."""
        issuer, old_id = context.ports.issuer, context.record_id
        if old_id is None:
            return None
        ids = [old_id, *([record.id] if record is not None else [])]
        since = context.ports.clock.now() - _LOOKS_BACK
        try:
            reading = issuer.usage(ids, since.replace(second=0, microsecond=0))
        except OutsideError:
            return None
        return None if isinstance(reading, Unread) else reading

    def _tried(self, context: Context, models: Sequence[str]) -> list[Ping]:
        """The new key's pings of these models."""
        if context.key is None or not context.rotation.plan.playbook.pings.inference:
            return []
        ping = context.ports.issuer.ping
        tried = [ping(context.key, inference=True, model=model) for model in models[:_MODELS]]
        return tried + [_untried(model) for model in models[_MODELS:]]


def _untried(model: str) -> Ping:
    return Ping(verdict=Verdict.INCONCLUSIVE, cause=Cause.WEATHER, why="not tried", model=model)


def _missing(context: Context) -> tuple[str, str]:
    name, right = context.rotation.plan.credential, context.rotation.plan.right
    if right is not None:
        return f"{right} holds no key any more", f"rotate rollback {name}"
    return "the new key is not in any secret store yet: paste it again", f"rotate start {name}"


def _adopted(context: Context) -> KeyText | None:
    """The key that was adopted before, where a store holds it: a way back that was given up clears its evidence."""
    if context.rotation.new is None:
        return None
    try:
        return context.read_key(context.new, Label.PENDING, Label.CURRENT)
    except OutsideError:
        return None


def _record(context: Context, key: Fingerprint) -> KeyRecord | None:
    """The new key's record, for the report; two records with its hint are no reason to refuse a key that works."""
    try:
        return context.ports.issuer.find(key)
    except AmbiguousKey:
        return None
