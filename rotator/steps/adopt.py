"""Gate: is the pasted key one that may replace the old one?"""

from __future__ import annotations

from rotator.core import judge
from rotator.model.errors import AmbiguousKey, OutsideError, UsageError
from rotator.model.keys import Fingerprint, KeyRecord, Label
from rotator.model.measure import Measurement, Ping
from rotator.steps.context import Context


class Adopt:
    def measure(self, context: Context) -> Measurement:
        if context.key is None:
            name = context.rotation.plan.credential
            raise UsageError("the new key is not in any secret store yet: paste it again", f"rotate start {name}")
        issuer, rotation = context.ports.issuer, context.rotation
        ping = issuer.ping(context.key, inference=rotation.plan.playbook.pings.inference)
        return judge.adopted(
            context.step,
            context.key.fingerprint,
            rotation.old.fingerprint if rotation.old else None,
            ping,
            self._old_ping(context),
            _record(context, context.key.fingerprint),
            issuer.record(rotation.old.key_id) if rotation.old and rotation.old.key_id else None,
        )

    def _old_ping(self, context: Context) -> Ping | None:
        """The old key's organisation and workspace are known only from an answer to it."""
        if context.rotation.old is None:
            return None
        try:
            old = context.read_key(context.rotation.old.fingerprint, Label.CURRENT, Label.PREVIOUS)
        except OutsideError:
            return None
        return context.ports.issuer.ping(old, inference=False)


def _record(context: Context, key: Fingerprint) -> KeyRecord | None:
    """The new key's record, for the report; two records with its hint are no reason to refuse a key that works."""
    try:
        return context.ports.issuer.find(key)
    except AmbiguousKey:
        return None
