"""The order of the steps is code; here it is said once more, as sentences."""

from __future__ import annotations

from rotator.core.plan import ADOPT, ARCHIVE, DISABLE, DRAIN, PINGS, SOAK
from rotator.model.plan import Phase, Plan, StepId
from tests.unit.core_rotations import SECRETS, a_consumer, a_plan


def order(plan: Plan) -> list[str]:
    return [str(step.id) for step in plan.steps]


def test_every_secret_is_staged_and_tested_before_any_is_promoted() -> None:
    verbs = [step.id.verb for step in a_plan().steps if step.id.verb in ("stage", "test", "promote")]
    assert verbs == ["stage", "stage", "test", "test", "promote", "promote"]


def test_a_wave_is_observed_before_the_next_is_deployed() -> None:
    steps = order(a_plan())
    assert steps.index("deploy chat") < steps.index("observe chat") < steps.index("deploy batch")


def test_together_nothing_is_observed_between_deploys() -> None:
    steps = order(a_plan({"waves": "together"}))
    assert steps.index("deploy batch") < steps.index("observe chat")


def test_no_step_occurs_twice() -> None:
    steps = order(a_plan())
    assert len(steps) == len(set(steps))


def test_phases_never_go_back() -> None:
    phases = [step.phase for step in a_plan().steps]
    assert phases == sorted(phases)


def test_disable_needs_every_gate_of_the_overlap_and_the_drain() -> None:
    needs = a_plan().step(DISABLE).needs
    assert {StepId("observe", name) for name in ("chat", "batch", "shadow", "laptops")} <= set(needs)
    assert {StepId("probe", "chat"), PINGS, DRAIN} <= set(needs)


def test_archive_comes_after_the_soak_and_needs_it() -> None:
    plan = a_plan()
    assert plan.step(ARCHIVE).needs == (SOAK,)
    steps = order(plan)
    assert steps.index("disable") < steps.index("soak") < steps.index("archive")


def test_only_contract_takes_away() -> None:
    assert {step.phase for step in a_plan().steps if step.id in (DISABLE, ARCHIVE)} == {Phase.CONTRACT}


def test_a_first_key_retires_nothing() -> None:
    ids = {step.id for step in a_plan(first=True).steps}
    assert not ids & {DRAIN, DISABLE, SOAK, ARCHIVE}
    assert {ADOPT, PINGS} <= ids


def test_every_secret_is_tidied_last() -> None:
    assert order(a_plan())[-2:] == [f"tidy {secret}" for secret in SECRETS]


def test_a_consumer_without_a_deploy_is_observed_all_the_same() -> None:
    steps = order(a_plan(consumers=(a_consumer("edge", deploys=False),)))
    assert "deploy edge" not in steps
    assert "observe edge" in steps
