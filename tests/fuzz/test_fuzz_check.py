"""Whatever stands where a key should, and whatever answers to it: a diagnosis, and never more than the fingerprint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.adapters.issuer.inquiry import Inquiry
from rotator.adapters.surroundings import surroundings
from rotator.cli.check_lines import folded, key_lines, one_line
from rotator.core.check.diagnosis import Diagnosis, Finding, diagnose
from rotator.core.check.sample import Origin, Sample
from rotator.core.check.slips import look
from rotator.core.check.symptoms import Symptoms
from rotator.core.hygiene import inspect
from tests.anthropic_world import StillClock
from tests.aws_world import make_key
from tests.fuzz.depth import examples
from tests.fuzz.hostile import Hostile, hostile
from tests.fuzz.replies import Reply, replies
from tests.fuzz.test_fuzz_issuer import ADMIN, ERROR, KEY, LONGEST_TEXT, MODELS, PAGE, RECORD

NAME = "ANTHROPIC_API_KEY"
AROUND = (
    *("", " ", "\n", "\r\n", "\t", "\0", '"', "'", "`", "“", "…", "...", "**", "é", ",", ";", "=", "#", " # "),
    *("\u200b", "\ufeff", "\u00a0", "\u3164", "\ufe0f", "\ud800", "\U000e0100", "\x1b[200~"),
    *("Bearer ", "bearer\t", "export ", "set -x ", "X=", "X: ", f"{NAME}=", f"# {NAME}=", "$env:X=", "x-api-key: "),
    *("${", "}", "<", ">", "{", "[", '{"a": "', '"}', "sk-ant-", "sk-", "op://", "c2stYW50"),
)
noise = st.lists(st.sampled_from(AROUND) | st.text(max_size=3), max_size=5).map("".join)
environments = st.fixed_dictionaries(
    {},
    optional={
        "ANTHROPIC_BASE_URL": st.sampled_from(["http://gateway", "nonsense", "http://u:p@h:x/\x1b[2J", "https://["]),
        "ANTHROPIC_CUSTOM_HEADERS": noise.map(lambda text: f"Authorization: {text}\nx: y"),
        "ANTHROPIC_AUTH_TOKEN": noise,
        "ANTHROPIC_PROFILE": noise,
        "ANTHROPIC_CONFIG_DIR": st.sampled_from(["/dev/null", "\0", "~", "/proc/self"]),
        "KUBERNETES_SERVICE_HOST": st.just("10.0.0.1"),
        NAME: noise,
    },
)


def told(diagnosis: Diagnosis) -> str:
    """All that is printed of it; the lines are plain text that steers no terminal."""
    lines = [*folded(key_lines(diagnosis, "the place")), one_line(diagnosis)]
    assert all(line.isprintable() for line in lines)
    return "\n".join([*lines, json.dumps(diagnosis.to_json()), repr(diagnosis)])


@given(noise, noise, noise, st.integers(0, 108), st.sampled_from(Origin), st.booleans(), environments)
@examples(300)
def test_a_text_around_and_inside_a_key_is_diagnosed_and_none_of_it_told(
    before: str, inside: str, after: str, cut: int, origin: Origin, utf16: bool, environ: dict[str, str]
) -> None:
    key = make_key().reveal()
    text = before + key[:cut] + inside + key[cut:] + after
    sample = Sample(origin=origin, name=NAME, text=text, utf16=utf16)
    looked = look(sample)
    found = diagnose(Symptoms(looked=looked, around=surroundings({NAME: text, **environ}), offline=True))
    said = told(found) + repr(looked)
    hidden = key[16:104]
    assert not any(hidden[at : at + 12] in said for at in range(len(hidden) - 12))
    if looked.cleaned is not None and looked.cleaned.key is not None:
        again = inspect(looked.cleaned.key.reveal())
        assert (again.key, again.repairs) == (looked.cleaned.key, ())
    if text == key:
        assert looked.spoilt == utf16


@dataclass(repr=False)
class World:
    server: Hostile
    trap: Hostile
    inquiry: Inquiry
    clock: StillClock


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    clock = StillClock()
    with hostile() as server, hostile(host="127.0.0.2") as trap:
        inquiry = Inquiry(clock, base_url=f"{server.url}/gw", admin_key=lambda: ADMIN, direct_url=server.url)
        yield World(server, trap, inquiry, clock)


@given(st.lists(replies(MODELS, ERROR, PAGE, RECORD), min_size=1, max_size=6))
@examples(80)
def test_whatever_answers_there_is_a_diagnosis(world: World, script: list[Reply]) -> None:
    world.trap.heads.clear()
    world.server.restart(lambda head, n: script[min(n, len(script) - 1)].pieces(head, world.trap.url))
    trials, books = world.inquiry.ask(KEY)
    looked = look(Sample(origin=Origin.ENV, name=NAME, text=KEY.reveal()))
    found = diagnose(Symptoms(looked=looked, trials=trials, books=books, now=world.clock.now()))
    said = told(found) + repr((trials, books))
    assert KEY.reveal() not in said
    assert ADMIN.reveal() not in said
    assert len(said) < 10 * LONGEST_TEXT
    assert found.finding is not Finding.FINE or trials[0].accepted
    assert world.trap.heads == []
    assert len(world.server.heads) <= 60
