"""Testing a key: authentication for nothing, inference for next to nothing. Facts: Cheapest honest checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rotator.adapters.issuer.classify import Reply
from rotator.adapters.issuer.connection import Answered, Connection, Unanswered
from rotator.core.exposure import exposes_key
from rotator.core.hygiene import sendable
from rotator.model.errors import Refused
from rotator.model.keys import KeyText
from rotator.model.measure import Cause, Ping, Verdict

if TYPE_CHECKING:
    from anthropic import Anthropic

MODELS_ASKED = 1000
"""Models in one page, the most there can be; further pages are not read."""
MODELS_TRIED = 5
"""Models asked for a token before the ping gives up (an organisation may not have them all)."""
PREFERRED_LINE = "haiku"
_MODEL = re.compile(r"[\x21-\x7e]{1,200}")
"""What may be sent back to the server, journaled and printed as a model's id."""


class _Pinging:
    """One ping: what was asked so far, and whose key it was."""

    def __init__(self, connection: Connection, key: KeyText, client: Anthropic) -> None:
        self._connection = connection
        self._key = key
        self._client = client
        self._request_ids: list[str] = []
        self._organization: str | None = None
        self._workspace: str | None = None
        self._models: tuple[str, ...] = ()

    def run_with(self, model: str) -> Ping:
        """One token from this model and no other."""
        if _MODEL.fullmatch(model) is None:
            return self._ended(Verdict.ERRORED, Cause.WEATHER, "What was named as a model is none.", model)
        answered = self._ask(partial(self._one_token, model))
        if isinstance(answered, Answered):
            return self._ended(
                Verdict.PASSED, Cause.ACCEPTED, f"Anthropic accepts the key, and {model} answered.", model
            )
        if answered.meaning.no_model:
            why = f"Anthropic accepts the key, but {model} is not open to it ({answered.reply.words})."
            return self._ended(Verdict.FAILED, Cause.FORBIDDEN, why, model)
        return self._ended(answered.meaning.verdict, answered.meaning.cause, answered.meaning.why, model)

    def run(self, inference: bool) -> Ping:
        listed = self._ask(lambda: self._client.models.with_raw_response.list(lifecycle=["active"], limit=MODELS_ASKED))
        if isinstance(listed, Unanswered):
            return self._unanswered(listed)
        models = listed.body.get("data")
        if not isinstance(models, list):
            return self._ended(Verdict.ERRORED, Cause.WEATHER, "The list of models is not as Anthropic gives it.")
        self._models = tuple(by_preference(models))
        if not inference:
            return self._ended(Verdict.PASSED, Cause.ACCEPTED, "Anthropic accepts the key.")
        return self._infer(self._models)

    def _infer(self, models: Sequence[str]) -> Ping:
        for model in models[:MODELS_TRIED]:
            answered = self._ask(partial(self._one_token, model))
            if isinstance(answered, Answered):
                if answered.body.get("type") != "message":
                    why = "The answer to a message is not as Anthropic gives it."
                    return self._ended(Verdict.ERRORED, Cause.WEATHER, why)
                why = f"Anthropic accepts the key, and {model} answered."
                return self._ended(Verdict.PASSED, Cause.ACCEPTED, why, model)
            if not answered.meaning.no_model:
                return self._unanswered(answered)
        # The key authenticates, so it is not the key that failed; inference is not proven, so nothing has passed.
        tried = min(len(models), MODELS_TRIED)
        why = f"Anthropic accepts the key, but none of the {tried} models tried was open to it: no proof of inference."
        return self._ended(Verdict.INCONCLUSIVE, Cause.BLOCKED, why)

    def _one_token(self, model: str) -> Any:
        messages = [{"role": "user", "content": "ping"}]
        return self._client.messages.with_raw_response.create(max_tokens=1, model=model, messages=messages)  # type: ignore[arg-type]  # a dict is a MessageParam

    def _ask(self, call: Callable[[], Any]) -> Answered | Unanswered:
        return self._connection.ask(self._key, call, self._note)

    def _note(self, reply: Reply) -> None:
        if reply.request_id:
            self._request_ids.append(reply.request_id)
        self._organization = reply.organization or self._organization
        self._workspace = reply.workspace or self._workspace

    def _unanswered(self, outcome: Unanswered) -> Ping:
        return self._ended(outcome.meaning.verdict, outcome.meaning.cause, outcome.meaning.why)

    def _ended(self, verdict: Verdict, cause: Cause, why: str, model: str | None = None) -> Ping:
        return Ping(
            verdict=verdict,
            cause=cause,
            why=why,
            request_ids=tuple(self._request_ids),
            organization=self._organization,
            workspace=self._workspace,
            model=model,
            models=self._models,
        )


def ping(connection: Connection, key: KeyText, *, inference: bool, model: str | None = None) -> Ping:
    """`GET /v1/models`, then with `inference` one `max_tokens: 1` message. Never raises for what the outside does.

    With `model` only the message, to that model: FAILED where it is not open to the key.
    """
    if not sendable(key):
        why = "The key has white space, control characters or no ASCII in it, or is empty: it was not sent."
        return Ping(verdict=Verdict.FAILED, cause=Cause.MALFORMED, why=why)
    try:
        with connection.client(key) as client:
            pinging = _Pinging(connection, key, client)
            return pinging.run(inference) if model is None else pinging.run_with(model)
    except Refused as refused:
        return Ping(verdict=Verdict.ERRORED, cause=Cause.WEATHER, why=f"{refused.message} {refused.hint}")


def by_preference(models: Sequence[Any]) -> list[str]:
    """Model ids, the cheap line first, within a line the newest first. Entries that are no models are left out."""
    known = [model for model in models if isinstance(model, Mapping) and _is_model(model.get("id"))]
    newest = sorted(known, key=lambda model: str(model.get("created_at", "")), reverse=True)
    return [str(model["id"]) for model in sorted(newest, key=lambda model: model.get("line") != PREFERRED_LINE)]


def _is_model(id: object) -> bool:
    return isinstance(id, str) and _MODEL.fullmatch(id) is not None and not exposes_key(id)
