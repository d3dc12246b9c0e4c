"""A report as a page of Markdown for a person who audits. It holds less than the JSON, and cannot be verified. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_TRIGGERS: Final = {
    "first_key": "the secret's first key",
    "planned": "planned",
    "compromise": "suspected or confirmed compromise",
    "drift": "places that held another key than the right one",
}

Report = Mapping[str, Any]


def page(report: Report) -> str:
    """The page, ending in a newline."""
    parts = (_head, _keys, _overrides, _debts, _approvals, _gates, _effects, _consumers, _chain)
    return "\n".join(line for part in parts for line in (*part(report), ""))


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
        (one["seq"], _time(one["at"]), one["what"], one["by"], one["reason"], _short(one["evidence_digest"]))
        for one in report["approvals"]
    ]
    yield from _table(("event", "when", "what", "by", "reason", "evidence digest"), rows)


def _gates(report: Report) -> Iterator[str]:
    yield "## Gates"
    yield ""
    rows: list[tuple[object, ...]] = []
    for gate in report["gates"]:
        last = gate["measurements"][-1] if gate["measurements"] else None
        if last is None:
            rows.append((gate["gate"], "not measured", "", "", "", ""))
            continue
        count = len(gate["measurements"])
        rows.append((gate["gate"], last["verdict"], last["why"], _time(last["at"]), count, _short(last["digest"])))
    yield from _table(("gate", "last verdict", "why", "when", "journaled measurements", "digest"), rows)


def _effects(report: Report) -> Iterator[str]:
    yield "## Effects"
    yield ""
    rows = []
    for effect in report["effects"]:
        tried = effect["events"]
        began = _time(tried[0]["at"]) if tried else ""
        found = ", found done" if any(one["found_done"] for one in tried) else ""
        by = next((one["approved_by"] for one in reversed(tried) if one["approved_by"]), "")
        state = f"{effect['state'] or 'not begun'}{found}"
        rows.append((effect["step"], state, began, _time(effect["since"]) if effect["since"] else "", by))
    yield from _table(("effect", "state", "first intended", "state since", "approved by"), rows)


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
    yield "`rotate report --verify FILE` checks that file without the journal; this page is for reading."


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


def _short(digest: str) -> str:
    return f"`{digest[:12]}`" if digest else ""
