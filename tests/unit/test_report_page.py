"""The report as a page: what it carries, and that no byte of it can be changed unseen."""

from __future__ import annotations

from rotator.core import report_page
from rotator.core.report_page import encoded, page
from rotator.model.canonical import Json
from rotator.model.errors import JournalError
from rotator.model.event import Kind
from tests.unit.core_rotations import log
from tests.unit.test_report import abandoned, completed, of, reported, rolled_back, with_byte


def test_any_changed_added_or_missing_byte_of_a_page_is_found() -> None:
    data = encoded(page(reported(completed())))
    assert report_page.verify(data).startswith("Rotation ")
    for place in range(len(data)):
        changed = [
            with_byte(data, place, data[place] ^ 1 << place % 8),
            data[:place] + data[place + 1 :],
            data[:place] + b"\n" + data[place:],
        ]
        assert all(one == data or _page_broken(one) for one in changed), place
    assert _page_broken(data + b"\n")
    assert _page_broken(data.replace(b"\n", b"\r\n"))
    assert _page_broken(b"")


def _page_broken(data: bytes) -> bool:
    try:
        report_page.verify(data)
    except JournalError as error:
        return bool(error.message and error.hint)
    return False


def test_a_page_carries_every_gates_evidence_and_digest_the_request_ids_and_the_approvals_digests() -> None:
    report = reported(completed())
    found = page(report)
    for gate in report["gates"]:
        last = gate["measurements"][-1]
        assert last["digest"] in found
        assert all(f"| {name} |" in found for name in last["facts"] if not isinstance(last["facts"][name], dict))
    assert report["requests"]
    assert all(id in found for one in report["requests"] for id in one["ids"])
    for one in report["approvals"]:
        assert one["plan_digest"] in found
        assert one["evidence_digest"] in found


def test_nested_evidence_is_laid_out_flat() -> None:
    proof: Json = {"conditions": [{"name": "opened", "holds": True}], "new": {"models": ["a", "b"], "last": None}}
    measured = log(
        [(Kind.MEASURED, "drain", {"verdict": "failed", "why": "w", "facts": {"missing": []}, "proof": proof})]
    )
    found = page(of(measured))
    for line in ("| conditions.1.name | opened |", "| conditions.1.holds | true |", "| new.models | a, b |"):
        assert line in found
    assert "| new.last | null |" in found
    assert "| missing |  |" in found


def test_no_name_or_reason_breaks_out_of_its_cell_on_the_page() -> None:
    found = page(reported(abandoned()))
    assert "because of a\\\\line" in page(reported(rolled_back()))
    assert all(line.count("|") - line.count("\\|") in (0, *range(3, 9)) for line in found.splitlines())
    assert "<auditor>" not in page(reported(rolled_back()))


def test_the_page_names_the_open_debt_and_what_closes_it() -> None:
    report = reported(abandoned())
    found = page(report)
    assert f"settled:{report['debts'][0]['id']}" in found
    assert report["log"]["head"] in found
