"""Effect: the pending version becomes current. From here new readers get the new key; both keys work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from rotator.model.canonical import Json
from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import Label, Version
from rotator.model.measure import Cause, Verdict
from rotator.model.rotation import Mark, Standing
from rotator.steps.context import Context

_LOOKS: Final = 24
_APART: Final = timedelta(seconds=5)
"""Two minutes for replica regions in one attempt; the engine makes several."""


class Promote:
    def inspect(self, context: Context) -> Standing:
        current = context.store.read(Label.CURRENT)
        if current is None or current.id != context.version_id(context.step.subject):
            return self._not_ours(context, current)
        return Standing.PARTIAL if context.store.lagging() else Standing.APPLIED

    def _not_ours(self, context: Context, current: Version | None) -> Standing:
        """On the way back, a store that reads as before the promotion is not believed, for its reads may be stale:
        restoring once more changes nothing where it is so. And the new key under somebody's version is not undone."""
        state, old = context.rotation.steps.get(context.step), context.rotation.old
        if state is None or state.mark is not Mark.UNDOING or current is None or old is None:
            return Standing.ABSENT
        reads_old = current.id == old.versions[context.step.subject]
        holds_new = current.key is not None and current.key.fingerprint == context.new
        return Standing.PARTIAL if reads_old or holds_new else Standing.ABSENT

    def apply(self, context: Context) -> Mapping[str, Json]:
        secret = context.step.subject
        version_id = context.version_id(secret)
        context.store.promote(version_id, context.rotation.versions.get(secret))
        self._await_copies(context, "promoted")
        return {"version": version_id}

    def _await_copies(self, context: Context, done: str) -> None:
        """A replica region that lags gives its readers the key before: it counts only when all are in sync."""
        for _ in range(_LOOKS):
            behind = context.store.lagging()
            if not behind:
                return
            context.ports.clock.sleep(_APART)
        raise Unreachable(f"{context.step.subject} is {done}; its replicas are not in sync yet: {', '.join(behind)}")

    def undo(self, context: Context) -> Mapping[str, Json]:
        """Law 2: `current` is moved back only to a key that Anthropic accepts now; law 10: to no leaked one."""
        secret = context.step.subject
        if context.rotation.old is None:
            raise Refused(f"{secret} had no key before: there is nothing to go back to")
        if context.old.leaked or context.rotation.plan.playbook.leaked:
            raise Refused(f"the key that {secret} held before leaked: it is never restored")
        held = context.old.held(secret)
        key = context.read_key(held, Label.PREVIOUS, Label.CURRENT)
        ping = context.ports.issuer.ping(key, inference=False)
        version_id = context.old.versions[secret]
        if ping.cause is Cause.UNAUTHENTICATED:
            current = context.store.read(Label.CURRENT)
            moved = (
                "version" in context.rotation.steps[context.step].data
            )  # known to have happened; a read may be stale
            if not moved and current is not None and current.id == version_id:
                self._await_copies(context, "restored")  # by an attempt before this one, it may be
                return {"version": version_id}  # there is nothing more to restore
            raise Unreachable(
                f"the old key {held} is refused; {secret} stays on the new one",
                "If it is disabled, enable it in Anthropic's Console (Settings, API keys), then resume.",
            )
        if ping.verdict is not Verdict.PASSED:
            raise Unreachable(f"the old key {held} could not be tested: {ping.why}")
        context.store.restore(version_id, context.version_id(secret))
        self._await_copies(context, "restored")
        return {"version": version_id}

    def patience(self, context: Context) -> timedelta:
        return timedelta(minutes=2) + _LOOKS * _APART
