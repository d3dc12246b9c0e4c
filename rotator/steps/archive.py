"""Effect: the old key is gone for ever. The last step that takes away, and alone irreversible (law 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rotator.core.approval import approved
from rotator.model.canonical import Json
from rotator.model.errors import Refused
from rotator.model.keys import KeyStatus
from rotator.model.rotation import Standing
from rotator.steps import retire
from rotator.steps.context import Context


class Archive:
    def inspect(self, context: Context) -> Standing:
        status = retire.status(context)
        if status is None:  # nobody may read it: the approval is the word of the person who did it
            return Standing.PARTIAL
        return Standing.APPLIED if status is KeyStatus.ARCHIVED else Standing.ABSENT

    def apply(self, context: Context) -> Mapping[str, Json]:
        """Nothing undoes it: whoever enabled the old key again since the last look, or points to it, needs it."""
        retire.last_look(context, "the old key is not archived")
        if context.record_id is not None:
            if KeyStatus.ACTIVE in (retire.status(context), retire.seen_active(context)):
                raise Refused(
                    "the old key is not archived: somebody enabled it again",
                    "find out who needs it; the next command takes note of it",
                )
            context.still_ours()
            context.ports.issuer.set_status(context.record_id, KeyStatus.ARCHIVED)
            return {"key_id": context.record_id}
        said = approved(context.rotation, context.step)
        return {"attested_by": said.by if said else None}

    def undo(self, context: Context) -> Mapping[str, Json]:
        raise Refused("an archived key cannot be brought back: from here it goes forward only")

    def patience(self, context: Context) -> timedelta:
        return retire.PATIENCE
