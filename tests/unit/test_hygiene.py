"""core/hygiene.py: every line of the facts page's "Key formats"."""

from __future__ import annotations

import re
import secrets
import string
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core import hygiene
from rotator.core.hygiene import MAX_PASTED, SHORTEST, Kind, inspect

ALPHABET = string.ascii_letters + string.digits + "_-"
OUR_WORDS = Path(hygiene.__file__).read_text()
"""Hypothesis tries the literals of our own sources: a word of ours in a message gives nothing away."""
NOISE = [
    "\n",
    "\r\n",
    " ",
    "\t",
    '"',
    "'",
    "“",
    "”",
    "\u200b",
    "\ufeff",
    "\u00a0",
    "Bearer ",
    "ANTHROPIC_API_KEY=",
    "export ",
]


def made(prefix: str = "sk-ant-api99-") -> str:
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(93)) + "AA"


def filled(template: str) -> str:
    """The template with key texts made now: parameters of tests must be the same in every worker, and show no key."""
    halves = made()
    parts: dict[str, Callable[[], str]] = {
        "KEY": made,
        "BODY": lambda: made(""),
        "HALF1": lambda: halves[:50],
        "HALF2": lambda: halves[50:-1] + "A",
        "ENDLESS": lambda: made("")[:-1] + "B",
        "HUGE": lambda: "x" * (MAX_PASTED + 1),
    }
    return re.sub("|".join(parts), lambda token: parts[token.group()](), template)


keys = st.builds(
    lambda number, body: f"sk-ant-api{number}-{body}AA",
    st.text("0123456789", min_size=2, max_size=4),
    st.text(ALPHABET, min_size=93, max_size=93),
)


@given(keys)
def test_a_key_of_the_usual_form_is_never_changed_or_commented(key: str) -> None:
    cleaned = inspect(key)
    assert cleaned.key is not None
    assert cleaned.key.reveal() == key
    assert (cleaned.repairs, cleaned.warnings, cleaned.refusal) == ((), (), None)


@given(keys, st.lists(st.sampled_from(NOISE), max_size=3), st.lists(st.sampled_from(NOISE[:9]), max_size=3))
def test_harmless_noise_around_a_key_is_repaired_and_said(key: str, before: list[str], after: list[str]) -> None:
    pasted = "".join(before) + key + "".join(after)
    cleaned = inspect(pasted)
    assert cleaned.key is not None
    assert cleaned.key.reveal() == key
    assert bool(cleaned.repairs) == (pasted != key)


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from([*NOISE, "sk-ant-", "sk-ant-api03-", "AKIA", "{", "…"])).map("".join)
)
def test_any_text_gets_exactly_one_answer_and_repair_is_idempotent(pasted: str) -> None:
    cleaned = inspect(pasted)
    assert (cleaned.key is None) == (cleaned.refusal is not None)
    if cleaned.key is not None:
        again = inspect(cleaned.key.reveal())
        assert again.key == cleaned.key
        assert again.repairs == ()


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("  KEY\r\n", "white space"),
        ('"KEY"', "quotes"),
        ("“KEY”", "quotes"),
        ("\u200bKEY\ufeff", "invisible"),
        ("\x1b[200~KEY\x1b[201~", "invisible"),
        ("Bearer KEY", "Bearer"),
        ("Authorization: Bearer KEY", "header"),
        ("x-api-key: KEY", "header"),
        ("ANTHROPIC_API_KEY=KEY", "variable"),
        ("export ANTHROPIC_API_KEY='KEY'\n", "variable"),
        ("ANTHROPIC_API_KEY: KEY", "variable"),
        ("X=KEY", "variable"),
        ("export X='KEY'", "variable"),
        ("set X=KEY", "variable"),
        ("set -gx X KEY", "variable"),
        ('$env:X = "KEY"', "variable"),
        ('"api_key": "KEY",', "variable"),
        ("KEY,", "comma or semicolon"),
        ("'KEY';", "comma or semicolon"),
        ("KEY\ufe0f", "invisible"),
        ("\u3164KEY\u2800", "invisible"),
    ],
)
def test_each_repair_is_named(pasted: str, said: str) -> None:
    key = made()
    cleaned = inspect(
        pasted.replace("KEY", key) if "ANTHROPIC" not in pasted else f"{key}".join(pasted.rsplit("KEY", 1))
    )
    assert cleaned.key is not None
    assert cleaned.key.reveal() == key
    assert any(said in repair for repair in cleaned.repairs)


@pytest.mark.parametrize(
    ("pasted", "named"),
    [
        ("", "Nothing"),
        (" \n", "Nothing"),
        ("''", "Nothing"),
        ("sk-ant-admin99-BODY", "Admin key"),
        ("sk-ant-oat01-BODY", "OAuth access"),
        ("sk-ant-ort01-BODY", "OAuth refresh"),
        ("sk-proj-BODY", "OpenAI"),
        ("sk-BODY", "OpenAI"),
        ("sk-or-v1-BODY", "OpenRouter"),
        ("AKIA" + "Q" * 16, "AWS"),
        ("ASIA" + "Q" * 16, "AWS"),
        ("ABSKBODY", "Bedrock"),
        ("ya29.BODY", "Google"),
        ('{\n  "type": "service_account",\n  "private_key": "…"\n}', "Google"),
        ("sk-ant-api99-R2D...igAA", "masked"),
        ("sk-ant-api99-too-few", "too short"),
        ("HALF1\nHALF2", "white space"),
        ("HALF1éHALF2", "ASCII"),
        ("HALF1\x07HALF2", "control"),
        ("KEYKEY", "More than one"),
        ("export export export export export export export export export KEY", "too much around"),
        ("HUGE", "no key"),
        ('{"a": {"key": "KEY"}}', "JSON"),
        ('["KEY"]', "JSON"),
    ],
)
def test_what_is_surely_wrong_is_refused_by_name(pasted: str, named: str) -> None:
    cleaned = inspect(filled(pasted))
    assert cleaned.key is None
    assert named in (cleaned.refusal or "")


def test_a_key_in_base64_is_told_from_a_key() -> None:
    cleaned = inspect(b64encode(made().encode()).decode())
    assert (cleaned.key, cleaned.kind) == (None, Kind.BASE64)


@pytest.mark.parametrize("text", ["PASSWORD=KEYLESS" + "x" * 40, "https://example.org/" + "x" * 40])
def test_another_secret_keeps_its_name(text: str) -> None:
    cleaned = inspect(text)
    assert cleaned.key is not None
    assert cleaned.key.reveal() == text
    assert cleaned.warnings


@pytest.mark.parametrize("between", ["", "\n", " "])
def test_a_key_that_was_pasted_twice_is_refused_as_such(between: str) -> None:
    key = made()
    assert "pasted twice" in (inspect(key + between + key).refusal or "")


@pytest.mark.parametrize(
    ("key", "warned"),
    [
        ("HALF1-AA", "length"),
        ("sk-ant-api99-ENDLESS", "end"),
        ("sk-ant-new01-BODY", "begin"),
        ("HALF1+AA", "characters"),
    ],
)
def test_what_is_only_unusual_is_warned_about(key: str, warned: str) -> None:
    cleaned = inspect(filled(key))
    assert cleaned.key is not None
    assert any(warned in warning for warning in cleaned.warnings)


@given(
    st.text(min_size=8, max_size=200).map(lambda tail: "sk-ant-admin99-" + tail)
    | st.text(min_size=SHORTEST, max_size=200)
)
def test_no_message_shows_a_part_of_what_was_pasted(pasted: str) -> None:
    cleaned = inspect(pasted)
    secret = pasted.removeprefix("sk-ant-admin99-").strip()
    if len(secret) >= 8 and secret[-8:] not in OUR_WORDS:
        assert secret[-8:] not in " ".join([*cleaned.repairs, *cleaned.warnings, cleaned.refusal or ""])
