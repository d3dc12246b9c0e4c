"""One tree of errors. Each says what happened; `hint` is what to do next, `exit_code` what a script sees.

Where the keys stand is added by the command line, which alone knows the rotation; `code` is the name in `--json`.
"""

from __future__ import annotations

from typing import ClassVar

from rotator.model.decision import Exit


class RotatorError(Exception):
    code: ClassVar[str] = "error"
    exit_code: ClassVar[Exit] = Exit.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What to do about it: a sentence, or the command to type (begins with `rotate `)."""


class UsageError(RotatorError):
    """The command's words, or their order, are wrong."""

    code = "usage"
    exit_code = Exit.USAGE


class ConfigError(RotatorError):
    """`rotate.yaml` or a playbook cannot be used as it is."""

    code = "config"
    exit_code = Exit.USAGE


class KeyRefused(RotatorError):
    """The pasted text is surely not the key to rotate to. The message never holds more than a fingerprint."""

    code = "key_refused"
    exit_code = Exit.USAGE


class PlanChanged(RotatorError):
    """`rotate.yaml` or the playbook no longer says what the open rotation's plan says."""

    code = "plan_changed"
    exit_code = Exit.USAGE


class GateOpen(RotatorError):
    """What was asked for rests on a gate that does not hold yet."""

    code = "gate"
    exit_code = Exit.GATE_FAILED


class HeldByAnother(RotatorError):
    """Another process or another operator's rotation holds the credential."""

    code = "held"
    exit_code = Exit.HELD


class OutsideError(RotatorError):
    """A system that we do not own refused or did not answer."""

    code = "outside"
    exit_code = Exit.OUTSIDE
    transient: ClassVar[bool] = False
    """Whether the same call may succeed later without anybody changing anything."""


class Refused(OutsideError):
    """It answered, and the answer is no: a permission, a missing secret, a limit. Waiting does not help."""

    code = "refused"


class Unreachable(OutsideError):
    """It did not answer, or answered that it is busy, and bounded retries did not help."""

    code = "unreachable"
    transient = True


class StoreConflict(OutsideError):
    """The secret is not what it was: somebody else wrote it, or holds a pending version. Nothing was overwritten."""

    code = "store_conflict"


class JournalError(OutsideError):
    """The journal cannot be read or written: locked, read-only, disk full, damaged, or of a newer schema."""

    code = "journal"


class PersonNeeded(OutsideError):
    """Only a person can do this, outside the tool: a change in Anthropic's Console. The message says which."""

    code = "person_needed"
    exit_code = Exit.APPROVAL


class AmbiguousKey(RotatorError):
    """More than one of the issuer's records, or none, fits the key. `--key-id` settles it."""

    code = "ambiguous_key"
    exit_code = Exit.USAGE
