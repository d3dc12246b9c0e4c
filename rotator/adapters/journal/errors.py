"""What a database's failure means to the operator."""

from __future__ import annotations

import sqlite3

from rotator.model.errors import JournalError

_KEYS = "The keys are as the last event says; run the command again afterwards."

_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "Another rotate, a backup or a database shell holds it. Wait for it or end it, then run the command again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "is read-only for this user",
        f"Let this user write the file and its directory (`ls -l`), or set ROTATOR_JOURNAL. {_KEYS}",
    ),
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk or the quota is full",
        f"Free some space. Nothing of the last event was written. {_KEYS}",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "The path must name a file in a directory that this user may write to.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is no SQLite database",
        "Another file stands at that path: correct `journal:` in rotate.yaml, or restore the journal from a backup.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged: SQLite cannot read it",
        "Restore the journal from a backup; do not start over with an empty one while a rotation is open.",
    ),
    sqlite3.SQLITE_TOOBIG: (
        "is damaged: it holds a value that is longer than any event",
        "Restore the journal from a backup; do not start over with an empty one while a rotation is open.",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk reports an error",
        f"Look at the disk (`df`, `dmesg`) and at file-size limits (`ulimit -f`). {_KEYS}",
    ),
}
_SQLITE[sqlite3.SQLITE_LOCKED] = _SQLITE[sqlite3.SQLITE_BUSY]
_SQLITE[sqlite3.SQLITE_PERM] = _SQLITE[sqlite3.SQLITE_READONLY]

_OTHER = (
    "cannot be used",
    "Look at the database server, at its address and at the permissions of its user.",
)
_PRIMARY = 0xFF  # the low byte of an extended result code: https://www.sqlite.org/rescode.html


def explained(where: str, cause: BaseException | None) -> JournalError:
    """The `JournalError` for what a database driver raised. `where` is the journal's path or address, no password."""
    code = getattr(cause, "sqlite_errorcode", None)
    what, hint = _SQLITE.get(code & _PRIMARY, _OTHER) if isinstance(code, int) else _OTHER
    said = str(cause).strip().splitlines()[:1]
    return JournalError(f"the journal {where} {what}" + (f" ({said[0]})" if said else ""), hint)


def damaged(where: str) -> JournalError:
    what, hint = _SQLITE[sqlite3.SQLITE_CORRUPT]
    return JournalError(f"the journal {where} {what}", hint)


def unusable_path(where: str, error: OSError | ValueError) -> JournalError:
    """The `JournalError` for a path that cannot be looked at or made."""
    why = error.strerror if isinstance(error, OSError) else str(error)
    return JournalError(
        f"the journal {where} cannot be opened: {why}",
        "The path must name a file in a directory that this user may write to: see `journal:` in rotate.yaml, "
        "or set ROTATOR_JOURNAL.",
    )


def newer_schema(where: str, found: int, known: int) -> JournalError:
    return JournalError(
        f"the journal {where} was made by a newer rotator (schema {found}; this one knows {known})",
        "Use that version of rotator, or a newer one. Nothing was changed.",
    )
