"""The `rotate` command: its groups, and the one door that every run goes through."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Final

import typer

from rotator import __version__
from rotator.core.exposure import redact

app = typer.Typer(
    name="rotate",
    help="Replace an Anthropic API key in production without one failed request.",
    epilog="Exit codes: 0 done, 2 usage, 3 waiting for time, 4 waiting for a person, 5 a gate failed, 6 inconclusive, "
    "7 held by another, 8 rolled back, 9 revocation owed, 10 an outside system refused.",
    no_args_is_help=True,
    rich_markup_mode=None,  # help in plain text starts twice as fast
    pretty_exceptions_enable=False,  # a traceback's local variables could hold a key (law 6)
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Replace an Anthropic API key in production without one failed request."""


def run() -> None:
    """Refuse a key among the words of the command, then hand over to typer; whatever comes back, say it plainly."""
    _open_missing()
    words = sys.argv[1:]
    _refuse_typed_key(words)
    _refuse_broken_text(words)
    from rotator.cli import commands  # every command registers itself

    if not app.registered_commands:
        commands.register(app)
    try:
        code = app(prog_name="rotate", standalone_mode=False)  # so called by `python -m rotator`, too
    except Exception as error:  # whatever it is, it is told, and without a key in it
        # `format_message` is what every refusal of typer's (and of click's, under older ones) has.
        code = _misread(error, words) if hasattr(error, "format_message") else _bug(error, "--json" in words)
    raise SystemExit(code if isinstance(code, int) else 0)


def _open_missing() -> None:
    """Give a descriptor that the caller closed (`<&-`) to /dev/null: the journal must not become our stderr."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - stays open


def _misread(error: Any, words: list[str]) -> int:
    """A command that typer could not read: an unknown one, a missing name."""
    from rotator.cli import failure

    if type(error).__name__ == "NoArgsIsHelpError":  # `rotate` alone: its message is the help
        error.show()
        return 2
    path = getattr(getattr(error, "ctx", None), "command_path", None) or "rotate"
    message = redact(str(error.format_message()))
    failure.tell("usage", message, _UNTOUCHED, f"{path} --help", json="--json" in words)
    return 2


def _bug(error: Exception, json: bool) -> int:
    from rotator.cli import failure

    return failure.bug(error, json=json)


def _refuse_broken_text(words: list[str]) -> None:
    """Names and reasons go into the journal, which is UTF-8. Python reads a byte that is not as half a character."""
    if not any("\ud800" <= char <= "\udfff" for word in words for char in word):
        return
    from rotator.cli import failure

    failure.tell("usage", "a word of the command is no UTF-8 text", _UNTOUCHED, "rotate --help", json="--json" in words)
    raise SystemExit(2)


_UNTOUCHED: Final = "No key was touched by this command."


def _refuse_typed_key(words: list[str]) -> None:
    """A key in argv is in the shell's history and in every process list. It is never echoed, and never used."""
    if not any(word == "--key" or word.startswith("--key=") or "sk-ant-" in word for word in words):
        return
    from rotator.cli import failure

    failure.tell(
        "key_typed",
        "a key is never given on the command line: it would be in the shell's history and in every process list",
        f"If it was a real one, treat it as exposed: disable it in Anthropic's Console and make another. {_UNTOUCHED}",
        "rotate start CREDENTIAL, which asks for the key without showing it (or --key-file FILE, or - for stdin)",
        json="--json" in words,
    )
    raise SystemExit(2)
