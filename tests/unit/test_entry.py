"""What is written into the log of an effect, a look and a key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.approval import evidence_digest
from rotator.core.entry import failure, grounds, same
from rotator.core.exposure import modest, told
from rotator.core.plan import DISABLE, DRAIN
from rotator.model.errors import Refused, Unreachable
from rotator.model.keys import Fingerprint
from rotator.model.measure import Measurement, Verdict
from rotator.model.plan import StepId
from tests.unit.core_rotations import NOW, SECRETS, all_passed, approved_for


def test_an_effect_is_journaled_with_what_it_rests_on() -> None:
    rotation = approved_for(all_passed(upto=DISABLE), "disable")
    needs = rotation.plan.step(DISABLE).needs
    assert grounds(rotation, DISABLE) == {
        "measured": {str(need): NOW.isoformat() for need in needs},
        "evidence_digest": evidence_digest(rotation, DISABLE),
        "approved_by": "tester",
    }
    undrained = replace(rotation, gates={gate: one for gate, one in rotation.gates.items() if gate != DRAIN})
    found = grounds(undrained, DISABLE)
    assert (len(found["measured"]), found["approved_by"]) == (len(needs) - 1, None)  # type: ignore[arg-type]  # JSON
    assert grounds(rotation, StepId("stage", SECRETS[0])) == {}


def test_a_failure_says_whether_the_same_call_may_succeed_later() -> None:
    assert failure(Unreachable("it is busy", "wait")) == {"error": "it is busy", "hint": "wait", "exit": None}
    assert failure(Refused("no", "ask"))["exit"] == 10


@pytest.mark.parametrize(
    ("changes", "alike"),
    [
        ({"why": "another"}, True),
        ({"proof": {"request_ids": ["req_1"]}}, True),
        ({"verdict": Verdict.FAILED}, False),
        ({"facts": {"instances": 2}}, False),
        ({"final": True}, False),
    ],
)
def test_a_look_that_found_the_same_is_told_by_all_that_somebody_could_decide_by(
    changes: dict[str, object], alike: bool
) -> None:
    before = Measurement(gate="pings", verdict=Verdict.PASSED, why="because")
    assert same(before, before._replace(**changes)) is alike  # type: ignore[arg-type]  # parametrised fields


def test_what_may_be_any_secret_at_all_is_told_by_its_digest_alone() -> None:
    key, other = Fingerprint.of("sk-ant-api03-" + "k" * 95), Fingerprint.of("hunter2" * 9)
    assert modest(key) == key
    assert told(modest(key)) == str(key)
    assert told(modest(other)) == f"[{other.digest}]"
