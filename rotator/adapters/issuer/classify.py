"""What an answer of Anthropic's means for the key that was sent. Pure. Facts: "What a response means for a probe"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rotator.model.measure import Cause, Verdict

_SPEND_LIMITS = {
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "organization_on_hold",
    "linked_organization_billing_unavailable",
    "linked_organization_spend_limit_reached",
}
"""`error.details.error_code` of an account, not a key, that may not go on."""
_MAX_QUOTED = 200
"""Characters of Anthropic's own words in a sentence of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, as far as it tells something. `status` None: there was none, and `failure` says why."""

    status: int | None = None
    type: str | None = None
    code: str | None = None
    message: str | None = None
    failure: str | None = None
    malformed: bool = False
    """The HTTP client would not send the request as it is: not a failure of the network."""
    retry_after: timedelta | None = None
    request_id: str | None = None
    organization: str | None = None
    workspace: str | None = None

    @property
    def words(self) -> str:
        """The status, Anthropic's error type and code, and its message, for a person."""
        if self.status is None:
            return self.failure or "no answer"
        what = " ".join(part for part in (str(self.status), self.type, self.code) if part)
        return f"{what}: {self.message[:_MAX_QUOTED]}" if self.message else what


@dataclass(frozen=True, slots=True)
class Meaning:
    """`again`: the same request may be answered otherwise in a while. `no_model`: the key is fine, the model is not."""

    verdict: Verdict
    cause: Cause
    why: str
    again: bool = False
    no_model: bool = False


def classify(reply: Reply) -> Meaning:
    """The meaning of an answer that is not 200.

    Branches on `error.type` and `error_code`. Messages are looked at only where the facts page knows no code: a
    workspace that does not fit, and a usage limit or credit balance that is spent.
    """
    said = (reply.message or "").lower()
    if reply.malformed:
        return Meaning(Verdict.FAILED, Cause.MALFORMED, "The key cannot be sent in a header: it is malformed.")
    if reply.code in _SPEND_LIMITS or reply.status == 402 or (reply.status == 400 and _is_spent(said)):
        why = f"The account is blocked, which says nothing of the key ({reply.words})."
        return Meaning(Verdict.INCONCLUSIVE, Cause.BLOCKED, why)
    match reply.status:
        case 401:
            return Meaning(Verdict.FAILED, Cause.UNAUTHENTICATED, f"Anthropic does not accept the key ({reply.words}).")
        case 403 if reply.code == "sandbox_egress_restricted":
            why = f"This environment, not the key, may not reach Anthropic ({reply.words})."
            return Meaning(Verdict.FAILED, Cause.FORBIDDEN, why)
        case 403:
            return Meaning(Verdict.FAILED, Cause.FORBIDDEN, f"The key is known but not permitted ({reply.words}).")
        case 400 if "anthropic-workspace-id" in said:
            return _workspace(reply)
        case 404 if said.startswith("workspace"):
            return _workspace(reply)
        case 404:
            return Meaning(Verdict.ERRORED, Cause.WEATHER, _unexpected(reply), no_model=True)
        case None | 408 | 409 | 429:
            return _weather(reply)
        case status if status >= 500:
            return _weather(reply)
    return Meaning(Verdict.ERRORED, Cause.WEATHER, _unexpected(reply))


def _is_spent(message: str) -> bool:
    return "usage limit" in message or "credit balance" in message


def _workspace(reply: Reply) -> Meaning:
    why = f"The request names a workspace that the key cannot use ({reply.words}): look at ANTHROPIC_CUSTOM_HEADERS."
    return Meaning(Verdict.FAILED, Cause.WORKSPACE, why)


def _weather(reply: Reply) -> Meaning:
    why = f"Anthropic could not be asked, which says nothing of the key ({reply.words})."
    return Meaning(Verdict.INCONCLUSIVE, Cause.WEATHER, why, again=True)


def _unexpected(reply: Reply) -> str:
    redirected = reply.status is not None and 300 <= reply.status < 400
    where = "Redirects are not followed with a key: look at ANTHROPIC_BASE_URL." if redirected else "Not Anthropic?"
    return f"An answer that Anthropic does not give ({reply.words}). {where}"
