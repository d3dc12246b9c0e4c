"""One key's check: read it, look at it, ask about it. Without the network this is light: no engine, no SDK, no YAML."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.adapters.sample import from_environment, from_file, from_stdin
from rotator.adapters.surroundings import custom_headers, surroundings
from rotator.core.check.diagnosis import Diagnosis, Finding, diagnose
from rotator.core.check.sample import Sample
from rotator.core.check.slips import Looked, look
from rotator.core.check.symptoms import DEFAULT_URL, Symptoms

if TYPE_CHECKING:
    from rotator.model.canonical import JsonObject
    from rotator.model.keys import KeyText
    from rotator.ports import Clock

ADMIN_VARIABLE: Final = "ANTHROPIC_ADMIN_KEY"
_SANDBOX: Final = "sk-ant-api99-"
CODES: Final = {Finding.FINE: 0, Finding.WRONG: 5, Finding.UNKNOWN: 6}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a diagnosis was made of, and the diagnosis."""

    symptoms: Symptoms
    diagnosis: Diagnosis


def read(key_file: str | None, variable: str | None) -> Sample:
    """The value from a file, from stdin (`-`), or from an environment variable."""
    if variable is not None:
        return from_environment(variable, os.environ)
    return from_stdin() if key_file == "-" else from_file(str(key_file))


def offline(sample: Sample) -> Checked:
    symptoms = Symptoms(looked=look(sample), around=surroundings(os.environ), offline=True)
    return Checked(symptoms, diagnose(symptoms))


def online(sample: Sample, clock: Clock, admin_key: Callable[[], KeyText] | None, key_id: str | None) -> Checked:
    """Two requests for a healthy key: one with it, and one for its record, where there is an Admin key."""
    from rotator.adapters.issuer.inquiry import Inquiry

    looked, around = look(sample), surroundings(os.environ)
    key = looked.cleaned.key if looked.cleaned else None
    if key is None:
        symptoms = Symptoms(looked=looked, around=around, now=clock.now())
        return Checked(symptoms, diagnose(symptoms))
    inquiry = Inquiry(
        clock,
        base_url=os.environ.get("ANTHROPIC_BASE_URL"),
        headers=custom_headers(os.environ),
        admin_key=admin_key,
        key_id=key_id,
        direct_url=None if key.reveal().startswith(_SANDBOX) else DEFAULT_URL,  # Anthropic knows no sandbox's key
    )
    trials, books = inquiry.ask(key)
    symptoms = Symptoms(looked=looked, around=around, trials=trials, books=books, now=clock.now())
    return Checked(symptoms, diagnose(symptoms))


def admin_from_environment() -> Callable[[], KeyText] | None:
    """ANTHROPIC_ADMIN_KEY, where it is set and no credential says otherwise."""
    if not os.environ.get(ADMIN_VARIABLE):
        return None
    from rotator.adapters.source import read_env
    from rotator.model.config import EnvSource

    return lambda: read_env(EnvSource(ADMIN_VARIABLE))


def report(checked: Checked) -> JsonObject:
    """The diagnosis as JSON, with the place that was read."""
    return {"checked": place(checked.symptoms.looked), **checked.diagnosis.to_json()}


def place(looked: Looked) -> str:
    return looked.sample.place
