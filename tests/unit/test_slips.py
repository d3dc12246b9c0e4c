"""core/slips.py and core/oddities.py: where a value came from decides what is wrong with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.hygiene import inspect
from rotator.core.oddities import MOST_NAMED, oddities
from rotator.core.slips import Looked, Origin, Reading, look
from tests.aws_world import make_key

NAME = "ANTHROPIC_API_KEY"


def looked(text: str | None, origin: Origin = Origin.ENV) -> Looked:
    return look(Reading(origin=origin, name=NAME, text=text, missing="It is not set." if text is None else ""))


def key_of(found: Looked) -> str | None:
    return found.cleaned.key.reveal() if found.cleaned and found.cleaned.key else None


def said(found: Looked) -> str:
    return " ".join([found.absent, found.fix, *(f"{slip.what} {slip.fix}" for slip in found.slips)])


@pytest.mark.parametrize("origin", list(Origin))
def test_a_clean_key_is_clean_wherever_it_was(origin: Origin) -> None:
    key = make_key().reveal()
    found = looked(key, origin)
    assert (key_of(found), found.slips, found.spoilt) == (key, (), False)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_end_of_a_file_is_no_slip_and_that_of_a_variable_is(end: str) -> None:
    key = make_key().reveal()
    assert not looked(key + end, Origin.FILE).spoilt
    assert not looked(key + end, Origin.STDIN).spoilt
    spoilt = looked(key + end, Origin.ENV)
    assert spoilt.spoilt
    assert "Kubernetes" in said(spoilt)


def test_quotes_in_a_variable_point_to_dockers_env_file() -> None:
    assert "--env-file" in said(looked(f'"{make_key().reveal()}"'))


def test_an_env_file_is_read_as_one_and_the_last_assignment_counts() -> None:
    old, new = make_key().reveal(), make_key().reveal()
    found = looked(f"# keys\n{NAME}={old}\nLOG=1\nexport {NAME}={new}\n", Origin.FILE)
    assert key_of(found) == new
    assert "line 4" in said(found)
    assert not found.spoilt


def test_quotes_in_an_env_file_are_harmless_but_said() -> None:
    key = make_key().reveal()
    found = looked(f"{NAME}='{key}'\n", Origin.FILE)
    assert (key_of(found), found.spoilt) == (key, False)
    assert "docker run --env-file" in said(found)


@pytest.mark.parametrize(("before", "after"), [("\ufeff", ""), ("", " "), ("", "\r")])
def test_a_byte_order_mark_and_white_space_in_an_env_file_are_slips(before: str, after: str) -> None:
    key = make_key().reveal()
    found = looked(f"{before}{NAME}={key}{after}\nLOG=1\n", Origin.FILE)
    assert (key_of(found), found.spoilt) == (key, True)


def test_an_env_file_without_a_value_has_none() -> None:
    assert "line 1" in looked(f"{NAME}=\n", Origin.FILE).absent


@pytest.mark.parametrize("origin", [Origin.ENV, Origin.FILE, Origin.SECRET])
def test_a_json_object_is_recognised_and_its_field_named(origin: Origin) -> None:
    key = make_key().reveal()
    found = looked(json.dumps({"LOG_LEVEL": "info", "api_key": key}), origin)
    assert (key_of(found), found.spoilt) == (key, True)
    assert "`api_key`" in said(found)
    assert "LOG_LEVEL" not in said(found)


def test_a_json_object_that_holds_no_key_shows_none_of_its_fields() -> None:
    found = looked(json.dumps({"password": "hunter2hunter2"}))
    assert key_of(found) is None
    assert "password" not in said(found)
    assert "hunter2" not in said(found)


@pytest.mark.parametrize("text", ["$KEY", "${KEY}", "$(KEY)", "op://a/b", "vault:secret/x", "<your key>", "changeme"])
def test_a_reference_that_nobody_resolved_is_no_key(text: str) -> None:
    found = looked(text)
    assert found.cleaned is None
    assert found.absent


@pytest.mark.parametrize("text", [None, "", "   "])
def test_nothing_is_nothing(text: str | None) -> None:
    found = looked(text)
    assert (found.cleaned, bool(found.absent), bool(found.fix)) == (None, True, True)


def test_invisible_characters_are_named_with_their_place() -> None:
    assert oddities("ab\u200bc\n") == (
        "ZERO WIDTH SPACE (U+200B) at character 3 of 5",
        "a line end (LF) at character 5 of 5",
    )


def test_many_oddities_are_counted() -> None:
    assert oddities("\u200b" * 20)[-1] == f"{20 - MOST_NAMED} more"


def test_letters_are_never_shown() -> None:
    assert oddities("пароль Geheimnis")[0] == "a letter or digit that is not ASCII at character 1 of 16"
    assert all("G" not in odd for odd in oddities("Geheimnis ä"))


@given(st.text(max_size=300), st.sampled_from(Origin))
def test_looking_never_raises(text: str, origin: Origin) -> None:
    looked(text, origin)


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(Origin))
def test_a_key_is_never_shown_whatever_is_around_it(before: str, after: str, origin: Origin) -> None:
    key = make_key().reveal()
    found = looked(before + key + after, origin)
    assert key[17:104] not in said(found) + repr(found)


@given(st.text(max_size=20), st.sampled_from(Origin))
def test_what_is_found_is_a_key_that_needs_no_further_repair(noise: str, origin: Origin) -> None:
    found = key_of(looked(noise + make_key().reveal() + noise, origin))
    if found is not None:
        assert inspect(found).repairs == ()
        assert key_of(looked(found, origin)) == found
