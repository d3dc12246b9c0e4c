"""Effect: the pending version becomes current. From here new readers get the new key; both keys work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rotator.model.canonical import Json
from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import Label
from rotator.model.measure import Cause, Verdict
from rotator.model.rotation import Standing
from rotator.steps.context import Context


class Promote:
    def inspect(self, context: Context) -> Standing:
        current = context.store.read(Label.CURRENT)
        if current is None or current.id != context.version_id(context.step.subject):
            return Standing.ABSENT
        return Standing.PARTIAL if context.store.lagging() else Standing.APPLIED

    def apply(self, context: Context) -> Mapping[str, Json]:
        secret = context.step.subject
        version_id = context.version_id(secret)
        old = context.rotation.old
        context.store.promote(version_id, old.versions[secret] if old else None)
        behind = context.store.lagging()
        if behind:
            raise Unreachable(f"{secret} is promoted; its replicas are not in sync yet: {', '.join(behind)}")
        return {"version": version_id}

    def undo(self, context: Context) -> Mapping[str, Json]:
        """Law 2: `current` is moved back only to a key that Anthropic accepts at this moment."""
        secret = context.step.subject
        if context.rotation.old is None:
            raise Refused(f"{secret} had no key before: there is nothing to go back to")
        key = context.read_key(context.old.fingerprint, Label.PREVIOUS, Label.CURRENT)
        ping = context.ports.issuer.ping(key, inference=False)
        if ping.cause is Cause.UNAUTHENTICATED:
            raise Unreachable(f"the old key {context.old.fingerprint} is refused; {secret} stays on the new one")
        if ping.verdict is not Verdict.PASSED:
            raise Unreachable(f"the old key {context.old.fingerprint} could not be tested: {ping.why}")
        version_id = context.old.versions[secret]
        context.store.restore(version_id, context.version_id(secret))
        return {"version": version_id}

    def patience(self, context: Context) -> timedelta:
        return timedelta(minutes=2)
