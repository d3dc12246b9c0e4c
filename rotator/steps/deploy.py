"""Effect: a consumer reads its secret again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from rotator.model.canonical import Json
from rotator.model.errors import OutsideError
from rotator.model.keys import Fingerprint
from rotator.model.measure import Instance
from rotator.model.rotation import Standing
from rotator.steps.context import Context


class Deploy:
    def inspect(self, context: Context) -> Standing:
        """Told by what the instances hold. A deploy that was cut short is PARTIAL: it may be made again (README)."""
        watcher = context.ports.watchers.get(context.step.subject)
        if watcher is None:  # a person observes this consumer; deploying again is the safe side
            return Standing.PARTIAL
        try:
            instances = watcher.observe()
        except OutsideError:
            return Standing.PARTIAL
        if _all_hold(instances, (context.new,)):
            return Standing.APPLIED
        if context.rotation.old is not None and _all_hold(instances, context.old.keys):
            return Standing.ABSENT
        return Standing.PARTIAL

    def apply(self, context: Context) -> Mapping[str, Json]:
        if context.rotation.plan.right is not None and self.inspect(context) is Standing.APPLIED:
            return {"held": True}  # who reads the right place needs no deploy
        token = context.token("apply")
        context.ports.deployers[context.step.subject].deploy(token, context.rotation.plan.playbook.deploy_timeout)
        return {"token": token}

    def undo(self, context: Context) -> Mapping[str, Json]:
        """The same deploy again: by now the secret holds the old key."""
        token = context.token("undo")
        context.ports.deployers[context.step.subject].deploy(token, context.rotation.plan.playbook.deploy_timeout)
        return {"token": token}

    def patience(self, context: Context) -> timedelta:
        return context.rotation.plan.playbook.deploy_timeout + timedelta(minutes=1)


def _all_hold(instances: Sequence[Instance], keys: Sequence[Fingerprint]) -> bool:
    said = [instance.fingerprint for instance in instances]
    return bool(said) and all(one is not None and any(key.matches(one) for key in keys) for one in said)
