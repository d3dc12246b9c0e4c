"""Plants among the engine's loop, its hold on the journal, and what a person orders."""

from __future__ import annotations

from typing import Final

from tests.planted.catchers import Kills, Seeds
from tests.planted.plant import Plant, unit

_ENGINE: Final = "rotator.engine"
_SESSION: Final = "rotator.session"
_OPENING: Final = "rotator.opening"
_CHAIN: Final = "rotator.core.chain"
_INTENT: Final = "self.session.append(Kind.INTENDED, step, entry.grounds(self.session.open, step), attempt)"

JOURNALED: Final = (
    Plant(
        name="skipped intent",
        says="An effect happens without having been journaled before.",
        law="4",
        module=_ENGINE,
        old=_INTENT,
        new="pass",
        catcher=Seeds(5),
    ),
    Plant(
        name="effect before intent",
        says="The effect is made first and journaled as intended afterwards.",
        law="4",
        module=_ENGINE,
        old=_INTENT,
        new=f"(effect_of(step).apply(self._context(step)), {_INTENT})",
        catcher=unit("narrow_escapes", "test_no_effect_happens_before_its_intent_is_in_the_log"),
    ),
    Plant(
        name="inspection skipped on resume",
        says="An intent that is found open is simply carried out again.",
        law="4",
        module=_ENGINE,
        old="return inspect(self.session, self._context(step))",
        new="return self._attempt(step, state.attempts)",
        catcher=Kills(60),
    ),
    Plant(
        name="unknown standing taken for absent",
        says="An effect of which nobody can tell whether it happened is repeated without asking a person.",
        law="4",
        module="rotator.inspection",
        old="    if found is Standing.UNKNOWN:\n",
        new="    if found is Standing.UNKNOWN:\n        return Standing.ABSENT\n",
        catcher=unit("engine_by_hand", "test_where_an_effect_cannot_be_told_a_person_who_says_applied_is_believed"),
    ),
    Plant(
        name="late disable not mended",
        says="A process that was overtaken inside the call that disables leaves the key disabled.",
        law="1",
        module="rotator.overtaken",
        old="        effect.undo(context)\n",
        new="        pass\n",
        catcher=unit("overtaken", "test_a_process_frozen_inside_the_call_that_disables_enables_the_key_again"),
    ),
    Plant(
        name="a yes that nobody gave",
        says="Every question is answered in the playbook's name.",
        law="3",
        module=_ENGINE,
        old="if yes is None and ask.scheduled:",
        new="if yes is None:",
        catcher=unit("engine", "test_the_engine_asks_before_it_disables_and_before_it_archives"),
    ),
    Plant(
        name="a sleeper hears nothing",
        says="While it waits, a process does not read what others write.",
        law="5",
        module=_ENGINE,
        old="            self.session.clock.sleep(nap)\n        self.session.refresh()\n",
        new="            self.session.clock.sleep(nap)\n",
        catcher=unit(
            "narrow_escapes", "test_a_rollback_that_is_ordered_while_a_worker_sleeps_is_heard_before_its_next_event"
        ),
    ),
    Plant(
        name="stale append accepted",
        says="A conflict in the journal is swallowed: the event is believed and was never written.",
        law="5",
        module=_SESSION,
        old="            self.refresh()\n            raise Moved from None\n",
        new="            self.refresh()\n",
        catcher=unit("session", "test_a_conflict_is_read_again_before_anything_is_decided"),
    ),
    Plant(
        name="lease ignored",
        says="A second process works on a credential that another one holds.",
        law="5",
        module=_SESSION,
        old="        if other is not None:\n            raise HeldByAnother(",
        new="        if False:\n            raise HeldByAnother(",
        catcher=unit("session", "test_a_live_holder_is_named_and_waited_for"),
    ),
    Plant(
        name="takeover not recorded",
        says="A process goes on where another one died, and the log does not say so.",
        law="5",
        module=_SESSION,
        old='self._write(taken, None, {"from": rotation.owner}, 0)',
        new="pass",
        catcher=unit("session", "test_a_holder_that_is_surely_dead_is_taken_over_at_once_and_that_is_an_event"),
    ),
    Plant(
        name="takeover not noticed",
        says="A process goes on after another one took its rotation over.",
        law="5",
        module=_SESSION,
        old="if self._owned and self.rotation is not None and self.rotation.owner != self.me:",
        new="if False:",
        catcher=unit(
            "session", "test_a_process_that_was_paused_while_another_took_over_stops_and_says_so", "0.promote"
        ),
    ),
    Plant(
        name="hash not verified",
        says="An edited row of the journal is believed.",
        law="5",
        module=_CHAIN,
        old="    if event.hash != hash_:\n",
        new="    if False:\n",
        catcher=unit("chain", "test_a_change_to_any_field_is_found_and_names_its_event", {"holder": "mallory"}),
    ),
    Plant(
        name="chain not verified",
        says="A row that was written anew, with a fitting hash, is believed.",
        law="5",
        module=_CHAIN,
        old="    if event.prev != last_hash:\n",
        new="    if False:\n",
        catcher=unit("chain", "test_an_event_forged_with_a_fitting_hash_breaks_the_chain_behind_it"),
    ),
    Plant(
        name="foreign pending version not refused",
        says="A rotation begins in a secret where somebody else's pending version waits.",
        law="5",
        module=_OPENING,
        old="if holding is None or (holding.claim is not None and holding.claim.rotation in closed):",
        new="if True:",
        catcher=unit("engine", "test_a_pending_version_of_somebody_else_is_refused_at_the_start"),
    ),
)
