"""Errors are interface: what happened, where the keys stand, the next command. The same three in text and in JSON."""

from __future__ import annotations

from rotator.cli.results import show_json
from rotator.cli.screen import write
from rotator.core.exposure import redact
from rotator.core.status import keys_stand
from rotator.model.canonical import JsonObject
from rotator.model.errors import RotatorError
from rotator.model.rotation import Outcome, Rotation


def report(error: RotatorError, rotation: Rotation | None, *, json: bool, keys_known: bool = True) -> int:
    """Print it, and return the exit code."""
    keys = _keys(rotation) if keys_known else "No key was touched by this command."
    tell(error.code, error.message, keys, _following(error, rotation), json=json)
    return int(error.exit_code)


def as_json(error: RotatorError, rotation: Rotation | None) -> JsonObject:
    """The same four, for a document that holds more than the error."""
    return _document(error.code, error.message, _keys(rotation), _following(error, rotation))


def _following(error: RotatorError, rotation: Rotation | None) -> str:
    return error.hint or f"rotate status {rotation.plan.credential if rotation else ''}".rstrip()


def _keys(rotation: Rotation | None) -> str:
    """Of a rotation that has ended, "the new key" is the last one, and not the one that was just pasted: say so."""
    stand = keys_stand(rotation)
    if rotation is None or rotation.outcome is Outcome.OPEN:
        return stand
    return f"As rotation {rotation.id} left them: {stand[0].lower()}{stand[1:]}"


def bug(error: Exception, *, json: bool) -> int:
    """What should never happen. The traceback goes to stderr without anything that looks like a key (law 6)."""
    import traceback

    write(redact("".join(traceback.format_exception(error))).rstrip())
    message = f"this is a bug in rotate ({type(error).__name__}); the lines on stderr belong into its report"
    keys = "As the journal says: what was begun is in it, and the same command goes on from there."
    tell("bug", message, keys, "rotate status", json=json)
    return 1


def tell(code: str, message: str, keys: str, following: str, *, json: bool) -> None:
    """What happened, where the keys stand, what to do next: as one JSON document on stdout, or as lines on stderr."""
    if json:
        show_json({"error": _document(code, message, keys, following)})
        return
    write(f"error: {message}")
    write(f"  keys: {keys}")
    write(f"  next: {following}")


def _document(code: str, message: str, keys: str, following: str) -> JsonObject:
    return {"code": code, "message": message, "keys": keys, "next": following}
