"""Floor 4: a process that was frozen inside an effect wakes up in a world that has moved on, and the effect lands late.

The journal can fence neither the issuer nor, between a look and a move, a store. Whoever notices that others had turned
the rotation round meanwhile, which is that process, takes back what it did. It may not write in the log any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rotator.core.fold import rotations
from rotator.core.past import leaked
from rotator.model.errors import OutsideError
from rotator.model.rotation import Outcome, Rotation, Standing
from rotator.session import Session
from rotator.steps import Context, effect_of

_TAKES_BACK: Final[Mapping[str, str]] = {
    "disable": "the old key was disabled by a process that had been overtaken, and is enabled again",
    "promote": "a secret was moved to the new key by a process that had been overtaken, and is moved back",
}


def mend(session: Session, context: Context) -> str | None:
    """What was taken back, as a sentence for people, or why that failed; None where nothing has to be."""
    mine = next((one for one in rotations(session.events) if one.id == context.rotation.id), None)
    said, old = _TAKES_BACK.get(context.step.verb), context.rotation.old
    if said is None or old is None or mine is None or not _turned_round(mine):
        return None  # where they go forward, their own inspection finds it done
    if old.leaked or old.fingerprint.digest in leaked(session.events):
        return None  # law 10
    effect = effect_of(context.step)
    try:
        if context.step.verb == "promote" and effect.inspect(context) is Standing.ABSENT:
            return None  # it landed in time, and whoever turned round took it back already
        effect.undo(context)
    except OutsideError as error:
        return f"`{context.step}` was done by a process that had been overtaken, and is not taken back: {error.message}"
    return said


def _turned_round(rotation: Rotation) -> bool:
    return rotation.rolling_back is not None or rotation.outcome is Outcome.ABANDONED
