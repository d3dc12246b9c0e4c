"""Questions to the person at the terminal. With nobody there, nothing is asked and nothing is assumed."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import termios
import threading
from pathlib import Path

from rotator.cli.screen import write
from rotator.core import hygiene
from rotator.core.approval import CONSUMER, UNPROVEN
from rotator.engine import Yes
from rotator.model.decision import Ask
from rotator.model.errors import KeyRefused, UsageError
from rotator.model.keys import KeyText
from rotator.orders import approve
from rotator.session import Session

_MOST_BYTES = 65_536
"""No key file is longer; what is longer is some other file."""

_HANG_UP = 2.0
"""Seconds in which SIGHUP follows the end of a terminal, unless it is ignored (`nohup`)."""


def me() -> str:
    """The person at the keyboard, as far as the machine knows: user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def interactive() -> bool:
    """Whether a person can be asked: both ends of the conversation are terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def answer(session: Session, ask: Ask) -> bool:
    """Put the question, journal the answer. False: nobody answered, or the answer was no."""
    if not interactive():
        return False
    write(f"\n{ask.why}")
    if ask.what.startswith(CONSUMER):
        agreed = _yes("Is that so? [y/N] ")
    elif ask.what == UNPROVEN:
        agreed = _yes("Do you take that on, under your name? [y/N] ")
    elif ask.what in ("disable", "archive"):
        agreed = _last_four(session)
    else:
        return False
    if agreed:
        approve(session, ask.what, Yes(by=me(), reason="answered at the terminal"))
    return agreed


def _last_four(session: Session) -> bool:
    old = session.open.old
    if old is None:
        return False
    tail = old.fingerprint.tail or old.fingerprint.digest[-4:]
    said = _line(f"Type the last four characters of the OLD key ({old.fingerprint.head}...????) to say yes: ")
    if said != tail:
        write("That is not it; nothing was done.")
    return said == tail


def _yes(question: str) -> bool:
    return _line(question).lower() in ("y", "yes")


def _line(question: str) -> str:
    try:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip()
    except (OSError, ValueError):
        return ""


def confirm(question: str) -> bool:
    """A yes at the terminal; False where nobody is there."""
    return interactive() and _yes(f"{question} [y/N] ")


def new_key(name: str, key_file: str | None) -> KeyText:
    """The new key from a hidden prompt, a file or stdin: repaired where that is safe, refused where it is wrong."""
    cleaned = hygiene.inspect(_read(name, key_file))
    for note in cleaned.repairs:
        write(f"note: {note}")
    for note in cleaned.warnings:
        write(f"warning: {note}")
    if cleaned.key is None:
        raise KeyRefused(cleaned.refusal or "that is no key", f"rotate start {name}")
    return cleaned.key


def _read(name: str, key_file: str | None) -> str:
    if key_file == "-":
        # Bytes, so that what is no text is refused as no key; the line's own end is no slip worth a note.
        return sys.stdin.buffer.read(_MOST_BYTES + 1).decode("utf-8", "replace").rstrip("\r\n")
    if key_file is not None:
        return _file(name, key_file)
    if not interactive():
        raise UsageError("there is no terminal to ask for the new key", f"rotate start {name} --key-file FILE (or -)")
    try:
        return getpass.getpass("The new key, from Anthropic's Console (not shown): ")
    except (EOFError, OSError, termios.error) as ended:
        stop = _behind(ended)
        if stop is not None:
            raise stop from None
        if not interactive():  # the reader hears of it first; the signal interrupts this
            threading.Event().wait(_HANG_UP)
        return ""  # Ctrl-D: hygiene says that nothing was pasted


def _behind(error: BaseException | None) -> BaseException | None:
    """The interruption that `getpass` lost: where the terminal is closed, giving it back its echo fails as well."""
    while isinstance(error, Exception):
        error = error.__context__
    return error


def _file(name: str, key_file: str) -> str:
    try:
        with Path(key_file).open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_BYTES + 1).rstrip("\r\n")
    except OSError as error:
        raise UsageError(
            f"the key file {key_file} cannot be read: {error.strerror}", f"rotate start {name} --key-file FILE"
        ) from None
