"""Why is this key refused? A ranked list of causes, each with the evidence for and against it, and its fix. Pure.

Two rounds: what the value and its surroundings show without a network (`suspects_here`), and what Anthropic answered
(`suspects_there`), which is loaded only where something was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from rotator.core.suspects import NOT_THE_KEY, Certainty, Culprit, Suspect
from rotator.core.suspects_here import notes, suspects_here
from rotator.core.symptoms import Symptoms

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
    """`suspects`: most certain first. `tested`: Anthropic was asked with this key."""

    finding: Finding
    summary: str
    fingerprint: Fingerprint | None
    suspects: tuple[Suspect, ...]
    notes: tuple[str, ...]
    tested: bool

    @property
    def first(self) -> Suspect | None:
        return self.suspects[0] if self.suspects else None

    def to_json(self) -> JsonObject:
        return {
            "finding": self.finding.value,
            "summary": self.summary,
            "fingerprint": str(self.fingerprint) if self.fingerprint else None,
            "length": self.fingerprint.length if self.fingerprint else None,
            "tested": self.tested,
            "causes": [suspect.to_json() for suspect in self.suspects],
            "notes": list(self.notes),
        }


def diagnose(symptoms: Symptoms) -> Diagnosis:
    """Never raises, whatever the combination of symptoms."""
    suspects = list(suspects_here(symptoms))
    if symptoms.trials:
        from rotator.core.suspects_there import suspects_there

        suspects += suspects_there(symptoms)
    suspects = sorted(_one_each(suspects), key=lambda suspect: (-suspect.certainty, _RANK[suspect.culprit]))
    finding = _finding(symptoms, suspects)
    key = symptoms.looked.cleaned.key if symptoms.looked.cleaned else None
    return Diagnosis(
        finding=finding,
        summary=_summary(symptoms, finding, suspects),
        fingerprint=key.fingerprint if key else None,
        suspects=tuple(suspects),
        notes=tuple(notes(symptoms)),
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
    place = symptoms.looked.reading.place
    place = place[:1].upper() + place[1:]
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
