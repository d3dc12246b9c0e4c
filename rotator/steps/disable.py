"""Effect: the old key stops working. It can be enabled again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rotator.model.canonical import Json
from rotator.model.errors import PersonNeeded, Refused
from rotator.model.keys import KeyStatus
from rotator.model.rotation import Standing
from rotator.steps import retire
from rotator.steps.context import Context


class Disable:
    def inspect(self, context: Context) -> Standing:
        status = retire.status(context)
        if status is None:
            return retire.by_ping(context)
        return Standing.ABSENT if status is KeyStatus.ACTIVE else Standing.APPLIED

    def apply(self, context: Context) -> Mapping[str, Json]:
        if context.old.key_id is not None and context.ports.issuer.manages:
            if retire.status(context) is KeyStatus.ACTIVE:
                context.ports.issuer.set_status(context.old.key_id, KeyStatus.INACTIVE)
            return {"key_id": context.old.key_id}
        if retire.by_ping(context) is Standing.APPLIED:
            return {"by": "a person, in the Console"}
        raise PersonNeeded(
            f"disable the old key {context.old.fingerprint} by hand: open the Console, Settings, API keys, find the key "
            f"that begins with {context.old.fingerprint.head} and ends in {context.old.fingerprint.tail}, and choose "
            "Disable (not Delete: a disabled key can be enabled again). It is safe now: every gate holds",
            f"rotate finish {context.rotation.plan.credential}",
        )

    def undo(self, context: Context) -> Mapping[str, Json]:
        if context.rotation.plan.playbook.leaked:
            raise Refused("the old key leaked: it is never enabled again", "")
        if context.old.key_id is not None and context.ports.issuer.manages:
            context.ports.issuer.set_status(context.old.key_id, KeyStatus.ACTIVE)
            return {"key_id": context.old.key_id, **_why(context)}
        if retire.by_ping(context) is Standing.ABSENT:
            return {"by": "a person, in the Console", **_why(context)}
        raise PersonNeeded(
            f"ENABLE THE OLD KEY {context.old.fingerprint} NOW, by hand: open the Console, Settings, API keys, find the "
            f"key that begins with {context.old.fingerprint.head} and ends in {context.old.fingerprint.tail}, and choose "
            "Enable: something still needs it",
            f"rotate resume {context.rotation.plan.credential}",
        )

    def patience(self, context: Context) -> timedelta:
        return timedelta(minutes=2)


def _why(context: Context) -> Mapping[str, Json]:
    return {"why": context.rotation.steps[context.step].data.get("why", "")}
