"""Errors are interface: what happened, where the keys stand, the next command. The same three in text and in JSON."""

from __future__ import annotations

from rotator.cli.results import show_json
from rotator.cli.screen import write
from rotator.core.status import keys_stand
from rotator.model.errors import RotatorError
from rotator.model.rotation import Rotation


def report(error: RotatorError, rotation: Rotation | None, *, json: bool, keys_known: bool = True) -> int:
    """Print it, and return the exit code."""
    keys = keys_stand(rotation) if keys_known else "No key was touched by this command."
    if json:
        show_json({"error": {"code": error.code, "message": error.message, "keys": keys, "next": error.hint}})
    else:
        write(f"error: {error.message}")
        write(f"  keys: {keys}")
        if error.hint:
            write(f"  next: {error.hint}")
    return int(error.exit_code)
