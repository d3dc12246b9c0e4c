"""The soak's judge finds what it is there to find: each finding is shown to it here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rotator.model.canonical import Json
from rotator.model.keys import KeyText
from rotator.sandbox.fault_proxy import Exchange, Fault
from rotator.sandbox.soak.calls import CallLog, Write
from rotator.sandbox.soak.figures import lines
from rotator.sandbox.soak.judge import in_a_leak, in_journal, in_order, in_store, proven
from rotator.sandbox.soak.leaks import leaks
from rotator.sandbox.soak.ledger import Ledger, Row
from rotator.sandbox.soak.tally import BAD, Tally

KEY = KeyText("sk-ant-api99-" + "v" * 93 + "AA")
OK, REFUSED = b"HTTP/1.1 200 OK\r\n\r\n{}", b"HTTP/1.1 400 Bad Request\r\n\r\n{}"


def row(kind: str, step: str = "disable") -> Row:
    return Row(seq=1, rotation="r", kind=kind, step=step, data={})


def write(verb: str, to: str, before: str = "", subject: str = "") -> Write:
    return Write(verb=verb, subject=subject, to=to, before=before, fault=None)


def aws(operation: str, **body: str) -> bytes:
    head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: secretsmanager.{operation}\r\n\r\n"
    return head.encode() + json.dumps(body).encode()


def vault(path: str, **fields: str) -> bytes:
    head = f"POST /v1/secret/data/{path} HTTP/1.1\r\nHost: x\r\n\r\n"
    return head.encode() + json.dumps({"data": fields, "options": {"cas": 1}}).encode()


def test_an_effect_applied_twice_is_found_unless_it_was_undone_in_between() -> None:
    assert list(in_journal([row("applied"), row("undone"), row("applied")])) == []
    assert list(in_journal([row("applied"), row("intended"), row("applied")])) == ["`disable` was applied twice"]


def test_a_second_version_of_the_new_key_is_found_and_a_repeated_token_is_none() -> None:
    assert list(in_store([write("stage", "v1"), write("stage", "v1")])) == []
    assert list(in_store([write("stage", "v1"), write("stage", "v2")])) == ["2 versions of the new key were staged"]


def test_a_version_that_became_current_twice_is_found() -> None:
    once, again = write("promote", "v2", "v1"), write("promote", "v2", "v2")
    assert list(in_store([once, again])) == []
    assert list(in_store([once, once])) == ["version v2 became current 2 times"]


def test_an_archive_before_a_disable_and_a_write_without_an_intent_are_found() -> None:
    archived = write("status", "archived", subject="apikey_01")
    disabled = write("status", "inactive", subject="apikey_01")
    meant = [row("intended", "archive")]
    assert list(in_order(meant, [disabled, archived])) == []
    assert list(in_order(meant, [archived])) == ["law 3: apikey_01 was archived before it was disabled"]
    assert list(in_order([], [disabled])) == ["law 4: a status was written without an intent in the journal"]


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (aws("PutSecretValue", ClientRequestToken="v2", SecretString="s"), ("stage", "", "v2", "")),
        (
            aws("UpdateSecretVersionStage", VersionStage="AWSCURRENT", MoveToVersionId="v2", RemoveFromVersionId="v1"),
            ("promote", "", "v2", "v1"),
        ),
        (vault("prod/anthropic.pending", api_key=KEY.reveal(), rotator_version="v2"), ("stage", "", "v2", "")),
        (vault("prod/anthropic", api_key=KEY.reveal()), ("promote", "", KEY.fingerprint.digest, "")),
        (
            b'POST /v1/organizations/api_keys/apikey_07 HTTP/1.1\r\nHost: x\r\n\r\n{"status": "inactive"}',
            ("status", "apikey_07", "inactive", ""),
        ),
    ],
)
def test_a_write_is_read_off_the_wire_where_the_server_carried_it_out(
    request_: bytes, wanted: tuple[str, str, str, str]
) -> None:
    log = CallLog()
    log.seen(Exchange(request_, REFUSED, None))
    log.seen(Exchange(request_, b"", None))
    assert log.writes() == []
    log.seen(Exchange(request_, OK, Fault.LOST))
    [found] = log.writes()
    assert (found.verb, found.subject, found.to, found.before) == wanted
    assert not found.heard


def test_reads_and_other_labels_are_no_writes() -> None:
    log = CallLog()
    log.seen(Exchange(aws("GetSecretValue", SecretId="s"), OK, None))
    log.seen(Exchange(aws("UpdateSecretVersionStage", VersionStage="AWSPENDING", MoveToVersionId="v2"), OK, None))
    log.seen(Exchange(b"GET /v1/organizations/api_keys/apikey_07 HTTP/1.1\r\n\r\n", OK, None))
    assert log.writes() == []


def test_a_leaked_key_that_is_enabled_or_restored_is_found() -> None:
    leaked, other = "apikey_01", "apikey_02"
    disabled, enabled = (write("status", to, subject=leaked) for to in ("inactive", "active"))
    assert list(in_a_leak([write("promote", "v2"), disabled], leaked)) == []
    assert list(in_a_leak([enabled], None)) == []
    assert list(in_a_leak([enabled], other)) == []
    assert list(in_a_leak([enabled], leaked)) == ["law 10: apikey_01 leaked, and was enabled again"]
    [found] = in_a_leak([write("promote", "v2"), write("promote", "v1")], leaked)
    assert found == "law 10: apikey_01 leaked, and a second version became current"


@pytest.mark.parametrize(
    ("verdict", "facts", "wanted"),
    [
        ("passed", {"usage": "analytics", "unproven": False}, True),
        ("passed", {"usage": "analytics", "unproven": True, "accepted_by": "ann"}, False),
        ("passed", {"unproven": True}, False),
        ("inconclusive", {"usage": "analytics", "unproven": True}, False),
    ],
)
def test_silence_is_proven_by_a_report_and_by_nobodys_word(verdict: str, facts: dict[str, Json], wanted: bool) -> None:
    assert (
        proven(Row(seq=1, rotation="r", kind="measured", step="drain", data={"verdict": verdict, "facts": facts}))
        is wanted
    )


def test_a_key_in_a_file_is_found_and_named_by_its_fingerprint_only(tmp_path: Path) -> None:
    key = KeyText("sk-ant-api99-" + "k" * 93 + "AA")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "a.err").write_text(f"oh: {key.reveal()}")
    (tmp_path / "admin.key").write_text(key.reveal())
    [found] = leaks(tmp_path, [key])
    assert found == f"law 6: outputs/a.err holds the text of key {key.fingerprint.digest}"


def test_a_journal_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "journal.db", "prod-chat")
    assert (ledger.seq(), ledger.rows(), ledger.last(), ledger.open(), ledger.lease_ends()) == (
        0,
        [],
        None,
        False,
        None,
    )


@pytest.mark.parametrize("sort", BAD)
def test_any_finding_and_any_failed_request_makes_the_soak_fail(sort: str) -> None:
    assert Tally().clean
    tally = Tally()
    tally.find(sort, "this")
    tally.find(sort, "this")
    assert not tally.clean
    assert tally.to_json()[sort] == 1
    assert f"{sort}: this" in list(lines(tally))
    assert not Tally(failed_requests=1).clean
