"""A reading of usage as a text to keep, and back. It holds ids, counts and names of models: nothing that is secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rotator.model.errors import OutsideError, Refused, Unreachable
from rotator.model.usage import Minute, Reading, Source, Unread, Usage


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rotation wants to know: of which keys, its old one first, and from when on. `said_at`: when it said so
    last."""

    key_ids: tuple[str, ...]
    since: datetime
    said_at: datetime


def of_wishes(wishes: Sequence[Wish]) -> str:
    return json.dumps([[one.key_ids, one.since.isoformat(), one.said_at.isoformat()] for one in wishes])


def wishes(text: str) -> list[Wish]:
    """Raises `ValueError` and its like for what `of_wishes` did not write."""
    return [
        Wish(tuple(ids), datetime.fromisoformat(since), datetime.fromisoformat(at))
        for ids, since, at in json.loads(text)
    ]


def of_asker(holder: str) -> str:
    """In an answer's place: who is asking for it. To a version that does not know this it is no answer."""
    return json.dumps({"asking": holder})


def asker(text: str) -> str | None:
    """None where it is an answer already, or nothing that `of_asker` wrote."""
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return None
    holder = told.get("asking") if isinstance(told, dict) else None
    return holder if isinstance(holder, str) else None


def of_answer(answer: Reading | OutsideError) -> str:
    match answer:
        case Usage():
            return json.dumps({"usage": _of_usage(answer)})
        case Unread():
            return json.dumps({"unread": answer.why})
        case _:
            kind = "refused" if isinstance(answer, Refused) else "unreachable"
            return json.dumps({kind: [answer.message, answer.hint]})


def answer(text: str) -> Reading | OutsideError:
    """Raises `ValueError` and its like for what `of_answer` did not write."""
    [(kind, said)] = json.loads(text).items()
    match kind:
        case "usage":
            return _usage(said)
        case "unread":
            return Unread(said)
        case "refused":
            return Refused(*said)
        case "unreachable":
            return Unreachable(*said)
        case _:
            raise ValueError


def _of_usage(usage: Usage) -> Mapping[str, object]:
    return {
        "source": usage.source.value,
        "since": usage.since.isoformat(),
        "read_at": usage.read_at.isoformat(),
        "complete_until": usage.complete_until.isoformat() if usage.complete_until else None,
        "request_ids": usage.request_ids,
        "minutes": {
            id: [[one.at.isoformat(), one.volume, sorted(one.models), sorted(one.workspaces)] for one in minutes]
            for id, minutes in usage.minutes.items()
        },
    }


def _usage(said: Mapping[str, Any]) -> Usage:
    until = said["complete_until"]
    return Usage(
        source=Source(said["source"]),
        since=datetime.fromisoformat(said["since"]),
        read_at=datetime.fromisoformat(said["read_at"]),
        complete_until=None if until is None else datetime.fromisoformat(until),
        request_ids=tuple(said["request_ids"]),
        minutes={id: tuple(_minute(*each) for each in minutes) for id, minutes in said["minutes"].items()},
    )


def _minute(at: str, volume: int, models: list[str], workspaces: list[str]) -> Minute:
    return Minute(
        at=datetime.fromisoformat(at), volume=volume, models=frozenset(models), workspaces=frozenset(workspaces)
    )
