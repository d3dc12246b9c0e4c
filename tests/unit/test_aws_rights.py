"""adapters/store/aws_rights.py, against a small IAM, STS and Secrets Manager on loopback (moto has no simulator)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from rotator.adapters.store.aws_rights import READS, WRITES, rehearsed
from rotator.core.readiness import Answer, Tried
from rotator.model.config import AwsSecretRef

REF = AwsSecretRef("eu-west-1", "prod/anthropic", None)
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/anthropic-AbCdEf"
USER = "arn:aws:iam::123456789012:user/ops"
_IAM = "https://iam.amazonaws.com/doc/2010-05-08/"
_STS = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass
class Aws:
    caller: str = USER
    denied: tuple[str, ...] = ()
    simulator: bool = True
    kms: str | None = None
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, operation: str, form: dict[str, list[str]]) -> tuple[int, str, str]:
        if operation.endswith("DescribeSecret"):
            said = {"ARN": ARN, "Name": REF.name, "VersionIdsToStages": {"v" * 32: ["AWSCURRENT"]}}
            return 200, "application/x-amz-json-1.1", json.dumps(said | ({"KmsKeyId": self.kms} if self.kms else {}))
        if operation.endswith("GetSecretValue"):
            said = {"ARN": ARN, "Name": REF.name, "VersionId": "v" * 32, "SecretString": "text"}
            return 200, "application/x-amz-json-1.1", json.dumps(said)
        self.asked.append(form)
        if form["Action"] == ["GetCallerIdentity"]:
            inner = f"<GetCallerIdentityResult><Arn>{self.caller}</Arn><Account>1</Account></GetCallerIdentityResult>"
            return 200, "text/xml", f'<GetCallerIdentityResponse xmlns="{_STS}">{inner}</GetCallerIdentityResponse>'
        if not self.simulator:
            error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>"
            return 403, "text/xml", f'<ErrorResponse xmlns="{_IAM}">{error}</ErrorResponse>'
        actions = [value for name, [value] in sorted(form.items()) if name.startswith("ActionNames.member")]
        rows = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{ARN}</EvalResourceName>"
            f"<EvalDecision>{'implicitDeny' if action in self.denied else 'allowed'}</EvalDecision></member>"
            for action in actions
        )
        inner = f"<EvaluationResults>{rows}</EvaluationResults><IsTruncated>false</IsTruncated>"
        name = "SimulatePrincipalPolicy"
        return 200, "text/xml", f'<{name}Response xmlns="{_IAM}"><{name}Result>{inner}</{name}Result></{name}Response>'


@contextmanager
def serving(aws: Aws) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            operation = self.headers.get("X-Amz-Target", "")
            status, kind, text = aws.answer(operation, {} if operation else parse_qs(body))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def tried(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tried]:
    with serving(aws) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
        return {one.what: one for one in rehearsed(REF)}


def test_every_permission_of_a_rotation_is_asked_of_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    found = tried(aws, monkeypatch)
    assert set(found) == {*READS, *WRITES}
    assert {one.answer for one in found.values()} == {Answer.YES}
    assert aws.asked[-1]["ResourceArns.member.1"] == [ARN]


def test_a_permission_that_is_missing_is_named_with_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tried(Aws(denied=("secretsmanager:TagResource",)), monkeypatch)
    refused = [one for one in found.values() if one.answer is Answer.NO]
    assert [one.what for one in refused] == ["secretsmanager:TagResource"]
    assert USER in refused[0].fix


def test_a_key_in_kms_is_asked_about_too(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws(kms="arn:aws:kms:eu-west-1:123456789012:key/1", denied=("kms:GenerateDataKey",))
    assert tried(aws, monkeypatch)["kms:GenerateDataKey"].answer is Answer.NO


def test_a_session_of_a_role_is_asked_about_as_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws(caller="arn:aws:sts::123456789012:assumed-role/deployer/session-1")
    tried(aws, monkeypatch)
    assert aws.asked[-1]["PolicySourceArn"] == ["arn:aws:iam::123456789012:role/deployer"]


@pytest.mark.parametrize("aws", [Aws(simulator=False), Aws(caller="arn:aws:iam::123456789012:root")])
def test_where_the_simulator_may_not_be_asked_reads_are_done_and_writes_said_to_be_untried(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tried(aws, monkeypatch)
    assert {found[action].answer for action in READS} == {Answer.YES}
    assert {found[action].answer for action in WRITES} == {Answer.UNTRIED}
    assert all(found[action].why for action in WRITES)
