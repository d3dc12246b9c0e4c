from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.loader import load_config
from rotator.loader.document import parse_document
from rotator.model.errors import ConfigError

BOMB = "a: &a [x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "already there, in line 1"),
        ("a:\n\tb: 1\n", 2, "a tab"),
        ("a: [1\nb: 2\n", 2, "expected"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        (BOMB, 1, "aliases"),
        ("a: *b\n", 1, "aliases"),
        ("a: {b: 1}\nc:\n  <<: {d: 1}\n", 3, "merge keys"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "tags"),
        ("a: !!binary aGFsbG8=\n", 1, "tags"),
        ("1: a\n", 1, "a key that is not text"),
        ("? [a]\n: b\n", 1, "a key that is not text"),
        ("a: !!int x\n", 1, "cannot be read"),
        ("a: " + "9" * 5000 + "\n", 1, "cannot be read"),
        ('a: "\\e[31m"\n', 1, "control character"),
        ('a: "\\ud800"\n', 1, "control character"),
        ("a: \x07\n", 1, "does not allow"),
        ("[" * 100, 1, "nested deeper"),
        ("- x\n" * 60000, 50000, "more than 50000"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    try:
        problems = parse_document(text.encode(), "rotate.yaml").problems
        said = [f"rotate.yaml:{problem.line}: {problem.text}" for problem in problems]
    except ConfigError as error:
        said = [error.message]
    assert len(said) == 1
    assert said[0].startswith(f"rotate.yaml:{line}: ")
    assert why in said[0]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"a: 1\n\xff", ":2: not UTF-8"),
        (b"a: 1\n".ljust((1 << 20) + 1), "larger than 1 MiB"),
        (b'a: "\\UFFFFFFFF"', "cannot be read as YAML"),
    ],
)
def test_files_that_are_no_yaml_are_refused(raw: bytes, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_document(raw, "rotate.yaml")


def test_a_byte_order_mark_is_no_problem() -> None:
    assert parse_document(b"\xef\xbb\xbfa: 1\n", "x").data == {"a": 1}


def test_places_know_their_lines() -> None:
    document = parse_document(b"a:\n  - b: 1\n    c: 2\n", "x")
    assert document.line(("a", 0, "c")) == 3
    assert document.line(("a", 0, "c", "d", 7)) == 3


@pytest.mark.parametrize(
    "text", ["[]", "just text", "7", "null", "a: 1", "credentials: 3", "credentials: {a: [], b: 1}"]
)
def test_the_wrong_kind_of_document_is_a_config_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "rotate.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "rotate.yaml")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "rotate.yaml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.sampled_from(["1h", "aws-sm://eu-west-1/a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "http", "manual", "ask", "urls", "secrets", "consumers", "x"]), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(VALUES)
def test_any_data_at_any_place_is_read_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    import json

    path = tmp_path_factory.getbasetemp() / "any.yaml"
    for whole in (value, {"version": 1, "credentials": {"a": value}}, {"version": 1, "credentials": value}):
        path.write_text(json.dumps(whole))
        with pytest.raises(ConfigError):
            load_config(path)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.binary(max_size=60) | st.text(alphabet="[]{}&*!|>%@-:?#\"'\\ \n\tau0", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_a_config_error(raw: bytes) -> None:
    try:
        parse_document(raw, "any.yaml")
    except ConfigError:
        return
