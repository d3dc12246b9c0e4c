"""Where the demo plays: a fresh directory, a sandbox world in it, and this process pointed at that world only."""

from __future__ import annotations

import os
import shlex
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import typer

from rotator.cli import failure
from rotator.cli.demo_scenes import Scene, world_for
from rotator.cli.results import show, show_json
from rotator.cli.screen import can_draw, write
from rotator.cli.signals import Interrupted, heard
from rotator.model.errors import UsageError
from rotator.sandbox.loopback import clean_environment
from rotator.sandbox.world import World
from rotator.sandbox.world_stores import StoreKind

_EXTRA: Final = ("moto", "flask", "flask_cors", "werkzeug")
_PRIVATE: Final = ("admin.key", "fleet.token", "new.key", "vault.secret-id")
"""Files of a world that let somebody into it. They open nothing else, and are removed when it ends."""

_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AWS, _VAULT = "AWS_ENDPOINT_URL", "VAULT_ADDR"
_NO_PROFILE: Final = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def require_sandbox() -> None:
    """Raises `UsageError` where the optional packages of the sandbox are not installed."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the sandbox needs packages that are not installed: {', '.join(missing)}",
            "pip install 'rotator[sandbox]'",
        )


def fresh_directory(prefix: str) -> Path:
    """Readable by this user only."""
    return Path(tempfile.mkdtemp(prefix=prefix))


@contextmanager
def world_in(directory: Path, store: StoreKind = "aws", scene: Scene = Scene.WHOLE) -> Iterator[World]:
    """A running world, as the scene wants it. At its end no process is left, and no key text in its directory; the rest
    stays to be read."""
    try:
        with (
            _environment(clean_environment(_NO_PROFILE)),
            world_for(scene, directory, store) as world,
            _environment(world.command_environment()),
        ):
            yield world
    finally:
        for name in _PRIVATE:
            (directory / name).unlink(missing_ok=True)


def exports(environment: Mapping[str, str]) -> Sequence[str]:
    """Lines for a shell: addresses and made-up credentials, never a key. A real profile must not get in between."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    if _VAULT in environment:
        lines.insert(0, "unset VAULT_TOKEN VAULT_NAMESPACE VAULT_CACERT")
    if _AWS in environment:
        lines.insert(0, "unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN")
    return lines


def show_environment(environment: Mapping[str, str], *, json: bool, **files: Path) -> None:
    """On stdout, for those who point themselves at a sandbox: lines for a shell, or one JSON document."""
    if json:
        show_json({"environment": dict(environment), **{name: str(path) for name, path in files.items()}})
    else:
        show("\n".join(exports(environment)))


def stay_up() -> None:
    """Until Ctrl-C or SIGTERM, which is how it is meant to end: no error. Inside `until_interrupted`."""
    with suppress(Interrupted):
        threading.Event().wait()


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """This process's own environment, for the adapters that read it: nothing in it points to the real world."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass
class Ending:
    """How an interrupted block says so: as the one JSON document that stdout gets, or, as most do, in a line."""

    json: bool


@contextmanager
def until_interrupted(said: str, *, json: bool = False) -> Iterator[Ending]:
    """Ctrl-C, SIGTERM or a closed terminal ends the block in order; then one line, and the signal's own exit code."""
    ending = Ending(json)

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        # A person who is impatient presses Ctrl-C again; that must not cut the tidying up short.
        for each in _ENDS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    with heard(dict.fromkeys(_ENDS, interrupt)):
        try:
            yield ending
        except Interrupted as stop:
            if ending.json:
                keys = "None but the sandbox's own, which has ended."
                failure.tell("interrupted", said, keys, "rotate demo", json=True)
            else:
                write(f"\n{said}" if can_draw() else said)  # on a terminal it would stand behind the ^C
            raise typer.Exit(128 + stop.number) from None
