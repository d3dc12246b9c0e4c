from __future__ import annotations

import json
import secrets
import string
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.loader import config_schema, load_config
from rotator.model.config import (
    AwsSecretRef,
    CommandDeploy,
    CommandWatch,
    EnvSource,
    FileSource,
    HttpProbe,
    HttpWatch,
    ManualWatch,
    VaultSecretRef,
)
from rotator.model.errors import ConfigError

WHOLE = """\
version: 1
journal: sqlite:///~/.local/state/rotator/journal.db      # where it is kept
notify: [slack://token]
credentials:
  prod-chat:
    issuer:
      anthropic:
        admin_key: env:ANTHROPIC_ADMIN_KEY
        key_id: apikey_01
    secrets:
      - aws-sm://eu-west-1/prod/anthropic#ANTHROPIC_API_KEY
      - vault://secret/prod/anthropic#api_key
    consumers:
      - name: edge
        wave: 2
        cadence: 90s
        http: {urls: ["http://10.0.0.7:8080/healthz"], fingerprint: anthropic_key.fingerprint}
        deploy: {command: ["./deploy.sh", "edge"]}
        probe: {http: {url: "http://edge.internal/ask", expect: 204}}
      - name: batch
        required: false
        command: {observe: ["./which-key.sh", "batch"]}
      - name: laptops
        manual: {ask: "Has everyone reloaded?"}
    max_age: 90d
    playbook: leak
"""
SMALL = """\
version: 1
credentials:
  chat:
    issuer: {anthropic: {}}
    secrets: [aws-sm://eu-west-1/chat]
    consumers:
      - name: app
        manual: {ask: "Reloaded?"}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "rotate.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        load_config(write(folder, text))
    assert raised.value.__cause__ is None
    return raised.value


def a_key() -> str:
    alphabet = string.ascii_letters + string.digits + "_-"
    return "sk-ant-api99-" + "".join(secrets.choice(alphabet) for _ in range(93)) + "AA"


def test_everything_that_the_design_names_is_read(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, WHOLE))
    credential = config.credentials["prod-chat"]
    edge, batch, laptops = credential.consumers
    assert config.path == str(tmp_path / "rotate.yaml")
    assert config.journal == "sqlite:///~/.local/state/rotator/journal.db"
    assert config.notify == ("slack://token",)
    assert credential.issuer.admin_key == EnvSource("ANTHROPIC_ADMIN_KEY")
    assert credential.issuer.key_id == "apikey_01"
    assert credential.secrets == (
        AwsSecretRef("eu-west-1", "prod/anthropic", "ANTHROPIC_API_KEY"),
        VaultSecretRef("secret", "prod/anthropic", "api_key"),
    )
    assert edge.watch == HttpWatch(urls=("http://10.0.0.7:8080/healthz",), fingerprint="anthropic_key.fingerprint")
    assert edge.deploy == CommandDeploy(command=("./deploy.sh", "edge"))
    assert edge.probe == HttpProbe(url="http://edge.internal/ask", expect=204)
    assert (edge.wave, edge.cadence, edge.required) == (2, timedelta(seconds=90), True)
    assert batch.watch == CommandWatch(observe=("./which-key.sh", "batch"))
    assert (batch.wave, batch.cadence, batch.required, batch.deploy) == (1, timedelta(minutes=5), False, None)
    assert laptops.watch == ManualWatch(ask="Has everyone reloaded?")
    assert (credential.max_age, credential.playbook) == (timedelta(days=90), "leak")


def test_little_is_needed(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, SMALL))
    credential = config.credentials["chat"]
    assert (config.journal, config.notify) == (None, ())
    assert (credential.issuer.admin_key, credential.max_age, credential.playbook) == (None, None, "standard")


def test_a_relative_file_source_is_found_beside_the_configuration(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, SMALL.replace("anthropic: {}", "anthropic: {admin_key: 'file:admin.key'}")))
    assert config.credentials["chat"].issuer.admin_key == FileSource(str(tmp_path / "admin.key"))


def test_an_unknown_key_names_the_nearest_known_one_and_its_line(tmp_path: Path) -> None:
    error = refused(tmp_path, SMALL + "    playbok: standard\n")
    assert error.message == (
        f"{tmp_path}/rotate.yaml:9: credentials.chat.playbok: unknown key; did you mean `playbook`?"
    )


def test_every_problem_is_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = WHOLE.replace("version: 1", "version: 2").replace("cadence: 90s", "cadence: soon")
    text = text.replace("aws-sm://eu-west-1/", "aws-sm://nowhere/").replace("manual: {", "manuel: {")
    message = refused(tmp_path, text).message.splitlines()
    assert "has 5 problems" in message[0]
    assert [line.split(": ")[1] for line in message[1:]] == [
        "version",
        "credentials.prod-chat.secrets[0]",
        "credentials.prod-chat.consumers[0].cadence",
        "credentials.prod-chat.consumers[2]",
        "credentials.prod-chat.consumers[2].manuel",
    ]


@pytest.mark.parametrize(
    ("old", "new", "path", "why"),
    [
        ("version: 1", "version: 2", "version", "must be 1, not `2`"),
        ("version: 1", "version: '1'", "version", "must be 1"),
        ("chat:", "Chat:", "credentials.Chat", "this name cannot be used"),
        ("chat:", "'a b':", "credentials.'a b'", "this name cannot be used"),
        ("name: app", "name: App", "consumers[0].name", "this name cannot be used"),
        ("name: app", "name: no", "consumers[0].name", "must be a name, written as text"),
        ("name: app", "wave: 0", "consumers[0].wave", "at least 1"),
        ("name: app", "wave: one", "consumers[0].wave", "whole number"),
        ("name: app", "wave: 1", "consumers[0].name", "is missing"),
        ("name: app", "required: maybe", "consumers[0].required", "true or false"),
        ("name: app", "cadence: 5", "consumers[0].cadence", "a duration"),
        ("name: app", "cadence: 0s", "consumers[0].cadence", "out of bounds"),
        ("    secrets: [aws-sm://eu-west-1/chat]\n", "", "credentials.chat.secrets", "is missing"),
        ("[aws-sm://eu-west-1/chat]", "[]", "secrets", "needs at least 1"),
        ("[aws-sm://eu-west-1/chat]", "aws-sm://eu-west-1/chat", "secrets", "must be a list"),
        ("[aws-sm://eu-west-1/chat]", "[aws-sm://eu-west-1/a, aws-sm://eu-west-1/a]", "secrets[1]", "already in this"),
        (
            "[aws-sm://eu-west-1/chat]",
            "[aws-sm://eu-west-1/a#b, aws-sm://eu-west-1/a#c]",
            "secrets[1]",
            "another field",
        ),
        ("{anthropic: {}}", "{anthropic: {key_id: key_1}}", "key_id", "not the id of a key"),
        ("{anthropic: {}}", "{anthropic: {admin_key: whatever}}", "admin_key", "where to read the value from"),
        ("{anthropic: {}}", "{anthropic: }", "issuer.anthropic", "is empty"),
        ("{anthropic: {}}", "{openai: {}}", "issuer.openai", "unknown key; known here: anthropic"),
        ('manual: {ask: "Reloaded?"}', "wave: 1", "consumers[0]", "has no watcher"),
        ('manual: {ask: "Reloaded?"}', "manual: {ask: ' '}", "manual.ask", "empty"),
        ('{ask: "Reloaded?"}', '{ask: "R?"}\n        command: {observe: [x]}', "consumers[0]", "more than one watcher"),
        ('manual: {ask: "Reloaded?"}', "http: {urls: [], fingerprint: a}", "http.urls", "at least 1"),
        ('manual: {ask: "Reloaded?"}', "http: {urls: [ftp://x/], fingerprint: a}", "urls[0]", "not an http"),
        ('manual: {ask: "Reloaded?"}', "http: {urls: ['http://u:p@x/'], fingerprint: a}", "urls[0]", "password"),
        ('manual: {ask: "Reloaded?"}', "http: {urls: ['http://x:99999/'], fingerprint: a}", "urls[0]", "not a URL"),
        ('manual: {ask: "Reloaded?"}', "http: {urls: ['http://x/'], fingerprint: '[a'}", "fingerprint", "JMESPath"),
        ('manual: {ask: "Reloaded?"}', "http: {urls: ['http://x','http://x'], fingerprint: a}", "urls", "twice"),
        ('manual: {ask: "Reloaded?"}', "command: {observe: ./w.sh}", "command.observe", "there is no shell"),
        ('manual: {ask: "Reloaded?"}', "command: {observe: [./w.sh, 1]}", "command.observe", "not text"),
        ('manual: {ask: "Reloaded?"}', "command: {observe: []}", "command.observe", "program first"),
        ("name: app", "name: app\n        deploy: {command: make x}", "deploy.command", "there is no shell"),
        ("name: app", "name: app\n        probe: {http: {url: 'http://x', expect: 99}}", "expect", "at least 100"),
        ("name: app", "name: app\n        required: false", "consumers", "no consumer is required"),
        ("version: 1", "version: 1\njournal: sqlit:///x", "journal", "did you mean `sqlite://`"),
        ("version: 1", "version: 1\nnotify: [slack]", "notify[0]", "not a notification URL"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, old: str, new: str, path: str, why: str) -> None:
    assert old in SMALL
    message = refused(tmp_path, SMALL.replace(old, new, 1)).message
    assert any(f"{path}: " in line and why in line for line in message.splitlines()), message


@pytest.mark.parametrize("watcher", ["kubernetes", "ecs", "lambda", "docker", "vercel", "netlify"])
def test_a_watcher_of_the_design_that_is_not_built_yet_is_called_that(tmp_path: Path, watcher: str) -> None:
    message = refused(tmp_path, SMALL.replace('manual: {ask: "Reloaded?"}', f"{watcher}: {{}}")).message
    assert "not supported yet by this version" in message
    assert "problems" not in message


def test_a_credential_without_consumers_is_refused(tmp_path: Path) -> None:
    text = SMALL[: SMALL.index("    consumers:")]
    assert "consumers: is missing" in refused(tmp_path, text).message
    assert "names no consumer" in refused(tmp_path, text + "    consumers: []\n").message


def test_two_consumers_of_one_name_are_refused(tmp_path: Path) -> None:
    text = SMALL + '      - name: app\n        manual: {ask: "And?"}\n'
    assert "consumers[1].name: another consumer" in refused(tmp_path, text).message


def test_one_secret_belongs_to_one_credential(tmp_path: Path) -> None:
    other = SMALL[SMALL.index("  chat:") :].replace("  chat:", "  other:", 1)
    assert "already in the credential `chat`" in refused(tmp_path, SMALL + other).message


@pytest.mark.parametrize(
    "line",
    ["# {}", "note: {}", "{}: 1", 'note: "Bearer {}"', "journal: [", "playbook: 'x{}y'"],
)
def test_a_key_anywhere_in_the_file_is_refused_without_echo(tmp_path: Path, line: str) -> None:
    key = a_key()
    text = SMALL + (line.format(key) if "{}" in line else f"{line} {key}") + "\n"
    error = refused(tmp_path, text)
    said = error.message + error.hint
    assert "rotate.yaml:9: this line holds the text of a key" in error.message
    assert "treat that key as exposed" in error.hint
    assert not any(key[start : start + 6] in said for start in range(13, len(key) - 6))


def test_a_key_that_the_file_writes_with_an_escape_is_refused_too(tmp_path: Path) -> None:
    key = a_key()
    error = refused(tmp_path, SMALL + f'note: "\\x73{key[1:]}"\n')
    assert "the text of a key" in error.message
    assert key[13:20] not in error.message


def test_a_fingerprint_in_a_comment_is_no_key(tmp_path: Path) -> None:
    load_config(write(tmp_path, SMALL + "# the old one was sk-ant-api99-abc...wxAA\n"))


def test_the_schema_is_json_and_knows_no_null(tmp_path: Path) -> None:
    text = json.dumps(config_schema())
    assert config_schema()["additionalProperties"] is False
    assert "null" not in text
    assert '"default": "5m"' in text
