"""Whether going on needs the new key's text from a person: only until the first store holds it."""

from __future__ import annotations

from rotator.model.rotation import Mark, Rotation


def needs_key(rotation: Rotation) -> bool:
    """True until one secret is known to hold the new key as a pending version."""
    return not any(step.verb == "stage" and state.mark is Mark.APPLIED for step, state in rotation.steps.items())
