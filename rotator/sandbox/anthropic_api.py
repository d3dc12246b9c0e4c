"""What the sandbox Anthropic answers: requests in, answers out, no sockets. Facts: Shapes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs

from rotator.model.canonical import Json, JsonObject
from rotator.model.keys import KeyStatus
from rotator.sandbox import anthropic_reports
from rotator.sandbox.anthropic_books import Books, Caller, Denied
from rotator.sandbox.anthropic_models import MODELS, Model
from rotator.sandbox.anthropic_wire import (
    Answer,
    Request,
    encode,
    error_body,
    identity_headers,
    invalid,
    json_body,
    page,
    record_to_json,
)

NO_TEMPERATURE_SINCE = "2026-10-21"
"""From this `anthropic-version` on `temperature` is refused (facts: Cheapest honest checks)."""

_SETTABLE = {status.value: status for status in (KeyStatus.ACTIVE, KeyStatus.INACTIVE, KeyStatus.ARCHIVED)}


Handler: TypeAlias = Callable[[Request, Caller], JsonObject]


class Api:
    """Answers for one set of books. A request is counted once its key's status has let it in or kept it out."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._ids = itertools.count(1)

    def next_id(self) -> str:
        return f"req_{next(self._ids)}"

    def whose(self, request: Request) -> Caller | None:
        """The caller, whatever its key's status; None where the key is nobody's or missing."""
        text = _credential(request)
        return self._books.caller(text) if text else None

    def answer(self, request: Request, caller: Caller | None, request_id: str) -> Answer:
        identity = {"request-id": request_id, **identity_headers(caller)}
        try:
            body = encode(self._answered(request, caller, request_id))
            return Answer(status=200, body=body, headers=identity)
        except Denied as no:
            body = error_body(no.type, no.message, request_id, no.error_code)
            return Answer(status=no.status, body=body, headers=identity)

    def _answered(self, request: Request, caller: Caller | None, request_id: str) -> JsonObject:
        handler, admin = self._route(request)
        if caller is None or not caller.honoured or caller.admin is not admin:
            self._books.count(caller.key_id if caller else None, accepted=False)
            raise _unauthenticated(request)
        if "anthropic-version" not in request.headers:
            raise invalid("anthropic-version: header is required")
        self._check_workspace(request, caller)
        self._books.count(caller.key_id, accepted=True)
        return handler(request, caller)

    def _route(self, request: Request) -> tuple[Handler, bool]:
        """The handler, and whether it asks for an Admin key."""
        parts = request.path.strip("/").split("/")
        match request.method, parts:
            case "GET", ["v1", "models"]:
                return self._models, False
            case "GET", ["v1", "models", _]:
                return self._model, False
            case "POST", ["v1", "messages"]:
                return self._message, False
            case "POST", ["v1", "messages", "count_tokens"]:
                return self._count_tokens, False
            case "GET", ["v1", "organizations", "me"]:
                return self._me, True
            case "GET", ["v1", "organizations", "analytics", "usage"]:
                return self._analytics, True
            case "GET", ["v1", "organizations", "usage_report", "messages"]:
                return self._usage_report, True
            case "GET", ["v1", "organizations", "api_keys"]:
                return self._list, True
            case "GET", ["v1", "organizations", "api_keys", _]:
                return self._get, True
            case "POST", ["v1", "organizations", "api_keys", _]:
                return self._update, True
        raise Denied(404, "not_found_error", "Not Found")

    def _check_workspace(self, request: Request, caller: Caller) -> None:
        asked = request.headers.get("anthropic-workspace-id")
        if asked is None or asked == caller.workspace:
            return
        if not self._books.has_workspace(asked):
            raise Denied(404, "not_found_error", f"Workspace {asked} not found")
        raise invalid("anthropic-workspace-id: the credential does not belong to this workspace")

    def _models(self, request: Request, caller: Caller) -> JsonObject:
        query = parse_qs(request.query)
        lifecycles = query.get("lifecycle[]", query.get("lifecycle", ["active", "deprecated"]))
        models = [model for model in MODELS if model.lifecycle in lifecycles]
        return page([model.to_json() for model in models], request.query)

    def _model(self, request: Request, caller: Caller) -> JsonObject:
        return _known_model(request.path.rsplit("/", 1)[1]).to_json()

    def _message(self, request: Request, caller: Caller) -> JsonObject:
        body = json_body(request)
        model = _conversation(request, body)
        self._books.check_model(caller.key_id, model.id)
        most = body.get("max_tokens")
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise invalid("max_tokens: Input should be greater than or equal to 1")
        if body.get("stream"):
            raise invalid("stream: the sandbox answers in one piece only")
        self._books.meter.count(caller.key_id, self._books.now(), model.id, caller.workspace)
        return {
            "id": f"msg_{next(self._ids)}",
            "type": "message",
            "role": "assistant",
            "model": model.id,
            "content": [{"type": "text", "text": "p"}],
            "stop_reason": "max_tokens" if most == 1 else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 8, "output_tokens": 1},
        }

    def _analytics(self, request: Request, caller: Caller) -> JsonObject:
        return anthropic_reports.analytics(self._books.meter, request, self._keys(caller), self._books.now())

    def _usage_report(self, request: Request, caller: Caller) -> JsonObject:
        return anthropic_reports.legacy(self._books.meter, request, self._keys(caller), self._books.now())

    def _keys(self, caller: Caller) -> set[str]:
        return {record.id for record in self._books.records(caller.organization)}

    def _count_tokens(self, request: Request, caller: Caller) -> JsonObject:
        _conversation(request, json_body(request))
        return {"input_tokens": 8}

    def _me(self, request: Request, caller: Caller) -> JsonObject:
        organization = self._books.organization(caller.organization)
        return {"id": organization.id, "type": "organization", "name": organization.name}

    def _list(self, request: Request, caller: Caller) -> JsonObject:
        query = parse_qs(request.query)
        status, workspace = query.get("status", [None])[0], query.get("workspace_id", [None])[0]
        records = [
            record_to_json(record)
            for record in self._books.records(caller.organization)
            if status in (None, record.status.value) and workspace in (None, record.workspace)
        ]
        return page(records, request.query)

    def _get(self, request: Request, caller: Caller) -> JsonObject:
        return record_to_json(self._books.record(self._own(request, caller)))

    def _update(self, request: Request, caller: Caller) -> JsonObject:
        key_id, body = self._own(request, caller), json_body(request)
        status, name = body.get("status"), body.get("name")
        if status is not None and (not isinstance(status, str) or status not in _SETTABLE):
            raise invalid("status: Input should be 'active', 'inactive' or 'archived'")
        if name is not None and (not isinstance(name, str) or not name):
            raise invalid("name: Input should be a non-empty string")
        return record_to_json(
            self._books.change(
                key_id,
                status=_SETTABLE[status] if isinstance(status, str) else None,
                name=name if isinstance(name, str) else None,
            )
        )

    def _own(self, request: Request, caller: Caller) -> str:
        """The key id in the path, if the caller's organisation has such an API key."""
        key_id = request.path.rsplit("/", 1)[1]
        if key_id not in self._keys(caller):
            raise Denied(404, "not_found_error", f"API key {key_id} not found")
        return key_id


def _credential(request: Request) -> str | None:
    """Both headers are honoured (facts: What shapes the design, 3)."""
    words, bearer = request.headers.get("authorization", ""), "bearer "
    if words.lower().startswith(bearer):
        return words[len(bearer) :].strip()
    return request.headers.get("x-api-key")


def _unauthenticated(request: Request) -> Denied:
    if "authorization" in request.headers:
        return Denied(401, "authentication_error", "Invalid bearer token")
    missing = "x-api-key" not in request.headers
    return Denied(401, "authentication_error", "x-api-key header is required" if missing else "invalid x-api-key")


def _conversation(request: Request, body: Mapping[str, Json]) -> Model:
    messages, model = body.get("messages"), body.get("model")
    if not isinstance(model, str):
        raise invalid("model: Field required")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages: at least one message is required")
    if "temperature" in body and request.headers["anthropic-version"] >= NO_TEMPERATURE_SINCE:
        raise invalid("temperature: Extra inputs are not permitted")
    return _known_model(model, usable=True)


def _known_model(id: str, *, usable: bool = False) -> Model:
    found = next((model for model in MODELS if model.id == id), None)
    if found is None or (usable and found.lifecycle == "retired"):
        raise Denied(404, "not_found_error", f"model: {id}")
    return found
