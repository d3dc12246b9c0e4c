"""Plants among the steps: what touches secrets, consumers and keys."""

from __future__ import annotations

from typing import Final

from tests.planted.catchers import Kills, Seeds
from tests.planted.plant import Plant, unit

_CONTEXT: Final = "rotator.steps.context"
_DISABLE: Final = "rotator.steps.disable"
_PROMOTE: Final = "rotator.steps.promote"
_RETIRE: Final = "rotator.steps.retire"
_STAGE: Final = "rotator.steps.stage"
_DEPLOY: Final = "rotator.steps.deploy"
_SOAK: Final = "rotator.steps.soak"

EFFECTED: Final = (
    Plant(
        name="foreign pending version overwritten",
        says="What somebody staged after our rotation was opened is discarded.",
        law="5",
        module=_STAGE,
        old="if holding is not None and holding.claim is not None and holding.claim.rotation in context.closed:",
        new="if holding is not None:",
        catcher=unit("narrow_escapes", "test_a_version_that_somebody_stages_after_the_opening_is_left_alone"),
    ),
    Plant(
        name="deploy token redrawn",
        says="A repeat of the same deploy carries another token.",
        law="4",
        module=_CONTEXT,
        old='return str(uuid.uuid5(_TOKENS, "/".join((self.rotation.id, str(self.step), *parts))))',
        new="return str(uuid.uuid4())",
        catcher=unit("narrow_escapes", "test_a_deploy_that_is_made_again_after_a_kill_carries_the_same_token"),
    ),
    Plant(
        name="version id redrawn",
        says="Every look at a version that we staged asks for another id.",
        law="4",
        module=_CONTEXT,
        old='return str(uuid.uuid5(_TOKENS, "/".join((self.rotation.id, secret, self.new.digest))))',
        new="return str(uuid.uuid4())",
        catcher=unit("engine", "test_a_second_start_goes_on_with_the_open_rotation_and_repeats_nothing"),
    ),
    Plant(
        name="any key will do",
        says="The key that is read back is the first that a store shows, whichever that is.",
        law="2",
        module=_CONTEXT,
        old="return next((key for key in keys if key.fingerprint == wanted), None)",
        new="return next(keys, None)",
        catcher=unit("narrow_escapes", "test_the_key_that_is_read_back_is_the_one_that_was_asked_for"),
    ),
    Plant(
        name="key text in the journal",
        says="What is journaled of a staging holds the key itself.",
        law="6",
        module=_STAGE,
        old="self._key(context), claim)\n        return {",
        new='self._key(context), claim)\n        return {"key": self._key(context).reveal(), ',
        catcher=unit("engine_soak", "test_a_text_of_a_key_is_in_no_event"),
    ),
    Plant(
        name="compare-and-swap dropped",
        says="The promotion takes whatever is current for what it expected, and overwrites an edit.",
        law="5",
        module=_PROMOTE,
        old="context.store.promote(version_id, context.rotation.versions.get(secret))",
        new="context.store.promote(version_id, getattr(context.store.read(Label.CURRENT), 'id', None))",
        catcher=unit("narrow_escapes", "test_a_key_that_somebody_writes_before_the_promotion_is_not_overwritten"),
    ),
    Plant(
        name="replicas not awaited",
        says="A secret counts as promoted while a replica region still gives out the old key.",
        law="1",
        module=_PROMOTE,
        old='self._await_copies(context, "promoted")',
        new="pass",
        catcher=unit("narrow_escapes", "test_no_consumer_is_deployed_before_every_replica_has_the_new_key"),
    ),
    Plant(
        name="restored without a test",
        says="A rollback moves `current` to the old key without asking Anthropic whether that is alive.",
        law="2",
        module=_PROMOTE,
        old="if ping.cause is Cause.UNAUTHENTICATED:",
        new="if False:",
        catcher=unit("orders", "test_current_is_never_moved_back_to_an_old_key_that_died_by_itself"),
    ),
    Plant(
        name="restored in weather",
        says="A rollback moves `current` to an old key that could not be tested.",
        law="2",
        module=_PROMOTE,
        old="if ping.verdict is not Verdict.PASSED:",
        new="if False:",
        catcher=unit("narrow_escapes", "test_current_is_not_moved_back_to_an_old_key_that_could_not_be_tested"),
    ),
    Plant(
        name="archive instead of disable",
        says="The first of the two steps is the irreversible one.",
        law="3",
        module=_DISABLE,
        old="context.ports.issuer.set_status(context.record_id, KeyStatus.INACTIVE)",
        new="context.ports.issuer.set_status(context.record_id, KeyStatus.ARCHIVED)",
        catcher=Seeds(20),
    ),
    Plant(
        name="leaked key re-enabled (effect)",
        says="Where something orders a leaked key to be enabled, it is.",
        law="10",
        module=_DISABLE,
        old="if context.rotation.plan.playbook.leaked:",
        new="if False:",
        catcher=unit("narrow_escapes", "test_the_step_itself_refuses_to_enable_a_leaked_key"),
    ),
    Plant(
        name="asking a person counts as done",
        says="Without an Admin key the old key counts as disabled as soon as a person was to be asked.",
        law="7",
        module=_DISABLE,
        old="if retire.by_ping(context) is Standing.APPLIED:",
        new="if True:",
        catcher=unit(
            "engine_by_hand", "test_without_an_admin_key_a_finish_before_the_person_acted_asks_again_and_soaks_nothing"
        ),
    ),
    Plant(
        name="single 401 counts as dead",
        says="One straggling server's refusal is believed.",
        law="7",
        module=_RETIRE,
        old="for number in range(DEAD_PINGS):",
        new="for number in range(1):",
        catcher=unit("narrow_escapes", "test_one_refusal_of_the_old_key_does_not_prove_it_dead"),
    ),
    Plant(
        name="weather counts as dead",
        says="An old key that could not be tested counts as disabled.",
        law="7",
        module=_RETIRE,
        old="if ping.cause is not Cause.UNAUTHENTICATED:",
        new="if ping.cause is Cause.ACCEPTED:",
        catcher=unit(
            "engine_by_hand", "test_where_an_effect_cannot_be_told_a_person_who_says_absent_has_it_tried_again"
        ),
    ),
    Plant(
        name="part of a deploy is enough",
        says="A deploy of which one instance has the new key counts as done.",
        law="4",
        module=_DEPLOY,
        old="return bool(said) and all(",
        new="return bool(said) and any(",
        catcher=unit("narrow_escapes", "test_a_deploy_that_reached_some_instances_is_made_again"),
    ),
    Plant(
        name="soak not watched",
        says="In the soak nobody looks at the consumers.",
        law="1",
        module=_SOAK,
        old='parts = [_part(context, StepId("observe", consumer.name), Observe().measure)]',
        new="parts = [_part(context, PINGS, Pings().once)]",
        catcher=unit(
            "narrow_escapes", "test_an_instance_without_a_probe_that_misses_the_old_key_in_the_soak_gets_it_back"
        ),
    ),
    Plant(
        name="probes not made in the soak",
        says="In the soak a consumer's own requests may be refused unseen.",
        law="1",
        module=_SOAK,
        old="        if consumer.probes:\n",
        new="        if False:\n",
        catcher=unit("engine_soak", "test_a_probe_that_is_refused_brings_the_old_key_back"),
    ),
    Plant(
        name="usage not read in the soak",
        says="Use of the old key that is counted only after it was disabled is not noticed.",
        law="7",
        module=_SOAK,
        old="        parts += _usage(context)\n",
        new="",
        catcher=unit(
            "engine_soak_usage", "test_use_that_was_counted_late_shows_in_the_soak_and_brings_the_old_key_back"
        ),
    ),
    Plant(
        name="a kill between effect and journal repeats the deploy",
        says="After a kill a deploy that happened is made once more.",
        law="4",
        module=_DEPLOY,
        old="if _all_hold(instances, (context.new,)):",
        new="if False:",
        catcher=Kills(60),
    ),
)
