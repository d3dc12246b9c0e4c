"""What a shape cannot say about `rotate.yaml`: rules between its parts.

They look at the plain data and tolerate whatever is wrong with it, so that one run reports everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rotator.loader.document import Document
from rotator.loader.problems import Place, Problem
from rotator.loader.references import parse_secret
from rotator.loader.shape import NOT_YET, WATCHERS
from rotator.loader.vault import LOGINS
from rotator.model.errors import ConfigError

_Finding: TypeAlias = tuple[Place, str, str]
"""Where, what is wrong, what to write instead."""


def empties(document: Document) -> list[Problem]:
    """Keys without a value: a forgotten value must not pass for "none"."""
    return _located(_empties(document.data, ()), document)


def broken_rules(document: Document) -> list[Problem]:
    """Everything that breaks a rule between parts of `rotate.yaml`."""
    data = document.data
    findings: list[_Finding] = []
    credentials = data.get("credentials") if isinstance(data, dict) else None
    seen: dict[str, str] = {}
    for name, credential in credentials.items() if isinstance(credentials, dict) else ():
        if isinstance(credential, dict):
            here: Place = ("credentials", name)
            findings += _secrets(credential.get("secrets"), (*here, "secrets"), name, seen)
            if "consumers" in credential:
                findings += _consumers(credential["consumers"], (*here, "consumers"))
    vault = data.get("vault") if isinstance(data, dict) else None
    findings += _logins(vault.get("auth") if isinstance(vault, dict) else None, ("vault", "auth"))
    return _located(findings, document)


def _located(findings: Iterable[_Finding], document: Document) -> list[Problem]:
    return [Problem(place, document.line(place), text, hint) for place, text, hint in findings]


def _empties(value: object, place: Place) -> Iterator[_Finding]:
    if value is None:
        yield place, "is empty", "Give it a value (`{}` for a mapping with nothing in it), or remove the key."
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _empties(part, (*place, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _empties(part, (*place, number))


def _secrets(secrets: object, place: Place, credential: str, seen: dict[str, str]) -> Iterator[_Finding]:
    """Each place belongs to one credential, once: two rotations of one place would undo each other."""
    wholes: set[str] = set()
    for number, text in enumerate(secrets if isinstance(secrets, list) else []):
        try:
            ref = str(parse_secret(text)) if isinstance(text, str) else None
        except ConfigError:
            continue  # the shape says what is wrong with it
        if ref is None:
            continue
        whole = ref.partition("#")[0]
        if ref in seen:
            where = "in this list" if seen[ref] == credential else f"in the credential `{seen[ref]}`"
            yield (*place, number), f"this secret is already {where}", "One place holds one credential's key."
        elif whole in wholes:
            hint = "A secret has one pending version at a time: two fields of it cannot be written side by side."
            yield (*place, number), "another field of the same secret is already in this list", hint
        seen.setdefault(ref, credential)
        wholes.add(whole)


def _consumers(consumers: object, place: Place) -> Iterator[_Finding]:
    if not isinstance(consumers, list):
        return
    if not consumers:
        hint = "Without one nobody can tell when the old key may go. A `manual` consumer asks a person."
        yield place, "names no consumer", hint
        return
    named: set[str] = set()
    for number, consumer in enumerate(consumers):
        if isinstance(consumer, dict):
            here = (*place, number)
            name = consumer.get("name")
            if isinstance(name, str):
                if name in named:
                    yield (*here, "name"), "another consumer of this credential has the same name", ""
                named.add(name)
            yield from _watchers(consumer, here)
    if all(isinstance(consumer, dict) and consumer.get("required") is False for consumer in consumers):
        yield place, "no consumer is required", "Then no gate would ever hold the old key: silence is not success."


def _watchers(consumer: dict[str, object], place: Place) -> Iterator[_Finding]:
    present = [kind for kind in WATCHERS if kind in consumer]
    hint = 'For example `manual: {ask: "Has everyone reloaded?"}`'
    if len(present) > 1:
        yield place, "has more than one watcher: " + ", ".join(f"`{kind}`" for kind in present), "Exactly one."
    elif not present and not NOT_YET & consumer.keys():
        yield place, "has no watcher: one of `http`, `command`, `manual` says how it is observed", hint
    http = consumer.get("http")
    urls = http.get("urls") if isinstance(http, dict) else None
    if isinstance(urls, list) and all(isinstance(url, str) for url in urls) and len(set(urls)) != len(urls):
        yield (*place, "http", "urls"), "the same URL stands there twice", "One URL is one instance."


def _logins(auth: object, place: Place) -> Iterator[_Finding]:
    if isinstance(auth, dict) and len([kind for kind in LOGINS if kind in auth]) != 1:
        yield place, "does not say how to log in: exactly one of " + ", ".join(f"`{kind}`" for kind in LOGINS), ""
