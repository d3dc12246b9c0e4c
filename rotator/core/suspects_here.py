"""Causes that show without a network: the value's own form, and what surrounds it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.core.slips import VARIABLE, Looked, Origin
from rotator.core.suspects import Certainty, Culprit, Suspect
from rotator.core.symptoms import Surroundings, Symptoms

_OTHER_KINDS = ("Admin key", "OAuth", "OpenRouter", "OpenAI", "AWS", "Bedrock", "Google")


def suspects_here(symptoms: Symptoms) -> Iterator[Suspect]:
    looked, around = symptoms.looked, symptoms.around
    refused = any(trial.refused for trial in symptoms.trials)
    yield from _overridden(around)
    if looked.cleaned is None:
        yield from _absent(looked, around)
        return
    yield from _bytes(looked, symptoms)
    if _is_variable(looked) and refused and around.discovered is not None:
        yield _outranks(around.discovered)
    if around.api_key is not None and not _is_variable(looked):
        yield from _other_key_around(looked, around, refused)


def _overridden(around: Surroundings) -> Iterator[Suspect]:
    if around.overriding:
        named = " and ".join(around.overriding)
        yield Suspect(
            culprit=Culprit.SHADOWED,
            certainty=Certainty.PROVEN,
            what=f"Requests do not carry this key: ANTHROPIC_CUSTOM_HEADERS sets {named}, which the SDK sends instead.",
            fix=f"Take {named} out of ANTHROPIC_CUSTOM_HEADERS.",
            speaks_for=(f"ANTHROPIC_CUSTOM_HEADERS is set and names {named}.",),
        )


def _absent(looked: Looked, around: Surroundings) -> Iterator[Suspect]:
    # The SDK's order: key, token, then what it discovers (`_client.py`, `static_credential_from_env`).
    instead = ("ANTHROPIC_AUTH_TOKEN" if around.auth_token else around.discovered) if _is_variable(looked) else None
    if instead is not None:
        yield Suspect(
            culprit=Culprit.SHADOWED,
            certainty=Certainty.PROVEN,
            what=f"There is no key, so the SDK quietly uses {instead}; its refusal looks like the key's.",
            fix=f"Set {VARIABLE}, or mend or remove {instead}.",
            speaks_for=(looked.absent, f"{instead} is set, and is next in the SDK's order."),
        )
    yield Suspect(
        culprit=Culprit.NOT_LOADED,
        certainty=Certainty.PROVEN,
        what=looked.absent,
        fix=looked.fix,
        speaks_for=tuple(slip.what for slip in looked.slips),
    )


def _bytes(looked: Looked, symptoms: Symptoms) -> Iterator[Suspect]:
    cleaned = looked.cleaned
    assert cleaned is not None  # noqa: S101 - the caller looked
    slips = tuple(slip for slip in looked.slips if not slip.harmless)
    if cleaned.refusal is not None:
        yield _refused(cleaned.refusal, tuple(slip.what for slip in slips), symptoms.around.base_url)
    elif slips:
        yield Suspect(
            culprit=Culprit.WRONG_BYTES,
            certainty=Certainty.PROVEN,
            what=slips[0].what,
            fix=slips[0].fix,
            speaks_for=(*(slip.what for slip in slips[1:]), *_inside(symptoms)),
        )
    if cleaned.warnings:
        yield Suspect(
            culprit=Culprit.UNUSUAL,
            certainty=Certainty.POSSIBLE,
            what="The key has not the usual form: it may have been cut off or altered when it was copied.",
            fix="Compare its length and its last four characters with the Console's hint; copy it again.",
            speaks_for=cleaned.warnings,
            against=("Anthropic may have changed its keys' form.",),
        )


def _refused(refusal: str, slips: tuple[str, ...], gateway: str | None) -> Suspect:
    other = any(name in refusal for name in _OTHER_KINDS)
    # A gateway may give out keys of its own, and `sk-` is how many of them begin.
    own = gateway is not None and "OpenAI" in refusal
    return Suspect(
        culprit=Culprit.WRONG_KIND if other else Culprit.WRONG_BYTES,
        certainty=Certainty.LIKELY if own else Certainty.PROVEN,
        what=refusal,
        fix=_fix_kind(refusal) if other else "Copy the whole key again; if it is lost, make a new one in the Console.",
        speaks_for=(*slips, *(("It does not begin as Anthropic's API keys do.",) if other else ())),
        against=(f"Requests go to {gateway}, which may have given out a key of its own.",) if own else (),
    )


def _inside(symptoms: Symptoms) -> Iterator[str]:
    """How the key was got at, and whether that one works."""
    repairs = symptoms.looked.cleaned.repairs if symptoms.looked.cleaned else ()
    if repairs:
        yield f"To get at the key: {' '.join(repairs)}"
    if symptoms.trials:
        yield f"Anthropic {'accepts' if symptoms.trials[0].accepted else 'does not accept'} the key inside."


def _fix_kind(refusal: str) -> str:
    if "Admin key" in refusal:
        return "Give the Admin key to rotator as `admin_key:` alone; for requests make an API key in the Console."
    if "OAuth" in refusal:
        return (
            "An OAuth token belongs into ANTHROPIC_AUTH_TOKEN; for requests with a key make an API key in the Console."
        )
    if "Bedrock" in refusal or "AWS" in refusal or "Google" in refusal:
        return "Use the SDK's client for that cloud, or put a key of Anthropic's own here."
    return "Put Anthropic's key here (Console, API keys); check which of the .env files was loaded."


def _outranks(better: str) -> Suspect:
    return Suspect(
        culprit=Culprit.OUTRANKS,
        certainty=Certainty.PROVEN,
        what=f"A leftover {VARIABLE} is used instead of {better}: the SDK prefers a static key to either.",
        fix=f"Unset {VARIABLE} where the program starts, and retire the key.",
        speaks_for=("Anthropic refuses the key.", f"{better} is set up and never gets its turn."),
    )


def _other_key_around(looked: Looked, around: Surroundings, refused: bool) -> Iterator[Suspect]:
    key = looked.cleaned.key if looked.cleaned else None
    if key is None or around.api_key is None or around.api_key.digest == key.fingerprint.digest:
        return
    yield Suspect(
        culprit=Culprit.SHADOWED,
        certainty=Certainty.POSSIBLE,
        what=f"{VARIABLE} in this environment is another key than {looked.reading.place}.",
        fix=f"Unset {VARIABLE} here, or restart what inherited it: a program started from here uses that one.",
        speaks_for=(f"{VARIABLE} is {around.api_key}; {looked.reading.place} is {key.fingerprint}.",),
        against=() if not refused else ("The key that was looked at is refused itself.",),
    )


def _is_variable(looked: Looked) -> bool:
    """Whether the value is what an application's SDK would find by itself, here."""
    return looked.reading.origin is Origin.ENV and looked.reading.name == VARIABLE


def notes(symptoms: Symptoms) -> Iterator[str]:
    """What is worth knowing and no cause of anything."""
    looked, around = symptoms.looked, symptoms.around
    yield from (f"{slip.what} {slip.fix}".strip() for slip in looked.slips if slip.harmless)
    if _is_variable(looked) and looked.cleaned is not None:
        if around.auth_token:
            yield (
                "ANTHROPIC_AUTH_TOKEN is set as well. SDK 2.0 and later ignore it beside a key; older ones send both. "
                "Unset one of them."
            )
        if around.discovered is not None:
            yield f"{VARIABLE} outranks {around.discovered}, which is set up too."
    if around.base_url is not None:
        yield f"ANTHROPIC_BASE_URL sends requests to {around.base_url}, not straight to Anthropic."
    if around.base_url_plain:
        yield "That address is not https: the key crosses the network in the clear."
    if symptoms.books is not None and symptoms.books.unable:
        yield symptoms.books.unable
