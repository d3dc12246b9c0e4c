"""Causes of a 401 that Anthropic's books name: the key's status, its age, its owner; or that they rule out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rotator.core.check.suspects import Certainty, Culprit, Suspect
from rotator.core.check.symptoms import Symptoms
from rotator.core.check.trials import Address, Books
from rotator.core.key_records import NEAR_ITS_END
from rotator.model.keys import KeyRecord, KeyStatus

NEW = timedelta(minutes=5)
"""How old a key must be before its 401 counts. No delay is documented (facts: What shapes the design, 6)."""

_DEAD = {
    KeyStatus.INACTIVE: (
        Culprit.DISABLED,
        "The key is disabled",
        "Find out who disabled it and why. It can be enabled again in the Console, unless it leaked: then rotate.",
    ),
    KeyStatus.ARCHIVED: (
        Culprit.ARCHIVED,
        "The key is archived, and that is final",
        "Deploy the key that replaced it, or make a new one: `rotate start`.",
    ),
    KeyStatus.EXPIRED: (
        Culprit.EXPIRED,
        "The key has expired, and cannot be enabled again",
        "Make a new key, with a later expiry: `rotate start`.",
    ),
}


def suspects_in_books(symptoms: Symptoms, between: Suspect | None) -> Iterator[Suspect]:
    """For a key that was answered with 401. Nothing where the books could not be asked."""
    books = symptoms.books
    if books is None or books.unable:
        return
    if books.others:
        yield _ambiguous(books)
        return
    if books.record is None:
        yield _unknown(between)
        return
    told = tuple(described(books))
    weak = ("The record was found by the key's first and last characters: another key could share them.",)
    if books.record.status in _DEAD:
        culprit, what, fix = _DEAD[books.record.status]
        yield Suspect(
            culprit=culprit, certainty=Certainty.PROVEN, what=f"{what} ({books.record.name}).", fix=fix, speaks_for=told
        )
    elif _is_new(books.record, symptoms.now):
        yield Suspect(
            culprit=Culprit.TOO_NEW,
            certainty=Certainty.LIKELY,
            what="The key was made a moment ago; Anthropic may not know it everywhere yet.",
            fix="Check again in a minute. Do not deploy it before.",
            speaks_for=told,
        )
    elif between is None or between.certainty < Certainty.LIKELY:
        yield _theirs(symptoms, books, told, weak)


def _theirs(symptoms: Symptoms, books: Books, told: tuple[str, ...], weak: tuple[str, ...]) -> Suspect:
    """The evidence points to Anthropic's side: active in the books, refused at the door, with nothing in between."""
    straight = symptoms.around.base_url is None or any(one.address is Address.DIRECT for one in symptoms.trials)
    refused = all(trial.refused for trial in symptoms.trials)
    unproven = () if straight else (f"Every request went through {symptoms.around.base_url}.",)
    quiet = ("It was not used lately, as far as the usage report knows.",) if books.requests == 0 else ()
    return Suspect(
        culprit=Culprit.ANTHROPIC,
        certainty=Certainty.LIKELY if straight and refused else Certainty.POSSIBLE,
        what="The key is active in Anthropic's books, and yet refused: the fault may be on Anthropic's side.",
        fix="Send support the bundle that `--bundle FILE` writes (no secret is in it); deploy another key meanwhile.",
        speaks_for=(
            *told,
            f"All {len(symptoms.trials)} requests were answered with 401." if refused else "It is refused.",
        ),
        against=(*unproven, *quiet, *weak),
    )


def _unknown(between: Suspect | None) -> Suspect:
    elsewhere = between is not None and between.certainty is Certainty.PROVEN
    return Suspect(
        culprit=Culprit.UNKNOWN_KEY,
        certainty=Certainty.UNLIKELY if elsewhere else Certainty.LIKELY,
        what="No key of the Admin key's organisation looks like this one: it was deleted, or is another's.",
        fix="Look in the other organisations that you have (Console, top left), or put a key of this one in its place.",
        speaks_for=("None of the organisation's records, archived ones included, has its first and last characters.",),
    )


def _ambiguous(books: Books) -> Suspect:
    return Suspect(
        culprit=Culprit.RETIRED,
        certainty=Certainty.LIKELY,
        what="The key was disabled, archived or has expired; several records look like it, so which cannot be told.",
        fix="Look the key up in the Console and name its record: `key_id:` in rotate.yaml.",
        speaks_for=books.others,
    )


def _is_new(record: KeyRecord, now: datetime | None) -> bool:
    return record.created_at is not None and now is not None and now - record.created_at < NEW


def described(books: Books) -> Iterator[str]:
    """What the books say of the key, a sentence each."""
    record = books.record
    if record is None:
        return
    made = f", made {_day(record.created_at)}" if record.created_at else ""
    by = f" by {books.created_by}" if books.created_by else ""
    ends = f", expires {_day(record.expires_at)}" if record.expires_at else ""
    yield f"Anthropic's record {record.id} ({record.name}) is {record.status.value}{made}{by}{ends}."
    if record.workspace:
        yield f"It belongs to the workspace {record.workspace}."
    if books.owner:
        yield f"It is the key of {books.owner}, and ends with it."
    if books.requests is not None:
        upto = f", counted up to {books.refreshed_at:%Y-%m-%d %H:%M} UTC" if books.refreshed_at else ""
        made_requests = f"{books.requests} requests" if books.requests else "no request"
        yield f"It made {made_requests} in the last {books.days} days{upto}."


def worth_knowing(books: Books, now: datetime | None) -> Iterator[str]:
    """What the books say that is no cause of anything yet, a sentence each."""
    if books.unable:
        yield books.unable
        return
    record = books.record
    if record is None or record.status is not KeyStatus.ACTIVE:
        return
    if record.expires_at is not None and now is not None and record.expires_at - now < NEAR_ITS_END:
        yield f"The key expires on {record.expires_at:%Y-%m-%d %H:%M} UTC: rotate it before."
    if record.personal:
        yield "The key belongs to a person: it dies when that user leaves the organisation."


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else "?"
