"""Results on stdout: JSON where it was asked for, text otherwise."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

from rotator.model.canonical import Json


def show_json(value: Json) -> None:
    """One JSON document, indented, with a newline at its end. JSON is UTF-8, or else ASCII."""
    utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower() in ("utf-8", "utf8")
    show(json.dumps(value, indent=2, ensure_ascii=not utf8))


def show_either(text: str, document: Json, *, json: bool) -> None:
    """The same result, as a person or as a script wants it."""
    if json:
        show_json(document)
    else:
        show(text)


def show(text: str) -> None:
    """Text and a newline. A reader that went away (`| head`) is no error of ours."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        with suppress(OSError):  # so that the interpreter's own flush at exit has nowhere to fail
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:
        pass
