"""Files that a hand, an editor or a stranger spoiled: one `ConfigError`, or a configuration. Nothing else, soon."""

# ruff: noqa: PT017 - whether it raises is the fuzzer's draw; what is told when it does is what is tested

from __future__ import annotations

import secrets
import time
import traceback
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import rotator.loader as loader
from rotator.model.config import Config, Playbook
from rotator.model.errors import ConfigError
from tests.aws_world import make_key
from tests.fuzz.depth import examples
from tests.fuzz.replies import bent

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
CONFIG: dict[str, Any] = {
    "version": 1,
    "journal": "sqlite:///~/journal.db",
    "notify": ["slack://x"],
    "credentials": {
        "prod-chat": {
            "issuer": {"anthropic": {"admin_key": "env:ANTHROPIC_ADMIN_KEY", "key_id": "apikey_01"}},
            "secrets": ["aws-sm://eu-west-1/prod/anthropic#KEY", "vault://secret/prod/anthropic#api_key"],
            "consumers": [
                {
                    "name": "a",
                    "wave": 1,
                    "cadence": "5m",
                    "http": {"urls": ["http://a/"], "fingerprint": "a.b", "headers": {"X": "y"}},
                },
                {"name": "b", "command": {"observe": ["./x"]}, "deploy": {"command": ["./y"]}, "required": True},
                {"name": "c", "manual": {"ask": "done?"}, "probe": {"http": {"url": "http://a", "expect": 200}}},
            ],
            "max_age": "90d",
            "playbook": "standard",
        }
    },
}
STANDARD: dict[str, Any] = yaml.safe_load((PLAYBOOKS / "standard.yaml").read_text())
STRANGE = (
    "!!python/object/apply:os.system [x]",
    "&a [*a]",
    "<<: {}",
    "? {a: b}",
    "0x",
    "1_000",
    "1:60:60",
    "2026-99-99",
    "!!binary x",
    ".inf",
    "=",
    "~",
    "\t",
    "|2-\n x",
    "%YAML 9.9\n---",
    "--- a\n--- b",
    "'\\x00'",
    '"\\ud800"',
    "0b",
    "1e999999",
    "9" * 5000,
    "!!int x",
    "!!float x",
    "{[}",
    "[" * 5000,
    "{" * 5000,
    "- " * 5000,
    "a: " * 5000,
    "\ufeff",
    "\u0085",
    "!!set {a}",
    "!!timestamp x",
    "\x07",
)


def loads(path: Path, raw: bytes, key: str, *, playbook: bool) -> None:
    """It is loaded, or refused without a word of the key; within seconds."""
    path.write_bytes(raw)
    began = time.monotonic()
    try:
        made = loader.load_playbook(str(path), "/") if playbook else loader.load_config(path)
        assert isinstance(made, Playbook | Config)
    except ConfigError as error:
        told = error.message + error.hint + "".join(traceback.format_exception(error))
        assert key not in told
        error.message.encode()  # printable anywhere: no half characters
        assert "\x1b" not in error.message
    assert time.monotonic() - began < 20


@given(st.sampled_from((CONFIG, STANDARD)).flatmap(lambda shape: st.tuples(st.just(shape), bent(shape))))
@examples(150)
def test_a_bent_file_is_loaded_or_refused(tmp_path: Path, drawn: tuple[dict[str, Any], object]) -> None:
    shape, value = drawn
    key = make_key().reveal()
    raw = yaml.safe_dump(value, allow_unicode=bool(secrets.randbits(1))).replace("@@the key that was sent@@", key)
    loads(tmp_path / "f.yaml", raw.encode("utf-8", "surrogatepass"), key, playbook=shape is STANDARD)


@given(
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(STRANGE) | st.text(max_size=4)), min_size=1, max_size=4),
)
@examples(150)
def test_strange_text_in_any_place_is_loaded_or_refused(
    tmp_path: Path, playbook: bool, inserted: list[tuple[int, str]]
) -> None:
    text = yaml.safe_dump(STANDARD if playbook else CONFIG)
    for place, strange in inserted:
        at = place % len(text)
        text = text[:at] + strange + text[at:]
    loads(tmp_path / "f.yaml", text.encode("utf-8", "surrogatepass"), "no key", playbook=playbook)


@given(st.binary(max_size=300) | st.text(alphabet="{}[]:,-?&*!|>'\"%@`#\n\t abc01~=<.", max_size=200).map(str.encode))
@examples(200)
def test_any_bytes_are_loaded_or_refused(tmp_path: Path, raw: bytes) -> None:
    loads(tmp_path / "f.yaml", raw, "no key", playbook=False)


@pytest.mark.parametrize(
    "raw",
    [
        b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]",
        b"- " * 500_000,
        b"[" * 1_000_000,
        b"{a: " * 200_000,
        b"x" * (5 << 20),
        b"a: |\n" + b"  x\n" * 60_000,
        b"version: 1\ncredentials: {" + b"".join(b"c%d: {}, " % n for n in range(1500)) + b"}",
    ],
    ids=range(7),
)
def test_a_file_made_to_be_heavy_is_refused_without_much_time_or_memory(tmp_path: Path, raw: bytes) -> None:
    tracemalloc.start()
    try:
        loads(tmp_path / "f.yaml", raw, "no key", playbook=False)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
