"""Floor 6: parse, call, print. One small file a command group; everything heavy is imported inside the commands."""

from __future__ import annotations

_GARBAGE = 100_000
"""New objects before Python looks for cycles. A command makes many that stay, and next to no cycles: at the usual 700,
looking for them takes a tenth of its time."""


def main() -> None:
    """The `rotate` command."""
    import gc
    import io
    import sys

    from rotator.cli.undumped import keep_memory_off_disk

    gc.set_threshold(_GARBAGE)
    keep_memory_off_disk()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a sign that the terminal cannot show must not end a rotation
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if sys.argv[1:2] == ["check"]:
            from contextlib import suppress

            from rotator.cli.check_light import early

            code = None
            with suppress(Exception):  # a bug is met again below, where it is reported without a key in its text
                code = early(sys.argv[2:])
            if code is not None:
                raise SystemExit(code)
        from rotator.cli.app import run

        run()
    except KeyboardInterrupt:  # before any command began: nothing to say about keys
        raise SystemExit(130) from None
