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
    tell(error.code, error.message, keys, error.hint, json=json)
    return int(error.exit_code)


def tell(code: str, message: str, keys: str, following: str, *, json: bool) -> None:
    """What happened, where the keys stand, what to do next: as one JSON document on stdout, or as lines on stderr."""
    if json:
        show_json({"error": {"code": code, "message": message, "keys": keys, "next": following}})
        return
    write(f"error: {message}")
    write(f"  keys: {keys}")
    if following:
        write(f"  next: {following}")
