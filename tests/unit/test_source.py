from __future__ import annotations

import secrets
import traceback
from pathlib import Path

import pytest

from rotator.adapters.source import MAX_BYTES, read_env, read_file
from rotator.model.config import EnvSource, FileSource
from rotator.model.errors import ConfigError

NAME = "ROTATOR_TEST_SOURCE"


@pytest.fixture
def value() -> str:
    return "value-" + secrets.token_urlsafe(24)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_value_is_read_without_its_last_line_end(
    value: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, value + end)
    (tmp_path / "key").write_bytes((value + end).encode())
    assert read_env(EnvSource(NAME)).reveal() == value
    assert read_file(FileSource(str(tmp_path / "key"))).reveal() == value


def test_a_home_directory_is_found(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text(value)
    assert read_file(FileSource("~/key")).reveal() == value


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    with pytest.raises(ConfigError, match=f"variable {NAME} is not set") as caught:
        read_env(EnvSource(NAME))
    assert NAME in caught.value.hint


@pytest.mark.parametrize("text", ["", "\n", "  \r\n"])
def test_an_empty_value_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, text)
    (tmp_path / "key").write_text(text)
    with pytest.raises(ConfigError, match=f"{NAME} is empty"):
        read_env(EnvSource(NAME))
    with pytest.raises(ConfigError, match="key is empty"):
        read_file(FileSource(str(tmp_path / "key")))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "missing does not exist"),
        ("", "cannot be read: Is a directory"),
        ("key/below", "cannot be read: Not a directory"),
        ("a\0b", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    with pytest.raises(ConfigError, match=says) as caught:
        read_file(FileSource(f"{tmp_path}/{name}"))
    assert caught.value.hint


def test_the_home_of_nobody_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="home directory"):
        read_file(FileSource("~nosuchuser/key"))


def test_a_value_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "x" * (MAX_BYTES + 1))
    (tmp_path / "key").write_text("x" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read_env(EnvSource(NAME))
    with pytest.raises(ConfigError, match="larger than"):
        read_file(FileSource(str(tmp_path / "key")))


def test_an_endless_file_is_read_only_up_to_the_bound() -> None:
    with pytest.raises(ConfigError, match="larger than"):
        read_file(FileSource("/dev/zero"))


def test_bytes_that_are_no_text_are_refused_and_not_shown(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = value.encode() + b"\xff"
    (tmp_path / "key").write_bytes(raw)
    monkeypatch.setenv(NAME, raw.decode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match="holds no UTF-8 text") as from_file:
        read_file(FileSource(str(tmp_path / "key")))
    with pytest.raises(ConfigError, match="holds no UTF-8 text") as from_env:
        read_env(EnvSource(NAME))
    for caught in (from_file, from_env):
        assert value not in "".join(traceback.format_exception(caught.value))
