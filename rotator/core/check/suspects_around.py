"""Causes that show in what surrounds a key: another credential goes out in its place. And notes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.core.check.sample import VARIABLE
from rotator.core.check.slips import Looked
from rotator.core.check.suspects import Certainty, Culprit, Suspect
from rotator.core.check.symptoms import Surroundings, Symptoms
from rotator.core.exposure import told


def suspects_around(symptoms: Symptoms) -> Iterator[Suspect]:
    looked, around = symptoms.looked, symptoms.around
    refused = any(trial.refused for trial in symptoms.trials)
    if around.overriding:
        yield _overridden(around, looked)
    if looked.cleaned is None:
        return
    if looked.sample.is_the_variable and refused and around.discovered is not None:
        yield _outranks(around.discovered)
    if around.api_key is not None and not looked.sample.is_the_variable:
        yield from _other_key_around(looked, around, refused)


def _overridden(around: Surroundings, looked: Looked) -> Suspect:
    """Proven for what a program finds that is started here; of another place's readers nothing is known."""
    named = " and ".join(around.overriding)
    here = looked.sample.is_the_variable
    whose = "Requests" if here else "Requests of what is started here"
    if "Authorization" in around.overriding:
        what = f"{whose} do not carry this key: ANTHROPIC_CUSTOM_HEADERS sets {named}, which the SDK sends instead."
    else:
        what = f"{whose} carry another {named}, from ANTHROPIC_CUSTOM_HEADERS: with SDK 2.0 and later beside this key."
    return Suspect(
        culprit=Culprit.SHADOWED,
        certainty=Certainty.PROVEN if here else Certainty.POSSIBLE,
        what=what,
        fix=f"Take {named} out of ANTHROPIC_CUSTOM_HEADERS.",
        speaks_for=(f"ANTHROPIC_CUSTOM_HEADERS is set and names {named}.",),
    )


def _outranks(better: str) -> Suspect:
    return Suspect(
        culprit=Culprit.OUTRANKS,
        certainty=Certainty.PROVEN,
        what=f"A leftover {VARIABLE} is used instead of {better}: the SDK prefers a static key.",
        fix=f"Unset {VARIABLE} where the program starts, and retire the key.",
        speaks_for=("Anthropic refuses the key.", f"Set up, and never used: {better}."),
    )


def _other_key_around(looked: Looked, around: Surroundings, refused: bool) -> Iterator[Suspect]:
    key = looked.cleaned.key if looked.cleaned else None
    if key is None or around.api_key is None or around.api_key.digest == key.fingerprint.digest:
        return
    yield Suspect(
        culprit=Culprit.SHADOWED,
        certainty=Certainty.POSSIBLE,
        what=f"{VARIABLE} in this environment is another key ({told(around.api_key)}).",
        fix=f"Unset {VARIABLE} here, or restart what inherited it: a program started from here uses that one.",
        speaks_for=(f"{VARIABLE} is set, and outranks every other place.",),
        against=() if not refused else ("The key that was looked at is refused itself.",),
    )


def notes(symptoms: Symptoms) -> Iterator[str]:
    """What is worth knowing and no cause of anything."""
    looked, around = symptoms.looked, symptoms.around
    yield from (f"{slip.what} {slip.fix}".strip() for slip in looked.slips if slip.harmless)
    if looked.sample.is_the_variable and looked.cleaned is not None:
        if around.auth_token:
            yield (
                "ANTHROPIC_AUTH_TOKEN is set as well. SDK 2.0 and later ignore it beside a key; older ones send both. "
                "Unset one of them."
            )
        if around.discovered is not None:
            yield f"{VARIABLE} outranks {around.discovered}, which is set up too."
        elif around.runs_on is not None and symptoms.trials:  # not at every start of a container
            from rotator.core.check.federation import LINK, offer

            yield f"{offer(around.runs_on, ['this process'])} {LINK}"
    if around.base_url is None or not (symptoms.trials or looked.sample.is_the_variable):
        return
    yield f"ANTHROPIC_BASE_URL sends requests to {around.base_url}, not straight to Anthropic.{_untried(symptoms)}"
    if around.base_url_plain:
        yield "That address is not https: the key crosses the network in the clear."


def _untried(symptoms: Symptoms) -> str:
    """A key that works takes one request; what an older SDK meets there is not known then."""
    if len(symptoms.trials) != 1 or not symptoms.trials[0].accepted:
        return ""
    return " Authorization passes there, as SDK 2.0 and later send it; x-api-key, of older ones, was not tried."
