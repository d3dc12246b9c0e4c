"""Effect: the old key stops working. It can be enabled again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rotator.model.canonical import Json
from rotator.model.errors import PersonNeeded, Refused
from rotator.model.keys import KeyStatus
from rotator.model.rotation import Mark, Standing
from rotator.steps import retire
from rotator.steps.context import Context


class Disable:
    def inspect(self, context: Context) -> Standing:
        status, state = retire.status(context), context.rotation.steps.get(context.step)
        if status is None:
            return retire.by_ping(context)
        if status is not KeyStatus.ACTIVE:
            return Standing.APPLIED
        # On the way back somebody misses the key, and the record may be behind: only Anthropic's yes to it counts.
        doubted = state is not None and state.mark is Mark.UNDOING and retire.seen_active(context) is None
        return Standing.PARTIAL if doubted else Standing.ABSENT

    def apply(self, context: Context) -> Mapping[str, Json]:
        retire.last_look(context, "the old key stays active")
        if context.record_id is not None:
            if retire.status(context) is KeyStatus.ACTIVE:
                context.still_ours()
                context.ports.issuer.set_status(context.record_id, KeyStatus.INACTIVE)
            return {"key_id": context.record_id}
        if retire.by_ping(context) is Standing.APPLIED:
            return {"by": "a person, in the Console"}
        raise PersonNeeded(
            f"disable the old key by hand: {_in_the_console(context)} Disable (not Delete: a disabled key can be "
            "enabled again). It is safe now: every gate holds",
            f"rotate finish {context.rotation.plan.credential}",
        )

    def undo(self, context: Context) -> Mapping[str, Json]:
        if context.rotation.plan.playbook.leaked:
            raise Refused("the old key leaked: it is never enabled again", "")
        command = f"rotate resume {context.rotation.plan.credential}"
        if context.record_id is not None:
            try:
                context.ports.issuer.set_status(context.record_id, KeyStatus.ACTIVE)
            except Refused as no:  # somebody made a key meanwhile, and Anthropic's limit leaves no room for this one
                why = f"ENABLE THE OLD KEY NOW, something still needs it: {no.message}"
                raise Refused(why, f"{no.hint} Then `{command}`.".lstrip()) from None
            return {"key_id": context.record_id, **_why(context)}
        if retire.by_ping(context) is Standing.ABSENT:
            return {"by": "a person, in the Console", **_why(context)}
        raise PersonNeeded(
            f"ENABLE THE OLD KEY NOW, by hand: {_in_the_console(context)} Enable. Something still needs it",
            command,
        )

    def patience(self, context: Context) -> timedelta:
        return retire.PATIENCE


def _in_the_console(context: Context) -> str:
    key = context.old.fingerprint
    return (
        f"open Anthropic's Console, Settings, API keys, find the key that begins with {key.head} and ends in "
        f"{key.tail} ({key.digest}), and choose"
    )


def _why(context: Context) -> Mapping[str, Json]:
    return {"why": context.rotation.steps[context.step].data.get("why", "")}
