"""The `rotate` command: its groups, and the one door that every run goes through."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rotator import __version__

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
    """Refuse a key among the words of the command, then hand over to typer."""
    _refuse_typed_key(sys.argv[1:])
    from rotator.cli import commands  # every command registers itself

    commands.register(app)
    app()


def _refuse_typed_key(words: list[str]) -> None:
    """A key in argv is in the shell's history and in every process list. It is never echoed, and never used."""
    if not any(word == "--key" or word.startswith("--key=") or "sk-ant-" in word for word in words):
        return
    sys.stderr.write(
        "error: a key is never given on the command line: it would be in the shell's history and in every process "
        "list\n  keys: If it was a real one, treat it as exposed: disable it in Anthropic's Console and make "
        "another. No key was touched by this command.\n  next: rotate start CREDENTIAL, which asks for the key "
        "without showing it (or --key-file FILE, or - for stdin)\n"
    )
    raise SystemExit(2)
