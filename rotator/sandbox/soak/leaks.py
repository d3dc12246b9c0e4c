"""Law 6, from outside: no key's text in any file that the tool wrote, nor in a command's words or environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rotator.model.keys import KeyText
from rotator.sandbox.soak.ground import ADMIN_KEY


def leaks(directory: Path, keys: Sequence[KeyText]) -> Iterator[str]:
    """Every file under the directory but the one that holds the Admin key; the key is named by its fingerprint."""
    texts = [(key.reveal().encode(), key.fingerprint.digest) for key in keys]
    for path in sorted(directory.rglob("*")):
        if not path.is_file() or path.name == ADMIN_KEY:
            continue
        content = path.read_bytes()
        for text, digest in texts:
            if text in content:
                yield f"law 6: {path.relative_to(directory)} holds the text of key {digest}"


def exposed(pid: int, keys: Sequence[KeyText]) -> Iterator[str]:
    """In /proc, where there is one: the process's argv and environment."""
    for name in ("cmdline", "environ"):
        try:
            content = Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:
            continue
        for key in keys:
            if key.reveal().encode() in content:
                yield f"law 6: a command's {name} holds the text of key {key.fingerprint.digest}"
