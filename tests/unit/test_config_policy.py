"""`rotate config policy`: what it prints can be pasted, and is neither more nor less than a rotation needs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from rotator.cli.commands.config import policy
from rotator.sandbox.memory_world import NAME

CONFIG = """\
version: 1
vault: {{pending_suffix: .next}}
credentials:
  {name}:
    issuer: {{anthropic: {{}}}}
    secrets: [{secrets}]
    consumers:
      - name: chat
        command: {{observe: ["true"]}}
  other:
    issuer: {{anthropic: {{}}}}
    secrets: ["aws-sm://cn-north-1/prod/other"]
    consumers:
      - name: chat
        command: {{observe: ["true"]}}
"""
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/chat-AbCdEf"


def config(folder: Path, *secrets: str) -> str:
    path = folder / "rotate.yaml"
    path.write_text(CONFIG.format(name=NAME, secrets=", ".join(f'"{secret}"' for secret in secrets)))
    return str(path)


def test_vault_s_policy_names_each_path_and_its_sibling_with_the_configured_suffix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy("vault", NAME, config=config(tmp_path, "vault://kv/prod/chat#key"))
    said = capsys.readouterr().out
    rules = dict(re.findall(r'path "([^"]+)" \{\n  capabilities = \[([^\]]+)\]\n\}', said))
    assert rules == {
        "kv/data/prod/chat": '"read", "update"',
        "kv/metadata/prod/chat": '"read", "update"',
        "kv/data/prod/chat.next": '"create", "read", "update"',
        "kv/metadata/prod/chat.next": '"delete"',
        "kv/config": '"read"',
    }


def test_for_a_first_key_vault_s_policy_may_also_make_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy("vault", NAME, first=True, config=config(tmp_path, "vault://kv/prod/chat#key"))
    assert 'path "kv/data/prod/chat" {\n  capabilities = ["create", "read", "update"]' in capsys.readouterr().out


def test_aws_s_policy_is_json_for_these_secrets_alone_and_the_note_on_kms_goes_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy("aws", None, config=config(tmp_path, "aws-sm://eu-west-1/prod/chat#KEY", f"aws-sm://us-east-1/{ARN}"))
    said = capsys.readouterr()
    [statement] = json.loads(said.out)["Statement"]
    assert statement["Resource"] == [
        "arn:aws:secretsmanager:eu-west-1:*:secret:prod/chat-??????",
        ARN,
        "arn:aws-cn:secretsmanager:cn-north-1:*:secret:prod/other-??????",
    ]
    assert "kms:Decrypt" in said.err


def test_a_credential_without_a_secret_in_that_store_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught:
        policy("vault", "other", config=config(tmp_path, "vault://kv/prod/chat#key"))
    assert caught.value.exit_code == 2
    assert "nothing to allow" in capsys.readouterr().err
