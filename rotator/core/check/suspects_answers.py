"""Causes that show in what Anthropic answered: the requests with the key itself, and the Admin API's books. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rotator.core.check.suspects import Certainty, Culprit, Suspect
from rotator.core.check.suspects_books import suspects_in_books
from rotator.core.check.symptoms import Symptoms
from rotator.core.check.trials import Address, Trial
from rotator.model.measure import Cause

_CODES_OF_EGRESS = ("sandbox_egress_restricted",)
_CONSOLE = "Console, Settings, API keys"


def suspects_in_answers(symptoms: Symptoms) -> Iterator[Suspect]:
    """Nothing where the first trial was accepted: it is what an application sends."""
    trials = symptoms.trials
    if trials[0].accepted:
        return
    around = symptoms.around
    between = gateway(trials, f"the gateway at {around.base_url}" if around.base_url else around.proxy)
    if between is not None:
        yield between
    if any(trial.refused for trial in trials):
        yield from suspects_in_books(symptoms, between)
        if symptoms.books is None or symptoms.books.unable:
            yield _retired(trials, between)
        return
    yield from _other(trials[0], symptoms)


def gateway(trials: Sequence[Trial], between: str | None) -> Suspect | None:
    """Does something on the way alter the key's header? `between`: what is known to stand there.

    Anthropic itself honours both headers, so an answer that depends on the header, or on the address, is not its own.
    """
    where = between or "something on the way that no setting names (a transparent proxy)"
    configured = [trial for trial in trials if trial.address is Address.CONFIGURED]
    direct = [trial for trial in trials if trial.address is Address.DIRECT]
    works = [trial for trial in trials if trial.accepted]
    fails = [trial for trial in configured if not trial.accepted]
    told = tuple(f"{trial.header.value} at the {trial.address.value} address: {trial.words}." for trial in trials)
    if works and fails:
        through = works[0]
        if through.address is Address.CONFIGURED:
            what = f"{where} drops or rewrites {fails[0].header.value}: with {through.header.value} the same key works."
            fix = f"Let it pass {fails[0].header.value} on untouched, or send {through.header.value} to it."
        else:
            what = f"The key is fine: straight at Anthropic it works, through {where} it does not."
            fix = "Unset ANTHROPIC_BASE_URL, or let the gateway pass the key on: its own settings may name another key."
        return _gateway(Certainty.PROVEN, what, fix, told)
    if not direct and any(not trial.genuine and trial.status is not None for trial in configured):
        what = f"The answer is not Anthropic's own: {where} gave it."
        return _gateway(Certainty.LIKELY, what, "Look at that gateway's log for the same time.", told)
    if direct and any(trial.refused for trial in direct):
        what = f"It is not {where}: asked directly, Anthropic answers the same."
        return _gateway(Certainty.UNLIKELY, what, "Nothing to do there.", (), told)
    return None


def _gateway(
    certainty: Certainty, what: str, fix: str, speaks_for: tuple[str, ...], against: tuple[str, ...] = ()
) -> Suspect:
    return Suspect(
        culprit=Culprit.GATEWAY,
        certainty=certainty,
        what=what[:1].upper() + what[1:],
        fix=fix,
        speaks_for=speaks_for,
        against=against,
    )


def _retired(trials: Sequence[Trial], between: Suspect | None) -> Suspect:
    elsewhere = between is not None and between.certainty >= Certainty.LIKELY
    return Suspect(
        culprit=Culprit.RETIRED,
        certainty=Certainty.UNLIKELY if elsewhere else Certainty.LIKELY,
        what="The key was disabled, deleted, archived or has expired; or it never was one of Anthropic's.",
        fix=f"Look it up by its first and last characters ({_CONSOLE}); with an Admin key `rotate check` tells which. "
        "A key that was made a moment ago may need a minute.",
        speaks_for=tuple(f"{trial.header.value}: {trial.words}." for trial in trials if trial.refused),
        against=(between.what,) if elsewhere and between else (),
    )


def _other(trial: Trial, symptoms: Symptoms) -> Iterator[Suspect]:
    """Not a 401: in nearly every case not the key."""
    said = (f"{trial.words}.",)
    match trial.cause:
        case Cause.WORKSPACE:
            named = symptoms.around.workspace or "one"
            yield _suspect(
                Culprit.WORKSPACE,
                Certainty.PROVEN,
                f"The key belongs to another workspace than the one that requests name ({named}).",
                "Take `anthropic-workspace-id` out of ANTHROPIC_CUSTOM_HEADERS, or use a key of that workspace.",
                said,
            )
        case Cause.FORBIDDEN if trial.code in _CODES_OF_EGRESS:
            what = "This environment may not reach Anthropic: its own network rules said no."
            yield _suspect(
                Culprit.EGRESS, Certainty.PROVEN, what, "Allow api.anthropic.com in its network rules.", said
            )
        case Cause.FORBIDDEN:
            what = "Anthropic knows the key, but does not permit the request (403)."
            fix = "Look at the key's workspace and permissions in the Console, and at the organisation's IP allow list."
            yield _suspect(Culprit.FORBIDDEN, Certainty.PROVEN, what, fix, said)
        case Cause.BLOCKED:
            what = "The account is blocked: a spend limit, the credit balance, or a hold."
            fix = "Console, Settings, Billing and Limits. A new key would be blocked just so."
            yield _suspect(Culprit.BLOCKED, Certainty.PROVEN, what, fix, said)
        case _:
            yield from _weather(trial, said)


def _weather(trial: Trial, said: tuple[str, ...]) -> Iterator[Suspect]:
    if trial.status is None:
        what, fix = (
            "Anthropic could not be reached from here.",
            "Look at DNS, the proxy (HTTPS_PROXY), the firewall and ANTHROPIC_BASE_URL.",
        )
        yield _suspect(Culprit.UNREACHABLE, Certainty.PROVEN, what, fix, said)
    elif trial.status == 429:
        what, fix = (
            "Too many requests just now (429): a rate limit, which counts for all keys of the organisation.",
            "Wait, or ask for a higher limit; check again later.",
        )
        yield _suspect(Culprit.RATE_LIMITED, Certainty.PROVEN, what, fix, said)
    elif trial.status in (408, 409) or trial.status >= 500:
        what = f"Anthropic is busy or disturbed ({trial.status}): that says nothing of the key."
        yield _suspect(Culprit.OVERLOADED, Certainty.PROVEN, what, "Check again later; see status.claude.com.", said)
    else:
        what = "The answer is none that Anthropic gives."
        fix = "Look at ANTHROPIC_BASE_URL and at the proxy: something else answers there."
        yield _suspect(Culprit.ODD_ANSWER, Certainty.LIKELY, what, fix, said)


def _suspect(culprit: Culprit, certainty: Certainty, what: str, fix: str, said: tuple[str, ...]) -> Suspect:
    return Suspect(culprit=culprit, certainty=certainty, what=what, fix=fix, speaks_for=said)
