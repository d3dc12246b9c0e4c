"""The sandbox Anthropic's control API under `/_sandbox/`: the Console's part (making keys), traffic, and faults.

Only for holders of the control token (header `x-sandbox-token`). Bodies and answers are JSON:

- `POST keys {name?, workspace?, expires_at?}` → `{id, key}` · `POST keys/ID {status?, name?}` → the record
- `POST admin-keys {name?}` → `{id, key}` · `GET traffic` → `{KEY_ID: {accepted, refused}}`
- `POST faults {rules: [{method?, path?, key_id?, times?, fault: {status?, …, delay_seconds?}}]}`: replaces all rules
- `POST reports {open?, lag_seconds?, late_every?, late_seconds?, watermark?, gap_seconds?, dead?}`: the usage reports
  (`meter.py`); a gap, and death, begin now
- `POST slowness {new_seconds?, change_seconds?}`: how late new keys and changes of status are known
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from rotator.model.canonical import Json, JsonObject
from rotator.model.keys import KeyStatus
from rotator.sandbox.anthropic_books import Books, Denied
from rotator.sandbox.anthropic_faults import Fault, FaultRule, FaultRules
from rotator.sandbox.anthropic_wire import Answer, Request, encode, error_body, invalid, json_body, record_to_json
from rotator.sandbox.meter import Reporting

PREFIX = "/_sandbox/"
TOKEN_HEADER = "x-sandbox-token"  # noqa: S105  a header's name, not a secret


class Control:
    def __init__(self, books: Books, rules: FaultRules, token: str) -> None:
        self._books = books
        self._rules = rules
        self._token = token

    def answer(self, request: Request, request_id: str) -> Answer:
        try:
            given = request.headers.get(TOKEN_HEADER, "")
            if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode()):
                raise Denied(401, "authentication_error", "the control token is missing or wrong")
            return Answer(status=200, body=encode(self._answered(request)))
        except Denied as no:
            return Answer(status=no.status, body=error_body(no.type, no.message, request_id, no.error_code))
        except (TypeError, ValueError) as wrong:
            body = error_body("invalid_request_error", f"cannot be read: {type(wrong).__name__}", request_id)
            return Answer(status=400, body=body)

    def _answered(self, request: Request) -> JsonObject:
        parts = request.path.removeprefix(PREFIX).strip("/").split("/")
        match request.method, parts:
            case "GET", ["traffic"]:
                return self._books.traffic()
            case "POST", ["keys"]:
                return self._issue(json_body(request))
            case "POST", ["admin-keys"]:
                key, record = self._books.issue_admin(_text(json_body(request), "name") or "admin")
                return {"id": record.id, "key": key.reveal()}
            case "POST", ["keys", key_id]:
                body = json_body(request)
                status = _text(body, "status")
                wanted = KeyStatus(status) if status else None
                return record_to_json(self._books.change(key_id, status=wanted, name=_text(body, "name")))
            case "POST", ["faults"]:
                self._rules.replace(_rules(json_body(request)))
                return {}
            case "POST", ["reports"]:
                self._books.meter.reporting = _reporting(json_body(request), self._books.now())
                return {}
            case "POST", ["slowness"]:
                body = json_body(request)
                self._books.slow_new = _seconds(body, "new_seconds")
                self._books.slow_change = _seconds(body, "change_seconds")
                return {}
        raise Denied(404, "not_found_error", "Not Found")

    def _issue(self, body: Mapping[str, Json]) -> JsonObject:
        expires = _text(body, "expires_at")
        key, record = self._books.issue(
            _text(body, "name") or "key",
            workspace=_text(body, "workspace"),
            expires_at=datetime.fromisoformat(expires) if expires else None,
        )
        return {"id": record.id, "key": key.reveal()}


def _rules(body: Mapping[str, Json]) -> list[FaultRule]:
    rules = body.get("rules")
    if not isinstance(rules, list):
        raise invalid("rules: a list is required")
    return [_rule(rule) for rule in rules]


def _rule(rule: Json) -> FaultRule:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("fault"), Mapping):
        raise invalid("each rule needs a fault")
    fault, times = rule["fault"], rule.get("times")
    assert isinstance(fault, Mapping)  # noqa: S101  seen two lines above; mypy does not follow .get()
    status, headers, body = fault.get("status"), fault.get("headers", {}), _text(fault, "body")
    if not isinstance(headers, Mapping):
        raise invalid("headers: an object is required")
    return FaultRule(
        method=_text(rule, "method"),
        path=_text(rule, "path"),
        key_id=_text(rule, "key_id"),
        times=times if isinstance(times, int) else None,
        fault=Fault(
            status=status if isinstance(status, int) else None,
            type=_text(fault, "type") or "api_error",
            message=_text(fault, "message") or "a fault of the sandbox",
            error_code=_text(fault, "error_code"),
            body=body.encode() if body is not None else None,
            headers={name: str(value) for name, value in headers.items()},
            delay=_seconds(fault, "delay_seconds"),
            drop=fault.get("drop") is True,
            truncate=fault.get("truncate") is True,
            carried_out=fault.get("carried_out") is True,
        ),
    )


def _reporting(body: Mapping[str, Json], now: datetime) -> Reporting:
    shown, watermark, every = (
        _text(body, "open") or "both",
        _text(body, "watermark") or "honest",
        body.get("late_every"),
    )
    if shown not in ("both", "legacy", "none") or watermark not in ("honest", "null", "stuck"):
        raise invalid("open: both, legacy or none; watermark: honest, null or stuck")
    return Reporting(
        open=shown,  # type: ignore[arg-type]  # checked just above; mypy does not narrow a str by `in`
        watermark=watermark,  # type: ignore[arg-type]  # likewise
        stuck_at=now,
        lag=_seconds(body, "lag_seconds"),
        late_every=every if isinstance(every, int) else 0,
        late_by=_seconds(body, "late_seconds"),
        gaps=[(now, now + gap)] if (gap := _seconds(body, "gap_seconds")) else [],
        dead_since=now if body.get("dead") is True else None,
    )


def _text(body: Mapping[str, Json], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _seconds(body: Mapping[str, Json], name: str) -> timedelta:
    value = body.get(name)
    return timedelta(seconds=value) if isinstance(value, int | float) and value > 0 else timedelta()
