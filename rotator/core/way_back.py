"""Whether a rotation can still be rolled back. Pure."""

from __future__ import annotations

from rotator.core.draft import Draft
from rotator.core.plan import ADOPT, ARCHIVE
from rotator.model.rotation import Mark, Rotation


def no_way_back(rotation: Rotation | Draft) -> str | None:
    """Why the rotation cannot be rolled back; None where it can. One that was ordered too late turns nothing round."""
    archive = rotation.steps.get(ARCHIVE)
    if archive is not None and archive.mark is Mark.APPLIED:
        return "the old key is archived: from here it goes forward only"
    touched = any(step.verb in ("promote", "disable") for step in rotation.steps)
    known_leak = rotation.old is not None and rotation.old.leaked
    if (rotation.plan.playbook.leaked or known_leak) and touched:
        return "the old key leaked: it is never restored or enabled again"
    if rotation.plan.first and touched:
        return f"{rotation.plan.credential} had no key before: there is nothing to roll back to"
    if rotation.plan.right is not None and _left_a_dead_key(rotation):
        return "Anthropic refuses a key that these places held before: there is nothing to go back to"
    return None


def _left_a_dead_key(rotation: Rotation | Draft) -> bool:
    """Law 2 forbids to restore it; where a place was given another already, the way back would end there."""
    adopted = rotation.gates.get(ADOPT)
    dead = adopted is not None and adopted.measurement.facts.get("old_key_works") is False
    moved = any(step.verb == "promote" and state.mark is Mark.APPLIED for step, state in rotation.steps.items())
    return dead and moved
