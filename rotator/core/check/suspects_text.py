"""Causes that show in the value itself: none, something else, or more or less than a key. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.core.check.sample import VARIABLE
from rotator.core.check.slips import Looked
from rotator.core.check.suspects import Certainty, Culprit, Suspect
from rotator.core.check.symptoms import Surroundings, Symptoms
from rotator.core.hygiene import Kind

_ANTHROPICS = "Put Anthropic's key here (Console, API keys); check which of the .env files was loaded."
_KINDS: dict[Kind, tuple[Culprit, str]] = {
    Kind.ADMIN: (
        Culprit.WRONG_KIND,
        "Give the Admin key to rotator as `admin_key:` alone; for requests make an API key in the Console.",
    ),
    Kind.OAUTH: (
        Culprit.WRONG_KIND,
        "An OAuth token belongs into ANTHROPIC_AUTH_TOKEN; for requests with a key make an API key in the Console.",
    ),
    Kind.CLOUD: (Culprit.WRONG_KIND, "Use the SDK's client for that cloud, or put a key of Anthropic's own here."),
    Kind.OPENAI: (Culprit.WRONG_KIND, _ANTHROPICS),
    Kind.OPENROUTER: (Culprit.WRONG_KIND, _ANTHROPICS),
    Kind.JSON: (
        Culprit.WRONG_BYTES,
        "Name the field: `#FIELD` at the reference's end, or `jq -r .FIELD` on the way to a variable.",
    ),
    Kind.BASE64: (
        Culprit.WRONG_BYTES,
        "Decode it once (`base64 -d`). A Kubernetes Secret has base64 under `data:`, and the text under `stringData:`.",
    ),
}


def suspects_in_text(symptoms: Symptoms) -> Iterator[Suspect]:
    looked = symptoms.looked
    if looked.cleaned is None:
        yield from _absent(looked, symptoms.around)
        return
    slips = tuple(slip for slip in looked.slips if not slip.harmless)
    if looked.cleaned.refusal is not None:
        said = tuple(slip.what for slip in slips)
        yield _refused(looked.cleaned.refusal, looked.cleaned.kind, said, symptoms.around.base_url)
    elif slips:
        yield Suspect(
            culprit=Culprit.WRONG_BYTES,
            certainty=Certainty.PROVEN,
            what=slips[0].what,
            fix=slips[0].fix,
            speaks_for=(*(slip.what for slip in slips[1:]), *_inside(symptoms)),
        )
    accepted = bool(symptoms.trials) and symptoms.trials[0].accepted
    if looked.cleaned.warnings and not accepted:
        yield _unusual(looked.cleaned.warnings, symptoms)


def _absent(looked: Looked, around: Surroundings) -> Iterator[Suspect]:
    # The SDK's order: key, token, then what it discovers (`_client.py`, `static_credential_from_env`).
    instead = None
    if looked.sample.is_the_variable:
        instead = "ANTHROPIC_AUTH_TOKEN" if around.auth_token else around.discovered
    if instead is not None:
        yield Suspect(
            culprit=Culprit.SHADOWED,
            certainty=Certainty.PROVEN,
            what=f"There is no key, so the SDK quietly uses {instead}; its refusal looks like the key's.",
            fix=f"Set {VARIABLE}, or mend or remove {instead}.",
            speaks_for=(looked.absent, f"Next in the SDK's order, and set: {instead}."),
        )
    yield Suspect(
        culprit=Culprit.NOT_LOADED,
        certainty=Certainty.PROVEN,
        what=looked.absent,
        fix=looked.fix,
        speaks_for=tuple(slip.what for slip in looked.slips),
    )


def _refused(refusal: str, kind: Kind | None, slips: tuple[str, ...], gateway: str | None) -> Suspect:
    fix = "Copy the whole key again; if it is lost, make a new one in the Console."
    culprit, fix = _KINDS[kind] if kind is not None else (Culprit.WRONG_BYTES, fix)
    begins = ("It does not begin as Anthropic's API keys do.",) if culprit is Culprit.WRONG_KIND else ()
    # A gateway may give out keys of its own, and `sk-` is how many of them begin.
    own = gateway is not None and kind is Kind.OPENAI
    return Suspect(
        culprit=culprit,
        certainty=Certainty.LIKELY if own else Certainty.PROVEN,
        what=refusal,
        fix=fix,
        speaks_for=(*slips, *begins),
        against=(f"Requests go to {gateway}, which may have given out a key of its own.",) if own else (),
    )


def _inside(symptoms: Symptoms) -> Iterator[str]:
    if symptoms.trials:
        yield f"Anthropic {'accepts' if symptoms.trials[0].accepted else 'does not accept'} the key inside."


def _unusual(warnings: tuple[str, ...], symptoms: Symptoms) -> Suspect:
    """Likely where the key is refused, and no record begins and ends as it does."""
    refused = any(trial.refused for trial in symptoms.trials)
    known = symptoms.books is not None and symptoms.books.record is not None
    return Suspect(
        culprit=Culprit.UNUSUAL,
        certainty=Certainty.LIKELY if refused and not known else Certainty.POSSIBLE,
        what="The key has not the usual form: it was cut off or altered when it was copied.",
        fix="Copy it again, whole; its length and its last four characters must be those that the Console shows.",
        speaks_for=warnings,
        against=("Anthropic may have changed its keys' form.",),
    )
