"""A report as a page of Markdown for a person who audits. Pure.

It leaves out the events, so that nothing in it can be derived anew; its last line holds the digest of all above it, by
which any changed byte is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rotator.model.canonical import canonical
from rotator.model.errors import JournalError

_TRIGGERS: Final = {
    "first_key": "the secret's first key",
    "planned": "planned",
    "compromise": "suspected or confirmed compromise",
    "drift": "places that held another key than the right one",
}

_BEGINS: Final = b"# Rotation "
_SEAL: Final = "SHA-256 of all above this line: "

Report = Mapping[str, Any]


def page(report: Report) -> str:
    """The page, ending in a newline. It is written down as `encoded` does, or its last line does not fit."""
    parts = (_head, _keys, _overrides, _debts, _approvals, _gates, _evidence, _effects, _requests, _consumers, _chain)
    body = "\n".join(line for part in parts for line in (*part(report), ""))
    return f"{body}\n{_SEAL}`{_sum(encoded(body))}`\n"


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def is_page(data: bytes) -> bool:
    return data.startswith(_BEGINS)


def verify(data: bytes) -> str:
    """The page's first line, where not one byte was changed since it was written. Raises `JournalError` where one was.

    What this cannot find is a page that somebody made up, and gave the digest that fits.
    """
    body, _, seal = data.removesuffix(b"\n").rpartition(b"\n")
    if not is_page(data) or not data.endswith(b"\n") or seal != f"{_SEAL}`{_sum(body)}`".encode():
        raise JournalError(
            "this page does not verify: its last line is not the digest of what stands above it",
            "Trust none of it. Write it again, from the journal itself: rotate report CREDENTIAL --format markdown",
        )
    return body.partition(b"\n")[0].decode().removeprefix("# ")


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _head(report: Report) -> Iterator[str]:
    rotation = report["rotation"]
    trigger = rotation["trigger"]
    yield f"# Rotation {rotation['id']} of {_cell(report['credential'])}"
    yield ""
    yield from _table(
        ("", ""),
        [
            ("outcome", rotation["outcome"].replace("_", " ")),
            ("trigger", _TRIGGERS[trigger["kind"]]),
            ("playbook", f"{trigger['playbook']}: {trigger['why']}"),
            ("opened", f"{_time(rotation['opened_at'])} by {rotation['opened_by']}"),
            ("ended", _time(rotation["ended_at"]) if rotation["ended_at"] else "not yet"),
            ("plan digest", f"`{report['plan']['digest']}`"),
            ("written", _time(report["written_at"])),
        ],
    )


def _keys(report: Report) -> Iterator[str]:
    yield "## Keys"
    yield ""
    rows = []
    for which in ("old", "new"):
        key = report["keys"][which]
        if key is not None:
            shown = f"{key['head'] or '(short)'}...{key['tail']} [{key['digest']}]"
            rows.append((which, shown, key["key_id"] or "not known", key.get("status", "")))
    yield from _table(("key", "fingerprint", "record at Anthropic", "status at the last event"), rows)


def _overrides(report: Report) -> Iterator[str]:
    yield "## What was not proven, or done on somebody's word"
    yield ""
    rows = [(one["seq"], _time(one["at"]), one["kind"], one["what"]) for one in report["overrides"]]
    yield from _table(("event", "when", "kind", "what"), rows)


def _debts(report: Report) -> Iterator[str]:
    yield "## Debts that this rotation left"
    yield ""
    rows = [
        (one["id"], _time(one["since"]), one["what"], one["closed"] or f"OPEN: {one['close']}")
        for one in report["debts"]
    ]
    yield from _table(("debt", "since", "what", "closed"), rows)


def _approvals(report: Report) -> Iterator[str]:
    yield "## Approvals and answers"
    yield ""
    rows = [
        (
            one["seq"],
            _time(one["at"]),
            one["what"],
            one["by"],
            one["reason"],
            _code(one["plan_digest"]),
            _code(one["evidence_digest"]),
        )
        for one in report["approvals"]
    ]
    yield from _table(("event", "when", "what", "by", "reason", "plan digest", "evidence digest"), rows)


def _gates(report: Report) -> Iterator[str]:
    yield "## Gates"
    yield ""
    rows: list[tuple[object, ...]] = []
    for gate in report["gates"]:
        last = gate["measurements"][-1] if gate["measurements"] else None
        if last is None:
            rows.append((gate["gate"], "not measured", "", "", ""))
            continue
        rows.append((gate["gate"], last["verdict"], last["why"], _time(last["at"]), len(gate["measurements"])))
    yield from _table(("gate", "last verdict", "why", "when", "journaled measurements"), rows)


def _evidence(report: Report) -> Iterator[str]:
    """Of every gate's last journaled measurement; the earlier ones are in the JSON."""
    yield "## Evidence"
    for gate in report["gates"]:
        for last in gate["measurements"][-1:]:
            yield ""
            yield f"### {_cell(gate['gate'])}"
            yield ""
            seen = [*_flat("", last["facts"] or {}), *_flat("", last["proof"] or {})]
            yield from _table(("", ""), [("event", last["seq"]), ("digest", _code(last["digest"])), *seen])


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """What a measurement saw, as rows: `new.models | claude-haiku-5-5`."""
    if isinstance(value, Mapping):
        for inner, one in value.items():
            yield from _flat(f"{name}.{inner}" if name else inner, one)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value, start=1):
            yield from _flat(f"{name}.{number}", one)
    elif isinstance(value, list):
        yield name, ", ".join(str(one) for one in value)
    else:
        yield name, value if isinstance(value, str) else canonical(value)


def _effects(report: Report) -> Iterator[str]:
    yield "## Effects"
    yield ""
    rows = []
    for effect in report["effects"]:
        tried = effect["events"]
        began = _time(tried[0]["at"]) if tried else ""
        found = ", found done" if any(one["found_done"] for one in tried) else ""
        by = next((one["approved_by"] for one in reversed(tried) if one["approved_by"]), "")
        rests = next((one["evidence_digest"] for one in reversed(tried) if one["evidence_digest"]), "")
        state = f"{effect['state'] or 'not begun'}{found}"
        since = _time(effect["since"]) if effect["since"] else ""
        rows.append((effect["step"], state, began, since, by, _code(rests)))
    yield from _table(("effect", "state", "first intended", "state since", "approved by", "evidence digest"), rows)


def _requests(report: Report) -> Iterator[str]:
    yield "## Anthropic's answers that measurements rest on"
    yield ""
    rows = [(one["seq"], one["gate"], ", ".join(map(str, one["ids"]))) for one in report["requests"]]
    yield from _table(("event", "gate", "request ids"), rows)


def _consumers(report: Report) -> Iterator[str]:
    yield "## Who uses the key, by the plan"
    yield ""
    rows = [
        (one["name"], one["wave"], "required" if one["required"] else "not required", f"{one['cadence']:g} s")
        for one in report["plan"]["consumers"]
    ]
    yield from _table(("consumer", "wave", "", "may be quiet for"), rows)
    yield ""
    yield "Secrets: " + ", ".join(f"`{_cell(secret)}`" for secret in report["plan"]["secrets"])


def _chain(report: Report) -> Iterator[str]:
    log = report["log"]
    yield "## How to check this"
    yield ""
    yield f"Events {log['first']} to {log['last']} of the credential's log, each bound to the one before by SHA-256."
    yield f"The last one's hash is `{log['head']}`; the one before the first is `{log['prev']}`."
    yield f"The digest of the report in JSON is `{report['digest']}`."
    yield "`rotate report --verify FILE` checks either without the journal: this page for any changed byte, the JSON"
    yield "also for whether all that it says follows from its events."


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    if not rows:
        yield "None."
        return
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(_cell(value) for value in row)} |" for row in rows)


def _cell(value: object) -> str:
    """One line that no name or reason can break out of."""
    text = " ".join(str("" if value is None else value).split())
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _time(iso: str) -> str:
    return f"{iso[:19].replace('T', ' ')} UTC"


def _code(digest: str) -> str:
    return f"`{digest}`" if digest else ""
