"""The text of a secret: only the key's own characters change."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.adapters.store.fields import Document, member_text
from rotator.model.errors import Refused
from rotator.model.keys import KeyText

NEW = KeyText('new "quoted" \\ key')


def document(text: str, field: str | None = "K") -> Document:
    return Document(text, field, "the secret")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"K":"old"}', '{"K":%s}'),
        (' {\n "a" : 1e2 , "K"\t:  "old" ,"z":[ ]}\r\n', ' {\n "a" : 1e2 , "K"\t:  %s ,"z":[ ]}\r\n'),
        ('{"n":{"K":"nested"},"K":"old"}', '{"n":{"K":"nested"},"K":%s}'),
        ('{"K":"old","n":[{"K":"nested"},"K"]}', '{"K":%s,"n":[{"K":"nested"},"K"]}'),
        ('{"v":"\\"K\\":\\"old\\"","K":"old"}', '{"v":"\\"K\\":\\"old\\"","K":%s}'),
        ('{"\\u004b":"old","o":"\\u00e9"}', '{"\\u004b":%s,"o":"\\u00e9"}'),
        ('{"K":"a\\"b\\\\","x":"K"}', '{"K":%s,"x":"K"}'),
        ('{"K":"first","x":1,"K":"last"}', '{"K":%s,"x":1,"K":%s}'),
        ('{"K":""}', '{"K":%s}'),
        ('{"😀":"é","K":"old"}', '{"😀":"é","K":%s}'),
    ],
)
def test_only_the_values_own_characters_are_replaced(before: str, after: str) -> None:
    written = document(before).with_key(NEW)
    assert written.reveal() == after.replace("%s", json.dumps(NEW.reveal()))
    assert written.key() == NEW
    assert written.same_surroundings(document(before))


def test_of_two_fields_with_one_name_the_last_is_read_as_json_parsers_do() -> None:
    assert document('{"K":"first","K":"last"}').key() == KeyText("last")


@given(
    st.dictionaries(
        st.text(), st.recursive(st.text() | st.integers() | st.none() | st.booleans(), st.lists), max_size=5
    ),
    st.text(min_size=1),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_any_object_keeps_its_other_fields(
    fields: dict[str, object], key: str, indent: int | None, escaped: bool
) -> None:
    before = json.dumps({**fields, "K": "old"}, indent=indent, ensure_ascii=escaped)
    written = document(before).with_key(KeyText(key)).reveal()
    assert json.loads(written) == {**fields, "K": key}
    assert document(written).with_key(KeyText("old")).reveal() == before


def test_a_change_of_anything_else_is_seen() -> None:
    assert not document('{"K":"a","x":1}').same_surroundings(document('{"K":"a","x":2}'))
    assert not document('{"K":"a","x":1}').same_surroundings(document('{"K":"a", "x":1}'))
    assert document('{"K":"a","x":1}').same_surroundings(document('{"K":"longer","x":1}'))


@pytest.mark.parametrize("text", ["old", "", "[1]", "3", '{"K":"old"', '{"K":"old"} x', '"K"', "[" * 60000])
def test_a_text_that_is_no_json_object_has_no_fields(text: str) -> None:
    for call in (document(text).key, lambda: document(text).with_key(NEW)):
        with pytest.raises(Refused, match="not a JSON object") as refusal:
            call()
        assert refusal.value.__context__ is None
        assert "remove the #" in refusal.value.hint


@pytest.mark.parametrize("value", ["1", "null", "{}", '["old"]', "true"])
def test_a_field_that_is_no_string_is_refused(value: str) -> None:
    with pytest.raises(Refused, match="not a string"):
        document('{"K":' + value + "}").key()


def test_an_absent_field_reads_as_no_key_and_is_not_added_by_a_write() -> None:
    other = document('{"ANTHROPIC_API_KEY":"x"}', "ANTHROPIC_APIKEY")
    assert other.key() is None
    with pytest.raises(Refused, match="no field 'ANTHROPIC_APIKEY'") as refusal:
        other.with_key(NEW)
    assert "'ANTHROPIC_API_KEY'" in refusal.value.hint


def test_a_bare_reference_to_an_object_is_refused_for_the_write_would_lose_its_fields() -> None:
    whole = document('{"K":"old","DB_PASSWORD":"x"}', None)
    for call in (whole.key, lambda: whole.with_key(NEW)):
        with pytest.raises(Refused, match="names no field"):
            call()


def test_a_document_shows_nothing_of_its_text() -> None:
    assert "old" not in repr(document('{"K":"old"}')) + str(document('{"K":"old"}'))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"data": {"data": {"n": 1.10 , "z":1E400}, "m": 1}}', '{"n": 1.10 , "z":1E400}'),
        ('{"data":{"data":null}}', "null"),
        ('{"data":{"data":1,"data":2}}', "2"),
        ('{"data":{"m":{"data":1}}}', None),
        ('{"data":[]}', None),
        ("no JSON", None),
    ],
)
def test_a_nested_member_is_found_as_it_is_written(text: str, found: str | None) -> None:
    assert member_text(text, "data", "data") == found
