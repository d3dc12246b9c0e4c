"""Where `rotate.yaml` is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rotator.model.errors import ConfigError

NAME = "rotate.yaml"
VARIABLE = "ROTATOR_CONFIG"


def expanded(text: str) -> Path:
    """The path with `~` resolved. Raises `ConfigError` where it names an unknown user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(f"the home directory in {text[:80]!r} cannot be found", "Write the path in full.") from None


def find_config(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """`--config PATH`, else `ROTATOR_CONFIG`, else `./rotate.yaml` and its parents'; absolute.

    Raises `ConfigError` that lists where it looked. What is named but missing is an error: nothing else is tried.
    """
    for named, by in ((explicit, "--config"), (environ.get(VARIABLE), VARIABLE)):
        if named:
            path = cwd / expanded(named)
            try:
                path = path / NAME if path.is_dir() else path
                there = path.exists()
            except OSError as error:  # a folder on the way that may not be searched
                raise ConfigError(
                    f"{by} names {path}, which cannot be looked at: {error.strerror}",
                    "Correct the permissions of its folders, or the name.",
                ) from None
            if not there:
                raise ConfigError(f"{by} names {path}, and there is no such file", "rotate init")
            return path
    looked = [folder / NAME for folder in (cwd.absolute(), *cwd.absolute().parents)]
    for path in looked:
        with suppress(OSError):  # a folder of somebody else's above ours holds nothing for us
            if path.is_file():
                return path
    places = "\n".join(f"  {path}" for path in looked)
    raise ConfigError(
        f"there is no {NAME}. Looked for (neither --config nor {VARIABLE} is set):\n{places}", "rotate init"
    )
