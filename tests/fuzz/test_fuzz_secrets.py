"""Whatever stands in a secret: the key, none, or a refusal; a new key never harms the rest, and no text is told."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rotator.adapters.store.aws import AwsSecretStore
from rotator.adapters.store.fields import Document, member_text
from rotator.model.config import AwsSecretRef
from rotator.model.errors import OutsideError, RotatorError
from rotator.model.keys import Label
from rotator.sandbox.aws import SandboxAws
from tests.aws_world import CLAIM, FIELD, REGION, client_of, make_key, secret_name, version_id
from tests.fuzz.depth import examples
from tests.fuzz.replies import anything, bent

OLD, NEW = make_key(), make_key()
SHAPE = {"user": "u", FIELD: OLD.reveal(), "nested": {FIELD: "other", "a": [1.0, None, {"b": "c"}]}}
SPACES = st.sampled_from(("", " ", "\n\t ", "\r\n"))
_NASTY = (
    "",
    " ",
    "{}",
    "[]",
    "null",
    "{",
    '{"NAME":}',
    '{"NAME":null}',
    '{"NAME":{"NAME":"x"}}',
    "\ufeff{}",
    '{"NAME":"a","NAME":5}',
    '{"NAME":"\\ud800"}',
    '{"\\ud800":1,"NAME":"x"}',
    '{"NAME":"x"} x',
    '{"a":' * 990 + "1" + "}" * 990,
    '{"NAME":"x","d":' + "[" * 900 + "]" * 900 + "}",
    "[" * 60_000,
    '{"n":' + "9" * 5000 + "}",
    '{"n":NaN,"NAME":"x"}',
    '{"NAME":"x",}',
    "a" * 65_536,
    "\u2028",
    '{"NAME":""}',
    '{"K":1}' * 100,
    '{"":""}',
    "{" + ",".join('"NAME":"x"' for _ in range(3000)) + "}",
)
NASTY = tuple(text.replace("NAME", FIELD) for text in _NASTY)

texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=60),
    bent(SHAPE).map(lambda value: json.dumps(value)),
    st.tuples(bent(SHAPE), SPACES).map(lambda drawn: json.dumps(drawn[0], indent=drawn[1], ensure_ascii=False)),
    anything.map(json.dumps),
)


def quiet(error: RotatorError) -> None:
    told = error.message + error.hint + "".join(traceback.format_exception(error))
    assert OLD.reveal() not in told
    assert NEW.reveal() not in told
    assert len(error.message + error.hint) < 2000


@given(texts, st.sampled_from((FIELD, None, "nested", "")))
@examples(300)
def test_a_text_gives_its_key_takes_a_new_one_and_keeps_the_rest(text: str, field: str | None) -> None:
    document = Document(text, field, "the secret")
    try:
        document.key()
        changed = document.with_key(NEW)
    except OutsideError as refused:
        quiet(refused)
        return
    assert changed.key() == NEW
    assert changed.same_surroundings(document)
    assert changed.with_key(NEW).reveal() == changed.reveal()
    member_text(changed.reveal(), "nested", "a")
    if field is not None:
        before, after = json.loads(text), json.loads(changed.reveal())
        assert after[field] == NEW.reveal()
        assert repr({**before, field: 0}) == repr({**after, field: 0})  # repr: NaN is not itself


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxAws]:
    with SandboxAws() as running:
        yield running


@given(texts, st.booleans())
@examples(10)
def test_a_hostile_secret_in_aws_is_rotated_or_refused_and_never_harmed(
    sandbox: SandboxAws, text: str, whole: bool
) -> None:
    assume(text and text.isprintable() and len(text) < 60_000)
    client = client_of(sandbox)
    name = secret_name()
    client.create_secret(Name=name, SecretString=text)
    store = AwsSecretStore(AwsSecretRef(REGION, name, None if whole else FIELD), client=client)
    version = version_id()
    try:
        current = store.read(Label.CURRENT)
        assert current is not None
        store.stage(version, NEW, CLAIM)
        store.promote(version, current.id)
        promoted = store.read(Label.CURRENT)
        assert promoted is not None
        assert promoted.key == NEW
        store.restore(current.id, version)
        store.discard(version)
    except OutsideError as refused:
        quiet(refused)
    finally:
        assert client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"] == text
        client.close()
