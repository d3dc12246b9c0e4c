"""Effect: write the new key beside the current one, as a pending version that no consumer reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rotator.model.canonical import Json
from rotator.model.errors import OutsideError, UsageError
from rotator.model.keys import Claim, KeyText, Label
from rotator.model.rotation import Mark, Standing
from rotator.steps.context import Context


class Stage:
    def inspect(self, context: Context) -> Standing:
        holding = context.store.holder()
        if holding is not None and holding.version_id == context.version_id(context.step.subject):
            return Standing.APPLIED
        current = context.store.read(Label.CURRENT)  # a secret's first version is current as soon as it is staged
        if current is not None and current.id == context.version_id(context.step.subject):
            return Standing.APPLIED
        # On the way back a store that shows nothing is not believed, for its reads may be stale: to discard what is
        # not there changes nothing.
        state = context.rotation.steps.get(context.step)
        return Standing.PARTIAL if state is not None and state.mark is Mark.UNDOING else Standing.ABSENT

    def apply(self, context: Context) -> Mapping[str, Json]:
        self._clear_what_we_left(context)
        version_id = context.version_id(context.step.subject)
        claim = Claim(rotation=context.rotation.id, by=context.by, at=context.ports.clock.now())
        context.store.stage(version_id, self._key(context), claim)
        return {"version": version_id}

    def undo(self, context: Context) -> Mapping[str, Json]:
        version_id = context.version_id(context.step.subject)
        context.store.discard(version_id)
        return {"version": version_id}

    def patience(self, context: Context) -> timedelta:
        return timedelta(minutes=2)

    def _key(self, context: Context) -> KeyText:
        given, right = context.given, context.rotation.plan.right
        if given is not None and given.fingerprint == context.new:
            return given
        try:
            return context.read_key(context.new, Label.PENDING)
        except OutsideError:
            name = context.rotation.plan.credential
            if right is not None:
                raise UsageError(f"{right} no longer holds the key {context.new}", f"rotate rollback {name}") from None
            raise UsageError(
                f"the adopted key {context.new} is not in any secret store yet: paste it once more",
                f"rotate start {name}",
            ) from None

    def _clear_what_we_left(self, context: Context) -> None:
        """A pending version of a rotation that has ended (it was abandoned) is nobody's any more."""
        holding = context.store.holder()
        if holding is not None and holding.claim is not None and holding.claim.rotation in context.closed:
            context.store.discard(holding.version_id)
            context.still_ours()  # whoever froze there, and was overtaken, would stage for a rotation that has ended
