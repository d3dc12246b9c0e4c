"""core/check/diagnosis.py: never raises, never shows a key, and its words hold for every combination of symptoms."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.check.diagnosis import Finding, diagnose
from rotator.core.check.sample import Origin, Sample
from rotator.core.check.slips import look
from rotator.core.check.suspects import Certainty, Culprit
from rotator.core.check.symptoms import Surroundings, Symptoms
from rotator.core.check.trials import Address, Books, Header, Trial
from rotator.model.keys import Fingerprint, KeyRecord, KeyStatus
from rotator.model.measure import Cause
from tests.aws_world import make_key

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATUSES = st.sampled_from([None, 200, 302, 400, 401, 402, 403, 404, 408, 409, 418, 429, 500, 529])
surrounds = st.builds(
    Surroundings,
    base_url=st.sampled_from([None, "http://gateway"]),
    base_url_plain=st.booleans(),
    overriding=st.sampled_from([(), ("Authorization",), ("Authorization", "x-api-key")]),
    workspace=st.sampled_from([None, "wrkspc_1"]),
    api_key=st.sampled_from([None, Fingerprint("", "", 3, "000000000000")]),
    auth_token=st.booleans(),
    discovered=st.sampled_from([None, "the profile"]),
    proxy=st.sampled_from([None, "the proxy"]),
)
trials = st.builds(
    Trial,
    header=st.sampled_from(Header),
    address=st.sampled_from(Address),
    at=st.just(NOW),
    status=STATUSES,
    cause=st.sampled_from(Cause),
    words=st.just("words"),
    code=st.sampled_from([None, "sandbox_egress_restricted"]),
    genuine=st.booleans(),
)
records = st.builds(
    KeyRecord,
    id=st.just("apikey_1"),
    name=st.just("prod"),
    status=st.sampled_from(KeyStatus),
    hint=st.none(),
    workspace=st.sampled_from([None, "wrkspc_1"]),
    created_at=st.sampled_from([None, NOW, NOW - timedelta(days=400)]),
    expires_at=st.sampled_from([None, NOW]),
)
books = st.builds(
    Books,
    unable=st.sampled_from(["", "They could not be asked."]),
    record=st.none() | records,
    created_by=st.sampled_from([None, "user user_1"]),
    owner=st.sampled_from([None, "user user_1"]),
    others=st.sampled_from([(), ("a", "b")]),
    requests=st.sampled_from([None, 0, 5]),
    refreshed_at=st.sampled_from([None, NOW]),
)


@given(
    st.sampled_from(["{}", '"{}"', "", "${{X}}", "sk-ant-admin01-{}", "{}{}"]),
    st.sampled_from(Origin),
    surrounds,
    st.lists(trials, max_size=4).map(tuple),
    st.none() | books,
    st.booleans(),
)
def test_every_combination_is_diagnosed_and_shows_no_key(
    template: str,
    origin: Origin,
    around: Surroundings,
    tried: tuple[Trial, ...],
    asked: Books | None,
    offline: bool,
) -> None:
    text = make_key().reveal()
    looked = look(Sample(origin=origin, name="ANTHROPIC_API_KEY", text=template.format(text, text)))
    found = diagnose(Symptoms(looked=looked, around=around, trials=tried, books=asked, now=NOW, offline=offline))
    order = [suspect.certainty for suspect in found.suspects]
    assert order == sorted(order, reverse=True)
    assert len({suspect.culprit for suspect in found.suspects}) == len(order)
    assert all(suspect.what and suspect.fix for suspect in found.suspects)
    assert found.finding is not Finding.FINE or Certainty.PROVEN not in order
    said = json.dumps(found.to_json()) + repr(found) + repr(looked)
    assert text[20:100] not in said


@given(surrounds, st.booleans())
def test_nothing_but_an_accepted_key_or_a_good_form_offline_is_fine(around: Surroundings, offline: bool) -> None:
    sample = Sample(origin=Origin.ENV, name="ANTHROPIC_API_KEY", text=make_key().reveal())
    found = diagnose(Symptoms(looked=look(sample), around=around, offline=offline))
    assert (found.finding is Finding.FINE) == (offline and not found.suspects)


def test_offline_a_key_of_unusual_form_cannot_be_told() -> None:
    sample = Sample(origin=Origin.FILE, name="key", text=make_key().reveal()[:-5])
    found = diagnose(Symptoms(looked=look(sample), offline=True))
    assert found.finding is Finding.UNKNOWN
    assert found.first is not None
    assert found.first.culprit is Culprit.UNUSUAL
