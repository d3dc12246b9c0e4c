"""Who holds which key of a credential, side by side: secrets, labels, instances; and where they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rotator.core.check.remarks import Remark, Weight
from rotator.model.canonical import JsonObject
from rotator.model.keys import Fingerprint, Label
from rotator.model.measure import Instance

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretHeld:
    """One label of one secret. `key` None with `unreadable` empty: no version carries the label.

    `refused`: the store answered, and said no; without it an unreadable one did not answer.
    """

    secret: str
    label: Label
    key: Fingerprint | None = None
    since: datetime | None = None
    unreadable: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerHeld:
    """`instances` None: it could not be observed, and `why` says why. `asks`: a person observes it."""

    consumer: str
    instances: tuple[Instance, ...] | None
    why: str = ""
    required: bool = True
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """`elsewhere`: the current keys of the configuration's other credentials. `open`: a rotation is under way."""

    credential: str
    secrets: tuple[SecretHeld, ...]
    consumers: tuple[ConsumerHeld, ...]
    elsewhere: Mapping[str, Fingerprint]
    open: bool

    @property
    def current(self) -> Fingerprint | None:
        """The first secret's current key: what is to be everywhere."""
        return next((held.key for held in self.secrets if held.label is Label.CURRENT), None)

    @property
    def known(self) -> Mapping[str, Fingerprint]:
        """Every key that was seen, by the words for where it belongs; the first words for a key are the best."""
        found = {f"{held.label.value}": held.key for held in reversed(self.secrets) if held.key is not None}
        return {**{f"current of {name}": key for name, key in self.elsewhere.items()}, **found}

    def which(self, reported: str | None) -> str:
        """The role of the key that an instance reports: `current`, `previous`, …, `another key`, `cannot say`."""
        if reported is None:
            return "cannot say"
        if self.current is not None and self.current.matches(reported):
            return Label.CURRENT.value
        return next((words for words, key in self.known.items() if key.matches(reported)), "another key")


def rows(where: Whereabouts) -> Iterator[JsonObject]:
    """The table: where, which label or role, which key, since when. `note`: why there is no key to be told."""
    for held in where.secrets:
        yield {
            "where": held.secret,
            "instance": None,
            "role": held.label.value,
            "key": str(held.key) if held.key else None,
            "since": held.since.isoformat() if held.since else None,
            "note": held.unreadable,
        }
    for consumer in where.consumers:
        for one in consumer.instances or ():
            yield {
                "where": consumer.consumer,
                "instance": one.id,
                "role": where.which(one.fingerprint) + (", terminating" if one.terminating else ""),
                "key": one.fingerprint,
                "since": one.since.isoformat() if one.since else None,
                "note": "",
            }
        if not consumer.instances:
            note = "a person is asked" if consumer.asks else _why(consumer)
            row = {"where": consumer.consumer, "instance": None, "role": "not observed", "key": None, "since": None}
            yield {**row, "note": note}


def remarks(where: Whereabouts) -> Iterator[Remark]:
    for held in where.secrets:
        yield from _secret(held, where)
    for consumer in where.consumers:
        yield from _consumer(consumer, where)
    yield from _duplicates(where)


def _secret(held: SecretHeld, where: Whereabouts) -> Iterator[Remark]:
    if held.unreadable:
        weight = Weight.WRONG if held.refused else Weight.UNKNOWN
        yield Remark(weight=weight, code="unreadable", what=held.unreadable)
    elif held.label is not Label.CURRENT:
        return
    elif held.key is None:
        what = f"{held.secret} has no current key."
        fix = f"rotate start {where.credential}" + (" --first" if where.current is None else "")
        yield Remark(weight=Weight.WRONG, code="no_key", what=what, fix=fix)
    elif where.current and held.key != where.current:
        what = f"{held.secret} has another current key than the first secret: {held.key}, not {where.current}."
        fix = f"Find out which one is right, then: rotate start {where.credential} --right REF"
        yield _drift(where, what, fix)


def _consumer(consumer: ConsumerHeld, where: Whereabouts) -> Iterator[Remark]:
    name = consumer.consumer
    if consumer.asks:
        what = f"{name} is observed by a person, so which key it holds is not known here."
        yield Remark(weight=Weight.NOTE, code="manual", what=what)
        return
    if not consumer.instances:
        yield _open_question(consumer, "unobserved", _why(consumer), "Run its `observe` by hand, or open its URL.")
        return
    silent = [one for one in consumer.instances if one.fingerprint is None]
    other = [one for one in consumer.instances if one.fingerprint and where.which(one.fingerprint) != "current"]
    if silent:
        whose = "it holds" if len(silent) == 1 else "they hold"
        what = f"{_count(silent, consumer)} cannot say which key {whose}: {_named(silent)}."
        fix = (
            "See whether it is up, and tells the fingerprint of the key that it uses (README, What a consumer must do)."
        )
        yield _open_question(consumer, "silent", what, fix)
    if other and where.current is not None:
        roles = sorted({where.which(one.fingerprint) for one in other})
        hold = "does not hold" if len(other) == 1 else "do not hold"
        what = f"{_count(other, consumer)} {hold} the current key but: {', '.join(roles)} ({_named(other)})."
        yield _drift(where, what, f"Deploy {name} again: it read the secret before it changed, or another one.")


def _why(consumer: ConsumerHeld) -> str:
    return consumer.why or f"{consumer.consumer} has no instance, as far as can be seen."


def _open_question(consumer: ConsumerHeld, code: str, what: str, fix: str) -> Remark:
    weight = Weight.UNKNOWN if consumer.required else Weight.WARNING
    return Remark(weight=weight, code=code, what=what, fix=fix)


def _drift(where: Whereabouts, what: str, fix: str) -> Remark:
    """While a rotation is under way that is how it must be; else somebody is on the wrong key."""
    if where.open:
        return Remark(weight=Weight.NOTE, code="drift", what=f"{what} A rotation is under way.")
    return Remark(weight=Weight.WRONG, code="drift", what=what, fix=fix)


def _duplicates(where: Whereabouts) -> Iterator[Remark]:
    for other, key in where.elsewhere.items():
        if where.current is not None and key == where.current:
            what = f"{where.credential} and {other} share one key: one leak or one mistake takes both down."
            fix = f"Give each its own: rotate start {other}"
            yield Remark(weight=Weight.WARNING, code="shared", what=what, fix=fix)


def _count(some: list[Instance], consumer: ConsumerHeld) -> str:
    total = len(consumer.instances or ())
    return f"{len(some)} of {total} instance{'s' if total > 1 else ''} of {consumer.consumer}"


def _named(some: list[Instance]) -> str:
    more = f" and {len(some) - MOST_NAMED} more" if len(some) > MOST_NAMED else ""
    return ", ".join(one.id for one in some[:MOST_NAMED]) + more
