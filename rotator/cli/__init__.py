"""Floor 6: parse, call, print. One small file a command group; everything heavy is imported inside the commands."""

from __future__ import annotations


def main() -> None:
    """The `rotate` command."""
    try:
        from rotator.cli.app import run

        run()
    except KeyboardInterrupt:  # before any command began: nothing to say about keys
        raise SystemExit(130) from None
