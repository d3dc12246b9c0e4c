"""Who holds which key of a credential, side by side: secrets, labels, instances; and where they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rotator.core.remarks import Remark, Weight
from rotator.model.canonical import JsonObject
from rotator.model.keys import Fingerprint, Label
from rotator.model.measure import Instance

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretHeld:
    """One label of one secret. `key` None with `unreadable` empty: no version carries the label."""

    secret: str
    label: Label
    key: Fingerprint | None = None
    since: datetime | None = None
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerHeld:
    """`instances` None: it could not be observed, and `why` says why. `asks`: a person observes it."""

    consumer: str
    instances: tuple[Instance, ...] | None
    why: str = ""
    required: bool = True
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
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


def rows(holders: Holders) -> Iterator[JsonObject]:
    """The table: where, which label or role, which key, since when."""
    for held in holders.secrets:
        yield {
            "where": held.secret,
            "role": held.label.value,
            "key": str(held.key) if held.key else None,
            "since": held.since.isoformat() if held.since else None,
            "note": held.unreadable,
        }
    for consumer in holders.consumers:
        for one in consumer.instances or ():
            yield {
                "where": f"{consumer.consumer}: {one.id}",
                "role": holders.which(one.fingerprint) + (", terminating" if one.terminating else ""),
                "key": one.fingerprint,
                "since": one.since.isoformat() if one.since else None,
                "note": "",
            }


def remarks(holders: Holders) -> Iterator[Remark]:
    yield from _secrets(holders)
    for consumer in holders.consumers:
        yield from _consumer(consumer, holders)
    yield from _duplicates(holders)


def _secrets(holders: Holders) -> Iterator[Remark]:
    for held in holders.secrets:
        if held.unreadable:
            yield Remark(weight=Weight.UNKNOWN, code="unreadable", what=held.unreadable)
        elif held.label is Label.CURRENT and held.key is None:
            what = f"{held.secret} has no current key."
            yield Remark(weight=Weight.WRONG, code="no_key", what=what, fix=f"rotate start {holders.credential}")
        elif held.label is Label.CURRENT and holders.current and held.key and held.key != holders.current:
            what = f"{held.secret} has another current key than the first secret: {held.key}, not {holders.current}."
            fix = f"Find out which one is right, then: rotate start {holders.credential} --right REF"
            yield _drift(holders, what, fix)
        elif held.label is Label.PENDING and held.key is not None and held.key != holders.current and not holders.open:
            what = f"A key is pending in {held.secret}, and no rotation of ours is open."
            fix = "Another tool's rotation, or a remnant: find its owner, then discard the pending version."
            yield Remark(weight=Weight.WARNING, code="pending", what=what, fix=fix)


def _consumer(consumer: ConsumerHeld, holders: Holders) -> Iterator[Remark]:
    name = consumer.consumer
    if consumer.asks:
        what = f"{name} is observed by a person, so which key it holds is not known here."
        yield Remark(weight=Weight.NOTE, code="manual", what=what)
        return
    if not consumer.instances:
        what = consumer.why or f"{name} has no instance, as far as can be seen."
        yield _open_question(consumer, "unobserved", what, "Run its `observe` by hand, or open its URL.")
        return
    silent = [one for one in consumer.instances if one.fingerprint is None]
    other = [one for one in consumer.instances if one.fingerprint and holders.which(one.fingerprint) != "current"]
    if silent:
        what = f"{_count(silent, consumer)} cannot say which key it holds: {_named(silent)}."
        yield _open_question(consumer, "silent", what, "Let it report the fingerprint: docs/how-to, rotator.client.")
    if other and holders.current is not None:
        roles = sorted({holders.which(one.fingerprint) for one in other})
        what = f"{_count(other, consumer)} does not hold the current key but: {', '.join(roles)} ({_named(other)})."
        yield _drift(holders, what, f"Deploy {name} again: it read the secret before it changed, or another one.")


def _open_question(consumer: ConsumerHeld, code: str, what: str, fix: str) -> Remark:
    weight = Weight.UNKNOWN if consumer.required else Weight.WARNING
    return Remark(weight=weight, code=code, what=what, fix=fix)


def _drift(holders: Holders, what: str, fix: str) -> Remark:
    """While a rotation is under way that is how it must be; else somebody is on the wrong key."""
    if holders.open:
        return Remark(weight=Weight.NOTE, code="drift", what=f"{what} A rotation is under way.")
    return Remark(weight=Weight.WRONG, code="drift", what=what, fix=fix)


def _duplicates(holders: Holders) -> Iterator[Remark]:
    for other, key in holders.elsewhere.items():
        if holders.current is not None and key == holders.current:
            what = f"{holders.credential} and {other} share one key: one leak or one mistake takes both down."
            fix = f"Give each its own: rotate start {other}"
            yield Remark(weight=Weight.WARNING, code="shared", what=what, fix=fix)


def _count(some: list[Instance], consumer: ConsumerHeld) -> str:
    total = len(consumer.instances or ())
    return f"{len(some)} of {total} instance{'s' if total > 1 else ''} of {consumer.consumer}"


def _named(some: list[Instance]) -> str:
    more = f" and {len(some) - MOST_NAMED} more" if len(some) > MOST_NAMED else ""
    return ", ".join(one.id for one in some[:MOST_NAMED]) + more
