"""One possible cause of a key's refusal, with what speaks for it, what against it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.model.canonical import JsonObject


class Culprit(Enum):
    """Every cause that is told apart, in the order in which equally certain ones are ranked."""

    SHADOWED = "shadowed"  # requests carry another credential than this key
    OUTRANKS = "outranks_federation"  # a leftover static key is used instead of the profile or federation
    NOT_LOADED = "not_loaded"
    WRONG_KIND = "wrong_kind"  # an Admin key, an OAuth token, a key of another company
    WRONG_BYTES = "wrong_bytes"
    ARCHIVED = "archived"
    EXPIRED = "expired"
    DISABLED = "disabled"
    WORKSPACE = "other_workspace"
    GATEWAY = "gateway"
    UNUSUAL = "unusual_form"  # cut off, or altered
    TOO_NEW = "too_new"
    ANTHROPIC = "anthropic_side"
    UNKNOWN_KEY = "unknown_key"  # in none of the organisation's records
    RETIRED = "retired"  # disabled, expired, archived or deleted: without the Admin API that cannot be told apart
    FORBIDDEN = "forbidden"
    EGRESS = "egress"
    BLOCKED = "account_blocked"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    UNREACHABLE = "unreachable"
    ODD_ANSWER = "odd_answer"


NOT_THE_KEY = frozenset(
    {
        Culprit.FORBIDDEN,
        Culprit.EGRESS,
        Culprit.BLOCKED,
        Culprit.RATE_LIMITED,
        Culprit.OVERLOADED,
        Culprit.UNREACHABLE,
        Culprit.ODD_ANSWER,
    }
)
"""Said to be no fault of the key."""


class Certainty(IntEnum):
    UNLIKELY = 1  # what speaks against it outweighs; named so that nobody wonders
    POSSIBLE = 2
    LIKELY = 3
    PROVEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """Every text is a sentence for a person."""

    culprit: Culprit
    certainty: Certainty
    what: str
    fix: str
    speaks_for: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        return {
            "cause": self.culprit.value,
            "certainty": self.certainty.name.lower(),
            "is_the_key": self.culprit not in NOT_THE_KEY,
            "what": self.what,
            "for": list(self.speaks_for),
            "against": list(self.against),
            "fix": self.fix,
        }
