"""Each effect by itself: how it finds the world, what it leaves behind and says of it, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotator.core.approval import approved
from rotator.core.plan import ARCHIVE, DISABLE
from rotator.model.decision import Stop
from rotator.model.errors import PersonNeeded, Refused, Unreachable, UsageError
from rotator.model.keys import KeyStatus
from rotator.model.plan import Phase, StepId
from rotator.model.rotation import Mark, Standing
from rotator.sandbox.memory_fleet import Process
from rotator.sandbox.memory_issuer import MODEL
from rotator.sandbox.memory_store import MemorySecretStore
from rotator.sandbox.memory_world import MemoryWorld
from rotator.session import Moved
from rotator.steps import Context, effect_of, retire
from tests.unit.engine_world import old_status, quick, rotation_of, started, turn_up

SECRET = "aws-sm://eu-west-1/prod/0"
STAGE, PROMOTE, TIDY = (StepId(verb, SECRET) for verb in ("stage", "promote", "tidy"))
DEPLOY = StepId("deploy", "chat")


def at(world: MemoryWorld, step: StepId, **changes: Any) -> Context:
    fields = {"rotation": rotation_of(world), "ports": world.ports(), "step": step, "by": "tester", "key": None}
    return Context(**{**fields, "closed": frozenset(), **changes})


def found(world: MemoryWorld, step: StepId, **changes: Any) -> Standing:
    return effect_of(step).inspect(at(world, step, **changes))


def taking_back(world: MemoryWorld, step: StepId) -> Context:
    """As in a rollback that has just intended to take this step back."""
    rotation = rotation_of(world)
    state = rotation.steps[step]._replace(mark=Mark.UNDOING)
    return at(world, step, rotation=replace(rotation, steps={**rotation.steps, step: state}))


def moved() -> None:
    raise Moved


def test_the_marks_of_a_staged_and_promoted_secret_are_told_by_its_versions() -> None:
    world = quick()
    seen = []

    def look(operation: str, moment: str) -> None:
        if operation.endswith((f"{SECRET}.stage", f"{SECRET}.promote")) and world.hook is look:
            world.hook = lambda operation, moment: None
            seen.append((moment, found(world, STAGE), found(world, PROMOTE)))
            world.hook = look

    world.hook = look
    world.start(horizon=Phase.EXPAND)
    absent, applied = Standing.ABSENT, Standing.APPLIED
    assert seen == [
        ("before", absent, absent),
        ("after", applied, absent),
        ("before", applied, absent),
        ("after", applied, applied),
    ]


def test_a_promotion_whose_copies_lag_is_not_done_yet() -> None:
    world = started(quick())
    world.stores[SECRET].copies_behind = ["eu-central-1"]
    assert found(world, PROMOTE) is Standing.PARTIAL


def test_on_the_way_back_a_secret_is_restored_once_more_where_it_reads_as_before_or_names_the_new_key() -> None:
    world = started(quick())
    store, context = world.stores[SECRET], taking_back(world, PROMOTE)
    store.edit("by hand", key=world.issuer.issue()[0])
    assert effect_of(PROMOTE).inspect(context) is Standing.ABSENT
    store.edit("the new one again", key=world.new)
    assert effect_of(PROMOTE).inspect(context) is Standing.PARTIAL
    store.restore(context.old.versions[SECRET], "the new one again")
    assert effect_of(PROMOTE).inspect(context) is Standing.PARTIAL
    assert found(world, PROMOTE) is Standing.ABSENT  # not on the way back


def test_on_the_way_back_a_pending_version_is_discarded_even_where_none_is_seen() -> None:
    world = started(quick())
    world.stores[SECRET].edit("by hand", key=world.issuer.issue()[0])
    world.stores[SECRET].discard(at(world, STAGE).version_id(SECRET))
    assert found(world, STAGE) is Standing.ABSENT
    assert effect_of(STAGE).inspect(taking_back(world, STAGE)) is Standing.PARTIAL


def test_a_promotion_waits_two_minutes_for_copies_and_then_names_them() -> None:
    world = started(quick())
    world.stores[SECRET].copies_behind = ["eu-central-1", "us-east-1"]
    before = world.clock.now()
    with pytest.raises(Unreachable, match="promoted; its replicas are not in sync yet: eu-central-1, us-east-1"):
        effect_of(PROMOTE).apply(at(world, PROMOTE))
    assert world.clock.now() - before == timedelta(minutes=2)
    assert effect_of(PROMOTE).patience(at(world, PROMOTE)) > timedelta(minutes=2)


def test_a_secret_that_had_no_key_is_not_gone_back_with() -> None:
    world = quick(first=True)
    world.start(horizon=Phase.EXPAND)
    with pytest.raises(Refused, match="had no key before"):
        effect_of(PROMOTE).undo(at(world, PROMOTE))
    with pytest.raises(UsageError, match="no old key"):
        _ = at(world, DEPLOY).old
    assert at(world, DISABLE).record_id is None


def test_only_our_own_pending_version_is_still_to_be_tidied() -> None:
    world = started(quick())
    assert found(world, TIDY) is Standing.PARTIAL
    assert effect_of(TIDY).apply(at(world, TIDY)) == {}
    assert found(world, TIDY) is Standing.APPLIED
    world.stores[SECRET].foreign("theirs", world.issuer.issue()[0])
    assert found(world, TIDY) is Standing.APPLIED
    with pytest.raises(Refused, match="no pending version to bring back"):
        effect_of(TIDY).undo(at(world, TIDY))


def test_how_a_deploy_stands_is_told_by_what_every_instance_holds() -> None:
    world = started(quick())
    fleet = world.fleet["chat"]
    assert found(world, DEPLOY) is Standing.APPLIED
    turn_up(world, "chat", world.old)
    assert found(world, DEPLOY) is Standing.PARTIAL
    fleet._processes = [Process("back", world.old, world.clock.now())]
    assert found(world, DEPLOY) is Standing.ABSENT
    turn_up(world, "chat", world.issuer.issue()[0])
    assert found(world, DEPLOY) is Standing.PARTIAL
    fleet._processes = []
    assert found(world, DEPLOY) is Standing.PARTIAL
    fleet.unreachable = True
    assert found(world, DEPLOY) is Standing.PARTIAL


def test_a_deploy_is_made_again_where_only_a_person_could_tell_and_where_there_was_no_old_key() -> None:
    world = started(quick())
    assert found(world, DEPLOY, ports=replace(world.ports(), watchers={})) is Standing.PARTIAL
    rotation = replace(rotation_of(world), old=None)
    world.fleet["chat"]._processes = [Process("back", world.old, world.clock.now())]
    assert found(world, DEPLOY, rotation=rotation) is Standing.PARTIAL


def test_a_deploy_says_its_token_which_is_the_same_each_time_and_another_one_for_each_consumer_and_way() -> None:
    world = started(quick())
    said = [effect_of(step).apply(at(world, step))["token"] for step in (DEPLOY, DEPLOY, StepId("deploy", "batch"))]
    back = effect_of(DEPLOY).undo(at(world, DEPLOY))["token"]
    assert said[0] == said[1]
    assert len({*said, back}) == 3
    assert world.fleet["chat"].deploys[-3:] == [said[0], said[1], back]
    assert effect_of(DEPLOY).patience(at(world, DEPLOY)) > rotation_of(world).plan.playbook.deploy_timeout


def test_a_deploy_that_places_which_drifted_do_not_need_is_said_to_have_been_held() -> None:
    world = quick(strays=1)
    end = world.agree(horizon=Phase.EXPAND)
    assert isinstance(end, Stop)
    assert rotation_of(world).steps[DEPLOY].data == {"held": True}


def test_disabling_and_archiving_say_by_whom_or_of_which_record() -> None:
    world = started(quick())
    assert effect_of(DISABLE).apply(at(world, DISABLE)) == {"key_id": world.old_id}
    assert effect_of(DISABLE).apply(at(world, DISABLE)) == {"key_id": world.old_id}
    assert found(world, ARCHIVE) is Standing.ABSENT
    assert effect_of(ARCHIVE).apply(at(world, ARCHIVE)) == {"key_id": world.old_id}
    assert (found(world, DISABLE), found(world, ARCHIVE)) == (Standing.APPLIED, Standing.APPLIED)
    with pytest.raises(Refused, match="cannot be brought back"):
        effect_of(ARCHIVE).undo(at(world, ARCHIVE))


@pytest.mark.parametrize("step", [DISABLE, ARCHIVE], ids=str)
def test_a_key_is_not_taken_away_where_the_last_look_at_the_log_finds_others(step: StepId) -> None:
    world = started(quick())
    if step == ARCHIVE:
        world.issuer.set_status(world.old_id, KeyStatus.INACTIVE)
    before = old_status(world)
    with pytest.raises(Moved):
        effect_of(step).apply(at(world, step, still_ours=moved))
    assert old_status(world) is before


def test_what_a_person_did_in_the_console_is_said_to_be_theirs() -> None:
    world = started(quick(managed=False))
    with pytest.raises(PersonNeeded, match="disable the old key by hand"):
        effect_of(DISABLE).apply(at(world, DISABLE))
    world.issuer.books.change(world.old_id, status=KeyStatus.INACTIVE)
    assert effect_of(DISABLE).apply(at(world, DISABLE)) == {"by": "a person, in the Console"}
    with pytest.raises(PersonNeeded, match="ENABLE THE OLD KEY NOW"):
        effect_of(DISABLE).undo(taking_back_disable(world))
    world.issuer.books.change(world.old_id, status=KeyStatus.ACTIVE)
    assert effect_of(DISABLE).undo(taking_back_disable(world)) == {"by": "a person, in the Console", "why": "missed"}
    assert found(world, ARCHIVE) is Standing.PARTIAL
    assert approved(rotation_of(world), ARCHIVE) is None
    assert effect_of(ARCHIVE).apply(at(world, ARCHIVE)) == {"attested_by": None}


def taking_back_disable(world: MemoryWorld) -> Context:
    rotation = rotation_of(world)
    state = rotation.steps[PROMOTE]._replace(mark=Mark.UNDOING, data={"undo": True, "why": "missed"})
    return at(world, DISABLE, rotation=replace(rotation, steps={**rotation.steps, DISABLE: state}))


@pytest.mark.parametrize(("planned", "manages"), [(True, False), (False, True), (False, False)])
def test_a_record_is_nobodys_to_disable_without_an_admin_key_or_where_the_plan_counts_on_none(
    planned: bool, manages: bool
) -> None:
    world = started(quick())
    world.issuer.manages = manages
    rotation = rotation_of(world)
    context = at(world, DISABLE, rotation=replace(rotation, plan=replace(rotation.plan, managed=planned)))
    assert context.record_id is None
    assert at(started(quick()), DISABLE).record_id is not None


def test_a_key_is_dead_after_three_refusals_two_seconds_apart_and_alive_after_one_answer_that_costs_nothing() -> None:
    world = started(quick(managed=False))
    world.issuer.books.closed_models.add((world.old_id, MODEL))
    before, context = world.clock.now(), at(world, DISABLE)
    assert retire.by_ping(context) is Standing.ABSENT
    assert retire.seen_active(context) is KeyStatus.ACTIVE
    assert world.clock.now() == before
    world.issuer.books.change(world.old_id, status=KeyStatus.INACTIVE)
    assert retire.by_ping(context) is Standing.APPLIED
    assert world.clock.now() - before == timedelta(seconds=4)
    assert retire.seen_active(context) is None


def test_a_secret_that_names_no_key_any_more_keeps_the_old_one_alive() -> None:
    world = started(quick())
    ports = world.ports()
    for empty in (MemorySecretStore("s", world.clock), MemorySecretStore("s", world.clock, fields={"other": "x"})):
        context = at(world, DISABLE, ports=replace(ports, stores={**ports.stores, SECRET: empty}))
        with pytest.raises(Refused, match=r"stays active: .* shows no current version yet"):
            effect_of(DISABLE).apply(context)
    assert old_status(world) is KeyStatus.ACTIVE


def test_staging_and_promoting_say_which_version_and_a_first_one_is_known_by_being_current() -> None:
    world = quick(first=True)
    world.start(horizon=Phase.EXPAND)
    context = at(world, STAGE, key=world.new)
    said = {"version": context.version_id(SECRET)}
    assert (effect_of(STAGE).apply(context), effect_of(PROMOTE).apply(at(world, PROMOTE))) == (said, said)
    effect_of(TIDY).apply(at(world, TIDY))
    assert found(world, STAGE) is Standing.APPLIED
    ports = world.ports()
    empty = replace(ports, stores={**ports.stores, SECRET: MemorySecretStore("s", world.clock)})
    assert found(world, STAGE, ports=empty) is Standing.ABSENT


@pytest.mark.parametrize(("known", "policy"), [(True, "auto"), (False, "never")])
def test_a_key_that_leaked_is_not_restored_whoever_knows_of_it(known: bool, policy: str) -> None:
    world = started(quick({"reenable": policy}))
    rotation = rotation_of(world)
    assert rotation.old is not None
    context = at(world, PROMOTE, rotation=replace(rotation, old=replace(rotation.old, leaked=known)))
    with pytest.raises(Refused, match="leaked: it is never restored"):
        effect_of(PROMOTE).undo(context)


def test_a_secret_is_restored_once_its_copies_are_too_by_a_ping_that_costs_nothing() -> None:
    world = started(quick())
    world.issuer.books.closed_models.add((world.old_id, MODEL))
    world.stores[SECRET].copies_behind = ["eu-central-1"]
    context = at(world, PROMOTE)
    with pytest.raises(Unreachable, match="restored; its replicas are not in sync yet: eu-central-1"):
        effect_of(PROMOTE).undo(context)
    world.stores[SECRET].copies_behind = []
    assert effect_of(PROMOTE).undo(context) == {"version": context.old.versions[SECRET]}
