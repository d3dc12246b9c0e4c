"""What was seen of keys and consumers, and what it means. Four verdicts, not two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple

from rotator.model.canonical import NOTHING, Json


class Verdict(Enum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"  # nothing was proven either way: never counts as a pass
    ERRORED = "errored"  # the measurement itself could not be made


VERDICTS: Final = {verdict.value: verdict for verdict in Verdict}
"""By the word that a journal has for it."""


class Cause(Enum):
    """Why a ping ended as it did. Facts: "What a response means for a probe"."""

    ACCEPTED = "accepted"
    UNAUTHENTICATED = "unauthenticated"  # 401: dead, wrong, or too new to be known everywhere
    FORBIDDEN = "forbidden"  # 403: authentic, not permitted
    WORKSPACE = "workspace"  # the request names a workspace that the key cannot use
    BLOCKED = "blocked"  # the account: spend limit, credit, organisation on hold
    MALFORMED = "malformed"  # the text cannot be sent in a header at all
    WEATHER = "weather"  # rate limit, overload, 5xx, time-out, connection: says nothing of the key


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One test of a key against the issuer. `verdict` is about the key; `why` is a sentence for a person."""

    verdict: Verdict
    cause: Cause
    why: str
    request_ids: tuple[str, ...] = ()
    organization: str | None = None
    workspace: str | None = None
    model: str | None = None  # the model that answered, where inference was asked for
    models: tuple[str, ...] = ()  # the ids of the models that the key lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One process, pod, task or function of a consumer. `fingerprint` None: it cannot say, so it is unknown."""

    id: str
    fingerprint: str | None
    since: datetime | None = None
    terminating: bool = False


class Measurement(NamedTuple):
    """One result of a probe or an observation, as it is journaled and shown. A tuple, as `Evidence` is.

    `facts` is what was seen: equal facts mean that nothing has changed, so they hold no times and no request ids.
    `proof` is what support or an auditor asks for (request ids, times). `final` says that waiting cannot help.
    """

    gate: str
    verdict: Verdict
    why: str
    facts: Mapping[str, Json] = NOTHING
    proof: Mapping[str, Json] = NOTHING
    final: bool = False
