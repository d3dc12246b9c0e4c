from __future__ import annotations

import json
import secrets
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.adapters.watch.command import CommandWatcher
from rotator.model.config import CommandWatch
from rotator.model.errors import Refused, Unreachable
from rotator.model.measure import Instance


def watcher(folder: Path, script: str, timeout: timedelta = timedelta(minutes=1)) -> CommandWatcher:
    return CommandWatcher(CommandWatch(observe=("/bin/sh", "-c", script)), "batch", str(folder), timeout)


def printing(folder: Path, text: str) -> CommandWatcher:
    (folder / "said").write_text(text)
    return watcher(folder, "cat said")


def one(**fields: object) -> str:
    return json.dumps({"instances": [{"id": "a", "fingerprint": None} | fields]})


def test_an_observation_is_read(tmp_path: Path) -> None:
    text = """{"instances": [
        {"id": "a", "fingerprint": "0123456789ab", "since": "2026-11-23T10:00:00Z", "terminating": true},
        {"id": "b", "fingerprint": null}
    ]}"""
    assert printing(tmp_path, text).observe() == [
        Instance(id="a", fingerprint="0123456789ab", since=datetime(2026, 11, 23, 10, tzinfo=UTC), terminating=True),
        Instance(id="b", fingerprint=None),
    ]


def test_no_instance_is_an_observation_too(tmp_path: Path) -> None:
    assert printing(tmp_path, '{"instances": []}').observe() == []


def test_the_command_is_told_which_consumer_it_observes(tmp_path: Path) -> None:
    script = """printf '{"instances": [{"id": "%s", "fingerprint": null}]}' "$ROTATOR_CONSUMER"; echo talk >&2"""
    assert watcher(tmp_path, script).observe() == [Instance(id="batch", fingerprint=None)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("hello", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "an object with one key"),
        ('{"instances": {}}', "an object with one key"),
        ('{"instances": [], "more": 1}', "an object with one key"),
        ('{"instances": [], "instances": []}', "twice"),
        ('{"instances": [1]}', r"instances\[0\] must be an object"),
        ('{"instances": [{"id": "a"}]}', "must have `id` and `fingerprint`"),
        (one(key="x"), "nothing else"),
        (one(id=""), "id must be"),
        (one(id=7), "id must be"),
        (one(id="a\nb"), "id must be"),
        (one(fingerprint=7), "fingerprint must be"),
        (one(fingerprint=""), "fingerprint must be"),
        (one(since="yesterday"), "RFC 3339"),
        (one(since="2026-11-23T10:00:00"), "RFC 3339"),
        (one(since=7), "RFC 3339"),
        (one(terminating="no"), "true or false"),
        (one()[:-2] + ', {"id": "a", "fingerprint": null}]}', "the same id"),
    ],
)
def test_what_is_no_observation_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as raised:
        printing(tmp_path, text).observe()
    assert "of batch" in raised.value.message
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("field", ["fingerprint", "id"])
def test_a_key_in_an_observation_is_refused_without_repeating_it(tmp_path: Path, field: str) -> None:
    key = "sk-ant-api99-" + secrets.token_urlsafe(70)[:93] + "AA"
    with pytest.raises(Refused, match=r"text of (the|a) key") as raised:
        printing(tmp_path, one(**{field: key})).observe()
    assert key[13:25] not in raised.value.message


def test_a_command_that_fails_may_do_better_the_next_time(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="ended with code 4") as raised:
        watcher(tmp_path, "echo no route >&2; exit 4").observe()
    assert "no route" in raised.value.message


def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="did not end within"):
        watcher(tmp_path, "exec sleep 60", timedelta(seconds=0.2)).observe()


def test_an_endless_observation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="more than 2 MiB"):
        watcher(tmp_path, f"head -c 3000000 /dev/zero | tr '\\0' {shlex.quote(' ')}").observe()
