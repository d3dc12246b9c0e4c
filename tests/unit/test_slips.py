"""core/check/slips.py, env_file.py and oddities.py: where a value came from decides what is wrong with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.check.oddities import MOST_NAMED, oddities
from rotator.core.check.sample import Origin, Sample
from rotator.core.check.slips import Looked, look
from rotator.core.hygiene import inspect
from tests.aws_world import make_key

NAME = "ANTHROPIC_API_KEY"


def looked(text: str | None, origin: Origin = Origin.ENV) -> Looked:
    return look(Sample(origin=origin, name=NAME, text=text, missing="It is not set." if text is None else ""))


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


def test_an_env_file_on_stdin_is_read_as_one() -> None:
    key = make_key().reveal()
    assert key_of(looked(f"{NAME}={key}\nLOG=1\n", Origin.STDIN)) == key


def test_a_comment_after_the_value_is_no_part_of_the_key_for_those_who_read_it_so() -> None:
    key = make_key().reveal()
    for value in (f"{key}  # prod", f'"{key}" # prod'):
        found = looked(f"{NAME}={value}\nLOG=1\n", Origin.FILE)
        assert (key_of(found), found.spoilt) == (key, False)
        assert "systemd" in said(found)


def test_a_quoted_value_in_a_file_with_windows_line_ends_is_spoilt_for_a_shell() -> None:
    key = make_key().reveal()
    found = looked(f'{NAME}="{key}"\r\nLOG=1\r\n', Origin.FILE)
    assert (key_of(found), found.spoilt) == (key, True)
    assert "CR LF" in said(found)


def test_a_carriage_return_at_the_end_of_an_env_file_counts_too() -> None:
    assert looked(f"{NAME}={make_key().reveal()}\r\n", Origin.FILE).spoilt
    assert not looked(f"{NAME}={make_key().reveal()}\n", Origin.FILE).spoilt


def test_a_hyphen_that_became_a_dash_is_named() -> None:
    key = make_key().reveal()
    assert "EN DASH (U+2013) at character 3 of 108" in said(looked(key.replace("sk-", "sk\u2013", 1)))


def test_export_in_an_env_file_is_pointed_out() -> None:
    found = looked(f"export {NAME}={make_key().reveal()}\n", Origin.FILE)
    assert not found.spoilt
    assert "`export`" in said(found)


def test_a_key_under_another_name_is_found_by_its_look() -> None:
    key = make_key().reveal()
    found = looked(f"LOG=1\nCLAUDE_KEY={key}\n", Origin.FILE)
    assert (key_of(found), found.spoilt) == (key, False)
    assert "CLAUDE_KEY is on line 2" in said(found)


@pytest.mark.parametrize("lines", ["LOG=1\nLEVEL=2\n", "# about\nLOG=1\n"])
def test_an_env_file_without_the_variable_is_said_to_lack_it(lines: str) -> None:
    found = looked(lines, Origin.FILE)
    assert found.cleaned is None
    assert f"sets no {NAME}" in found.absent


def test_a_variable_that_is_commented_out_is_named_with_its_line() -> None:
    for lines in (f"# {NAME}={make_key().reveal()}\n", f"LOG=1\n#export {NAME}=x\n"):
        assert "in a comment" in looked(lines, Origin.FILE).absent


def test_utf_16_is_named_and_the_key_found_all_the_same() -> None:
    key = make_key().reveal()
    found = look(Sample(origin=Origin.FILE, name=NAME, text=f"{key}\r\n", utf16=True))
    assert (key_of(found), found.spoilt) == (key, True)
    assert "UTF-16" in said(found)


@pytest.mark.parametrize(
    ("odd", "name"),
    [
        ("\u00a0", "NO-BREAK SPACE (U+00A0)"),
        ("\u2013", "EN DASH (U+2013)"),
        ("\u0410", "a letter or digit that is not ASCII"),
        ("\x07", "a control character (U+0007)"),
    ],
)
def test_what_no_key_has_is_named_with_its_place_where_no_key_is_got_at(odd: str, name: str) -> None:
    key = make_key().reveal()
    found = looked(key[:40] + odd + key[41:])
    assert key_of(found) is None
    assert f"{name} at character 41 of 108".lower() in said(found).lower()


def test_another_secret_is_not_described() -> None:
    assert looked("correct horse battery staple, and so on for a while").slips == ()


def test_what_was_around_the_key_is_named() -> None:
    key = make_key().reveal()
    assert "the word Bearer" in said(looked(f"Bearer {key}"))
    assert "at characters 1 and 110 of 110" in said(looked(f'"{key}"'))


@pytest.mark.parametrize("text", ["sk-ant-api03-your-key-here", "YOUR_API_KEY", "${{ secrets.KEY }}"])
def test_placeholders_of_documentation_are_no_keys(text: str) -> None:
    assert looked(text).cleaned is None


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
    assert oddities("пароль Geheimnis")[0] == "a letter or digit that is not ASCII at characters 1, 2, 3, 4 and 5 of 16"
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
