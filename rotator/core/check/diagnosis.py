"""Why is this key refused? A ranked list of causes, each with the evidence for and against it, and its fix. Pure.

Without a network there is the value (`suspects_text`) and what surrounds it (`suspects_around`); what Anthropic
answered (`suspects_answers`) and has in its books (`suspects_books`) is loaded only where something was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from rotator.core.check.sample import upper
from rotator.core.check.suspects import NOT_THE_KEY, Certainty, Culprit, Suspect
from rotator.core.check.suspects_around import notes, suspects_around
from rotator.core.check.suspects_text import suspects_in_text
from rotator.core.check.symptoms import Symptoms
from rotator.core.exposure import modest, told

if TYPE_CHECKING:
    from rotator.model.canonical import JsonObject
    from rotator.model.keys import Fingerprint

_RANK = {culprit: place for place, culprit in enumerate(Culprit)}
_WEATHER = frozenset({Culprit.RATE_LIMITED, Culprit.OVERLOADED, Culprit.UNREACHABLE, Culprit.ODD_ANSWER})


class Finding(Enum):
    """The three answers of a check, and its exit codes: 0, 5, 6."""

    FINE = "fine"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`suspects`: most certain first. `tested`: Anthropic was asked with this key.

    `fingerprint`: without head and tail where the value does not begin as a key of Anthropic's; it may be anything.
    """

    finding: Finding
    summary: str
    fingerprint: Fingerprint | None
    suspects: tuple[Suspect, ...]
    notes: tuple[str, ...]
    tested: bool

    @property
    def first(self) -> Suspect | None:
        return self.suspects[0] if self.suspects else None

    @property
    def shown(self) -> str | None:
        """The fingerprint, for a person."""
        return told(self.fingerprint) if self.fingerprint else None

    def to_json(self) -> JsonObject:
        return {
            "finding": self.finding.value,
            "summary": self.summary,
            "fingerprint": self.shown,
            "length": self.fingerprint.length if self.fingerprint else None,
            "tested": self.tested,
            "causes": [suspect.to_json() for suspect in self.suspects],
            "notes": list(self.notes),
        }


def diagnose(symptoms: Symptoms) -> Diagnosis:
    """Never raises, whatever the combination of symptoms."""
    suspects, said = [*suspects_around(symptoms), *suspects_in_text(symptoms)], [*notes(symptoms)]
    if symptoms.trials:
        from rotator.core.check.suspects_answers import suspects_in_answers

        suspects += suspects_in_answers(symptoms)
    if symptoms.books is not None:
        from rotator.core.check.suspects_books import worth_knowing

        said += worth_knowing(symptoms.books, symptoms.now)
    suspects = sorted(_one_each(suspects), key=lambda suspect: (-suspect.certainty, _RANK[suspect.culprit]))
    finding = _finding(symptoms, suspects)
    key = symptoms.looked.cleaned.key if symptoms.looked.cleaned else None
    return Diagnosis(
        finding=finding,
        summary=_summary(symptoms, finding, suspects),
        fingerprint=modest(key.fingerprint) if key else None,
        suspects=tuple(suspects),
        notes=tuple(said),
        tested=bool(symptoms.trials),
    )


def _one_each(suspects: list[Suspect]) -> list[Suspect]:
    """Of two suspicions of the same, the more certain one."""
    best: dict[Culprit, Suspect] = {}
    for suspect in suspects:
        known = best.get(suspect.culprit)
        if known is None or suspect.certainty > known.certainty:
            best[suspect.culprit] = suspect
    return list(best.values())


def _finding(symptoms: Symptoms, suspects: list[Suspect]) -> Finding:
    if any(one.certainty is Certainty.PROVEN and one.culprit not in _WEATHER for one in suspects):
        return Finding.WRONG
    if symptoms.trials:
        if symptoms.trials[0].accepted:
            return Finding.FINE
        told = any(trial.genuine or trial.status in (401, 403) for trial in symptoms.trials)
        weather = suspects and suspects[0].culprit in _WEATHER
        return Finding.UNKNOWN if weather or not told else Finding.WRONG
    if not symptoms.offline:
        return Finding.UNKNOWN
    return Finding.UNKNOWN if suspects else Finding.FINE


def _summary(symptoms: Symptoms, finding: Finding, suspects: list[Suspect]) -> str:
    place = upper(symptoms.looked.sample.place)
    if finding is Finding.FINE:
        if symptoms.trials:
            return f"{place}: Anthropic accepts the key."
        return f"{place} has the form of a key of Anthropic's. It was not tested (offline)."
    if not suspects:
        return f"{place}: nothing can be said of the key."
    if suspects[0].what.startswith(place):
        return suspects[0].what
    if suspects[0].culprit in NOT_THE_KEY:
        return f"{place}: this is not the key's fault. {suspects[0].what}"
    return f"{place}: {suspects[0].what}"
