"""Plants among the plan's order, what is seen, and how long is waited."""

from __future__ import annotations

from typing import Final

from rotator.model.keys import KeyStatus
from rotator.model.measure import Verdict
from tests.planted.catchers import Seeds
from tests.planted.plant import Plant, unit
from tests.unit import test_judge as seen

_JUDGE: Final = "rotator.core.judge"
_PLAN: Final = "rotator.core.plan"
_PLANNED: Final = "rotator.model.plan"
_WINDOWS: Final = "rotator.core.windows"
_TESTS: Final = """\
    for test in tests:
        yield PlannedStep(id=test, phase=Phase.EXPAND, effect=False)
"""
_PROMOTES: Final = """\
    for secret in secrets:
        yield PlannedStep(id=StepId("promote", secret), phase=Phase.EXPAND, effect=True, needs=tests)
"""

SEEN: Final = (
    Plant(
        name="promote before test",
        says="A secret's new version becomes current before it was read back and pinged.",
        law="2",
        module=_PLAN,
        old=_TESTS + _PROMOTES,
        new=_PROMOTES.replace("tests)", "())") + _TESTS,
        catcher=unit("plan", "test_every_secret_is_staged_and_tested_before_any_is_promoted"),
    ),
    Plant(
        name="disable before observe",
        says="The old key may be disabled without a look at any consumer.",
        law="1",
        module=_PLAN,
        old="gates = (*overlap_gates(consumers), DRAIN)",
        new="gates = (DRAIN,)",
        catcher=Seeds(20),
    ),
    Plant(
        name="next wave before the first is observed",
        says="A second wave is deployed while nobody knows whether the first one works.",
        law="principle 2",
        module=_PLAN,
        old="if number < len(waves):",
        new="if number > len(waves):",
        catcher=unit("plan", "test_a_wave_is_observed_before_the_next_is_deployed"),
    ),
    Plant(
        name="archive without a soak",
        says="The archive does not need the soak's fresh evidence.",
        law="3",
        module=_PLAN,
        old="effect=True, needs=(SOAK,))",
        new="effect=True, needs=())",
        catcher=unit("plan", "test_archive_comes_after_the_soak_and_needs_it"),
    ),
    Plant(
        name="tidy before archive",
        says="The secrets are tidied in OVERLAP, while a rollback still needs to know whose the versions are.",
        law="3",
        module=_PLAN,
        old='yield PlannedStep(id=StepId("tidy", secret), phase=Phase.CONTRACT, effect=True)',
        new='yield PlannedStep(id=StepId("tidy", secret), phase=Phase.OVERLAP, effect=True)',
        catcher=unit("plan", "test_phases_never_go_back"),
    ),
    Plant(
        name="unknown counted as new",
        says="An instance that cannot say which key it holds counts as one that holds the new one.",
        law="7",
        module=_JUDGE,
        old="        (unknowns if one is two else",
        new="        (holds if not two else",
        catcher=unit("judge", "test_every_instance_must_say_the_wanted_key", (None,), Verdict.INCONCLUSIVE),
    ),
    Plant(
        name="terminating ignored",
        says="An instance that is terminating, and still answers requests with the old key, is not counted.",
        law="1",
        module=_JUDGE,
        old="    holds: list[Instance] = []",
        new="    instances = [one for one in instances if not one.terminating]\n    holds: list[Instance] = []",
        catcher=unit("judge", "test_a_terminating_instance_counts_like_any_other"),
    ),
    Plant(
        name="empty instances pass",
        says="A consumer of which no instance answered is taken for one that has the new key.",
        law="7",
        module=_JUDGE,
        old="    if not instances:\n",
        new="    if False:\n",
        catcher=unit("judge", "test_every_instance_must_say_the_wanted_key", (), Verdict.INCONCLUSIVE),
    ),
    Plant(
        name="no ping passes",
        says="A key that was not pinged at all, or not often enough, passes.",
        law="7",
        module=_JUDGE,
        old="if not pings or len(pings) < wanted:",
        new="if False:",
        catcher=unit("judge", "test_so_many_pings_in_a_row_must_pass", (), 0, Verdict.INCONCLUSIVE),
    ),
    Plant(
        name="first ping decides",
        says="Of several pings only the first is looked at.",
        law="principle 5",
        module=_JUDGE,
        old="    for ping in pings:\n",
        new="    for ping in pings[:1]:\n",
        catcher=unit("judge", "test_so_many_pings_in_a_row_must_pass", (seen.OK, seen.DEAD), 2, Verdict.FAILED),
    ),
    Plant(
        name="empty soak passes",
        says="A soak that watched nothing passes at its end.",
        law="7",
        module=_JUDGE,
        old="    if not parts:\n",
        new="    if False:\n",
        catcher=unit(
            "judge",
            "test_a_soak_passes_only_at_its_end_with_everything_well",
            [],
            KeyStatus.INACTIVE,
            True,
            Verdict.INCONCLUSIVE,
        ),
    ),
    Plant(
        name="soak cut short",
        says="The first look without a complaint ends the soak.",
        law="3",
        module=_JUDGE,
        old="    if now < ends:\n",
        new="    if False:\n",
        catcher=Seeds(20),
    ),
    Plant(
        name="adopt accepts the old key",
        says="The old key, pasted again, is adopted as its own replacement.",
        law="1",
        module=_JUDGE,
        old="if old is not None and new.digest == old.digest:",
        new="if False:",
        catcher=unit("engine_failures", "test_the_old_key_again_is_refused"),
    ),
    Plant(
        name="adopt ignores the organisation",
        says="A key of another organisation or workspace is adopted.",
        law="1",
        module=_JUDGE,
        old="if ping.verdict is Verdict.PASSED and differs and not chosen:",
        new="if False:",
        catcher=unit("narrow_escapes", "test_a_key_of_another_organisation_is_refused"),
    ),
    Plant(
        name="drain window from the wrong time",
        says="The quiet window is counted from the rotation's opening and not from the last deploy.",
        law="7",
        module=_WINDOWS,
        old="opens = silence(rotation).opened or last_change(rotation) or rotation.opened_at",
        new="opens = rotation.opened_at",
        catcher=Seeds(20),
    ),
    Plant(
        name="drain window before the last one moved",
        says="The quiet window runs while a consumer that reloads by itself still uses the old key.",
        law="7",
        module=_WINDOWS,
        old="opens = silence(rotation).opened or last_change(rotation) or rotation.opened_at",
        new="opens = last_change(rotation) or rotation.opened_at",
        catcher=unit(
            "narrow_escapes",
            "test_without_a_report_the_quiet_window_begins_when_the_last_consumer_was_seen_to_have_moved",
        ),
    ),
    Plant(
        name="cadence ignored",
        says="The quiet window may be shorter than the slowest consumer's silence.",
        law="7",
        module=_PLANNED,
        old="return max(self.playbook.drain.quiet_for, slowest) + self.playbook.drain.lag",
        new="return self.playbook.drain.quiet_for + self.playbook.drain.lag",
        catcher=Seeds(20),
    ),
    Plant(
        name="lag ignored",
        says="The quiet window does not wait for the usage report.",
        law="7",
        module=_PLANNED,
        old="return max(self.playbook.drain.quiet_for, slowest) + self.playbook.drain.lag",
        new="return max(self.playbook.drain.quiet_for, slowest)",
        catcher=Seeds(60),
    ),
)
