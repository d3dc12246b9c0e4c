"""A status as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def status_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The status of one credential (`core.status`), in at most 80 columns where its names allow."""
    rotation = report["rotation"]
    if rotation is None:
        yield f"{report['credential']}: no rotation yet"
        yield f"  next     {report['next']}"
        return
    where = rotation["outcome"].replace("_", " ")
    where += f", {rotation['phase']}" if where == "open" else ""
    yield f"{report['credential']}: {where} ({rotation['playbook']}, {rotation['id']})"
    drift = report["drift"]
    for secret, key in drift["held"].items() if drift else ():
        yield f"  drifted  {secret} held {key}; it is given the key of {drift['right']}"
    for which in ("old", "new"):
        if report[which]:
            yield f"  {which} key  {report[which]['fingerprint']}  {report[which]['status']}"
    for consumer in report["consumers"]:
        yield f"  {_counts(consumer)}"
    for gate in report["gates"]:
        if gate["verdict"] not in (None, "passed"):
            yield f"  gate     {gate['name']}: {gate['verdict']}: {gate['why']}"
    yield from drain_lines(report)
    for warning in report["warnings"]:
        yield f"  warning  {warning}"
    if report["waiting"]:
        until = report["waiting"]["until"]
        yield f"  waiting  {f'until {until[:19]}Z: ' if until else ''}{report['waiting']['why']}"
    for debt in report["owed"]:
        yield f"  OWED     {debt}"
    if report["next"]:
        yield f"  next     {report['next']}"


def drain_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Law 7, a line for each condition, and what the old key was used for; nothing where usage was not read."""
    drain = report["drain"]
    if drain is None:
        return
    for condition in drain["conditions"]:
        yield f"    {'ok ' if condition['holds'] else 'not'}  {condition['name']:<8} {condition['why']}"
    old = drain["old"]
    if old:
        where = [*(f"model {model}" for model in old["models"]), *(f"workspace {one}" for one in old["workspaces"])]
        last = f"first {_minute(old['first'])}, last {_minute(old['last'])}"
        yield f"    old key used: {old['volume']} {drain['unit']}s, {last}; {', '.join(where)}"
        yield f"    in the minutes {', '.join(at[11:16] for at in old['lately'])}"
    if drain["expected"] and not drain["passed"]:
        yield f"    can hold at {_minute(drain['expected'])} at the earliest, if the old key stays silent"


def _minute(at: str) -> str:
    return f"{at[:16].replace('T', ' ')}Z"


def _counts(consumer: Mapping[str, Any]) -> str:
    if consumer["instances"] is None:
        return f"{consumer['name']}: not observed yet"
    parts = [f"{consumer['on_new']} new", f"{consumer['on_old']} old", f"{consumer['unknown']} unknown"]
    if consumer["terminating"]:
        parts.append(f"{consumer['terminating']} terminating")
    count = consumer["instances"]
    return f"{consumer['name']}: {count} instance{'' if count == 1 else 's'}: {', '.join(parts)}"
